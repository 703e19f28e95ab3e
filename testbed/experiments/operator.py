"""What an operator tells PEs, and asks of them."""

from __future__ import annotations

from controllers import intents as want
from controllers.evpn.events import AddStaticMac, RemoveStaticMac
from controllers.vpls.events import TopologyChange
from controllers.wire.types import mac_from_text
from testbed.experiments.running import RunningLab
from testbed.lab.errors import LabError
from testbed.lab.machines import Guest


def pin(lab: RunningLab, machine: Guest) -> None:
    """Tie a machine's MAC to the circuit it is behind (RFC 7432 §15.2). LabError if no PE has it on one."""
    bd, mac = _identity(lab, machine)
    for name, pe in lab.fabric.pes.items():
        via = _mac_entry(lab, name, bd, mac)
        if isinstance(via, want.LocalAc):
            pe.order(AddStaticMac(bd, via.ac, mac))
            lab.timeline.stamp("pinned", name, machine=machine.name)
            return
    raise LabError(f"no PE has {machine.name} on a circuit: have it speak before it is pinned")


def unpin(lab: RunningLab, machine: Guest) -> None:
    """Let a machine's MAC move again."""
    bd, mac = _identity(lab, machine)
    for pe in lab.fabric.pes.values():
        pe.order(RemoveStaticMac(bd, mac))
    lab.timeline.stamp("unpinned", machine.name)


def topology_change(lab: RunningLab, machine: Guest) -> None:
    """Tell all PEs of a machine's VLAN that its spanning tree changed, as bridges behind them would.

    What frames taught is forgotten; what BGP told is not.
    """
    vlan = lab.plan.bridge_domains[machine.plan.bridge_domain]
    for name in vlan.pes:
        lab.fabric.pes[name].order(TopologyChange(vlan.ordinal))
    lab.timeline.stamp("topology change", machine.name)


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
