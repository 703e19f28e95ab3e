"""Which modes can be run: those that the controllers know."""

from __future__ import annotations

from testbed.lab.fabric_config import fabric_config
from testbed.model.plan import Plan
from testbed.model.topology import Mode, Reflector


def modes(plan: Plan) -> tuple[Mode, ...]:
    """The modes that the controllers of this testbed know."""
    return tuple(mode for mode in Mode if _has_controller(plan, mode))


def _has_controller(plan: Plan, mode: Mode) -> bool:
    try:
        fabric_config(plan, mode, Reflector.EMBEDDED)
    except KeyError:
        return False
    return True
