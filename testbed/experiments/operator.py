"""What an operator asks of PEs."""

from __future__ import annotations

from controllers import intents as want
from controllers.wire.types import mac_from_text
from testbed.experiments.running import RunningLab
from testbed.lab.machines import Guest


def owners(lab: RunningLab, machine: Guest) -> dict[str, str]:
    """To which PE each PE of its bridge domain sends frames for a machine; `nobody` where it floods them."""
    bd, mac = _identity(lab, machine)
    names = {str(switch.loopback): switch.name for switch in lab.plan.pes}
    found = {}
    for pe in lab.plan.bridge_domains[machine.plan.bridge_domain].pes:
        via = _mac_entry(lab, pe, bd, mac)
        remote = via.remote if isinstance(via, want.ViaPseudoWire) else via
        if isinstance(remote, want.LocalAc):
            found[pe] = pe
        elif isinstance(remote, want.Remote):
            found[pe] = names.get(str(remote.pe), str(remote.pe))
        else:
            found[pe] = "nobody"
    return found


def _identity(lab: RunningLab, machine: Guest) -> tuple[int, int]:
    """The bridge domain's number and the MAC."""
    return lab.plan.bridge_domains[machine.plan.bridge_domain].ordinal, mac_from_text(machine.plan.mac)


def _mac_entry(lab: RunningLab, pe: str, bd: int, mac: int) -> object:
    """Where a PE sends frames for a MAC."""
    entry = lab.fabric.controllers[pe].switch.plane.intents.get(("MacEntry", bd, mac))
    return entry.via if isinstance(entry, want.MacEntry) else None
