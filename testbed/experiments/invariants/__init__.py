"""The static proof: at every moment of a lab, does every pair of machines reach each other as it should?

`Journal` notes what switches acknowledged and what happened to cables and machines; `check` replays it and
follows a packet of every pair through all tables after every change.
"""

from testbed.experiments.invariants.check import Violation, check, check_now
from testbed.experiments.invariants.journal import Journal

__all__ = ["Journal", "Violation", "check", "check_now"]
