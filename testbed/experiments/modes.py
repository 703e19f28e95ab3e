"""Which modes can be run on a plan, with a reflector."""

from __future__ import annotations

from testbed.lab.errors import LabError
from testbed.lab.fabric_config import fabric_config
from testbed.model.plan import Plan
from testbed.model.topology import Mode, Reflector


def modes(plan: Plan, reflector: Reflector = Reflector.EMBEDDED) -> tuple[Mode, ...]:
    """All whose controllers can do it."""
    return tuple(mode for mode in Mode if _can_run(plan, mode, reflector))


def _can_run(plan: Plan, mode: Mode, reflector: Reflector) -> bool:
    try:
        fabric_config(plan, mode, reflector)
    except LabError:
        return False
    return True
