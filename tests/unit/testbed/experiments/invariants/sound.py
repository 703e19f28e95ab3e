"""Labs without a lab: the decision cores of a plan fill the tables, a journal notes them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from controllers.dataplane.access import LearnedMac, VlanFlood, VlanPort
from controllers.dataplane.local import CoreInterface
from controllers.dataplane.plane import Keyed
from controllers.evpn.pe import EvpnPe
from controllers.pe.events import NeighborKind, NeighborSeen
from controllers.pe.simulation import Network
from controllers.runtime.config import FabricConfig
from controllers.runtime.switch import Acknowledged
from controllers.underlay.lsdb import LinkState
from controllers.underlay.transport import interfaces, transport_labels, tunnels
from controllers.wire.types import mac_from_text
from testbed.experiments.invariants import Journal
from testbed.lab.fabric_config import fabric_config
from testbed.model.plan import Endpoint, Plan, VmPlan
from testbed.model.topology import Mode, Reflector
from testbed.observe.timeline import Event


class SoundLab:
    """A plan with all its tables as the controllers want them. Time is a number that tests set."""

    def __init__(self, plan: Plan, mode: Mode = Mode.EVPN_VMTO) -> None:
        self.plan = plan
        self.journal = Journal(plan, mode)
        self.t = 1.0
        self._config: FabricConfig = fabric_config(plan, mode, Reflector.EMBEDDED)
        self._pes = {pe.switch.name: EvpnPe(pe.core) for pe in self._config.pes}  # type: ignore[arg-type]
        self.network = Network(self._pes)
        self.network.settle()
        for setup in self._config.access:
            vlans: dict[int, list[int]] = {}
            intents: list[Keyed] = []
            for port in setup.ports:
                for vlan in port.vlans:
                    intents.append(VlanPort(port.port, vlan, port.tagged))
                    vlans.setdefault(vlan, []).append(port.port)
            intents += [VlanFlood(vlan, tuple(ports)) for vlan, ports in vlans.items()]
            self.write(setup.switch.name, *intents)
        for name in (*self._pes, *(p.switch.name for p in self._config.lsrs)):
            for each in interfaces(self._config.link_state, name):
                self.write(name, CoreInterface(each.port, each.mac))
        self.route(self._config.link_state)
        for machine in plan.machines.values():
            self.speak(
                machine.name, machine.slot(machine.at).port if isinstance(machine, VmPlan) else machine.port
            )

    def write(self, node: str, *intents: Keyed) -> None:
        """A switch acknowledges intents."""
        self.journal.acknowledged(Acknowledged(self.t, node, {intent.key: intent for intent in intents}))

    def erase(self, node: str, *keys: Hashable) -> None:
        """A switch acknowledges that intents are gone."""
        self.journal.acknowledged(Acknowledged(self.t, node, dict.fromkeys(keys)))

    def happens(self, event: str, node: str, **details: Any) -> None:
        """Something physical happens."""
        self.journal.happened(Event(self.t, event, node, details))

    def route(self, state: LinkState) -> None:
        """Every router follows a link-state database."""
        for name in (*self._pes, *(p.switch.name for p in self._config.lsrs)):
            wanted: list[Keyed] = list(transport_labels(state, name))
            if name in self._pes:
                wanted += tunnels(state, name)
            keys = {intent.key for intent in wanted}
            held = self.journal.holds.get(name, {})
            kinds = ("tunnel", "transport-label")
            self.erase(name, *(k for k in held if isinstance(k, tuple) and k[0] in kinds and k not in keys))
            self.write(name, *wanted)

    def without(self, *cables: str) -> LinkState:
        """The link-state database without some cables."""
        ends = [(end.node, end.port) for c in self.plan.cables if c.name in cables for end in (c.a, c.b)]
        return self._config.link_state.without(ends)

    def speak(self, name: str, at: Endpoint) -> None:
        """A machine announces itself at a port of an access switch; all PEs hear of it."""
        machine = self.plan.machines[name]
        mac = mac_from_text(machine.mac)
        for port in self.plan.switches[at.node].ports:
            far = self.plan.far_end(port.endpoint)
            if far is None:
                continue
            core = next(pe.core for pe in self._config.pes if pe.switch.name == far.node)
            domain = self.plan.bridge_domains[machine.bridge_domain]
            (bd,) = [each for each in core.bds if each.bd == domain.ordinal]
            (ac,) = [each.ac for each in bd.acs if each.port == far.port]
            for interface in filter(None, (machine.address, machine.address6)):
                ip = interface.ip
                self.network.send(far.node, NeighborSeen(bd.bd, ac, NeighborKind.GRATUITOUS, mac, ip, ip))
        self.network.settle()
        for each, plan in self.plan.switches.items():
            trunks = [port.number for port in plan.ports if self.plan.far_end(port.endpoint) is not None]
            if plan.role == "access" and any((each, ("vlan-port", t, machine.vlan)) for t in trunks):
                self.write(
                    each, LearnedMac(machine.vlan, mac, at.port if each == at.node else trunks[0], 300.0)
                )
        self.publish()

    def publish(self) -> None:
        """All PEs' switches acknowledge what their cores have decided."""
        for name, node in self.network.nodes.items():
            held = {
                k: v
                for k, v in self.journal.holds.get(name, {}).items()
                if isinstance(k, tuple) and k[0].islower()
            }
            self.journal.acknowledged(Acknowledged(self.t, name, {**held, **node.tables}, whole=True))
