"""What the EVPN core decides: the outputs of any core, by the names its users know."""

from __future__ import annotations

from controllers.pe.outputs import Alarm, AlarmCode, Announce, Note, Output, Probe, WakeAt, Withdraw

__all__ = ["Alarm", "AlarmCode", "Announce", "Note", "Output", "Probe", "WakeAt", "Withdraw"]
