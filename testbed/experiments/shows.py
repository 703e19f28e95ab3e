"""The `show` verbs of a running lab: what its controllers know, what its switches hold."""

from __future__ import annotations

from typing import Any, final

from controllers.runtime.fabric import Controller
from controllers.runtime.pe import PeController
from controllers.vpls.pe import VplsPe
from testbed.experiments.arguments import text
from testbed.experiments.readback import read_tables
from testbed.experiments.running import RunningLab
from testbed.experiments.state import Row, View, route_row
from testbed.lab.control import Emit, Json
from testbed.lab.errors import LabError


@final
class Shows:
    """Each takes `node`, the name of a switch, and answers with rows."""

    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab

    async def bgp(self, args: dict[str, Any], _emit: Emit) -> Json:
        """The RIB of a PE; of no node, the sessions of all PEs."""
        if args.get("node") is None:
            return [row for name, pe in self._lab.fabric.pes.items() for row in _sessions(name, pe)]
        _, speaker = self._pe(args)
        families = {family for peer in speaker.config.peers for family in peer.families}
        rows = []
        for family in sorted(families):
            for best in list(speaker.rib.best(family)):
                paths = speaker.rib.paths(best.key)
                rows += [route_row(path, best=number == 0) for number, path in enumerate(paths)]
        return sorted(rows, key=lambda row: (row["family"], row["network"], not row["best"]))

    async def evpn(self, args: dict[str, Any], _emit: Emit) -> Json:
        """MACs and addresses of a PE's bridge domains, with sequence numbers."""
        name, speaker = self._pe(args)
        if isinstance(self._lab.fabric.pes[name].core, VplsPe):
            others = f"`vmto show vpls {name}` or `vmto show mac-table {name}`"
            raise LabError(f"mode vpls has no EVPN: use {others}")
        routes = [
            path
            for family in {family for peer in speaker.config.peers for family in peer.families}
            for best in list(speaker.rib.best(family))
            for path in speaker.rib.paths(best.key)
        ]
        return self._view(name).bindings(routes)

    async def vpls(self, args: dict[str, Any], _emit: Emit) -> Json:
        """Pseudo-wires and virtual routers of a PE's bridge domains."""
        name, _ = self._pe(args)
        core = self._lab.fabric.pes[name].core
        if not isinstance(core, VplsPe):
            instead = f"use `vmto show evpn database {name}`"
            raise LabError(f"no pseudo-wires in mode {self._lab.setup.mode}: {instead}")
        return self._view(name).vpls(core.instances.values())

    async def mac(self, args: dict[str, Any], _emit: Emit) -> Json:
        """MAC tables of a PE or an access switch."""
        return self._view(self._node(args)).macs()

    async def route(self, args: dict[str, Any], _emit: Emit) -> Json:
        """IP-VRFs of a PE."""
        name, _ = self._pe(args)
        return self._view(name).routes()

    async def labels(self, args: dict[str, Any], _emit: Emit) -> Json:
        """Incoming labels of a PE or P router."""
        return self._view(self._node(args)).labels()

    async def tables(self, args: dict[str, Any], _emit: Emit) -> Json:
        """All that a switch holds, read from it."""
        return await read_tables(self._controller(self._node(args)).switch.session)

    def _node(self, args: dict[str, Any]) -> str:
        name = text(args, "node")
        if name not in self._lab.fabric.controllers:
            raise LabError(f"no switch {name!r}: use one of {', '.join(self._lab.fabric.controllers)}")
        return name

    def _controller(self, name: str) -> Controller:
        return self._lab.fabric.controllers[name]

    def _pe(self, args: dict[str, Any]) -> tuple[str, Any]:
        """A PE's name, and its BGP speaker."""
        pes, name = self._lab.fabric.pes, text(args, "node")
        if name not in pes:
            raise LabError(f"no PE {name!r}: use one of {', '.join(pes)}")
        return name, pes[name].speaker

    def _view(self, name: str) -> View:
        return View(self._lab.plan, name, self._controller(name).switch.plane.intents)


def _sessions(name: str, pe: PeController) -> list[Row]:
    return [
        {
            "pe": name,
            "neighbor": str(peer.address),
            "asn": peer.asn,
            "state": str(peer.state.name).lower(),
            "up": peer.up,
            "seconds": round(peer.since, 1),
            "updates_in": peer.counters.updates_in,
            "updates_out": peer.counters.updates_out,
            "routes": sum(peer.received.values()),
            "reason": peer.reason,
        }
        for peer in pe.speaker.peers()
    ]
