"""Ingress and egress: conditions, tables and the actions they choose."""

from __future__ import annotations

from testbed.p4.switch.model import Node, Pipeline, Table
from testbed.p4.switch.reference.actions import ActionRunner
from testbed.p4.switch.reference.expression import Evaluator
from testbed.p4.switch.reference.hashing import ALGORITHMS, Random, join_bits
from testbed.p4.switch.reference.packet import Packet
from testbed.p4.switch.reference.state import State
from testbed.p4.switch.reference.tables import Entry
from testbed.p4.switch.target import NO_PORT, TO_GROUP, DefaultOp, TableOp


class Control:
    """Walks pipelines."""

    def __init__(self, state: State, runner: ActionRunner, random: Random, up: dict[int, bool]) -> None:
        self._state = state
        self._program = state.program
        self._runner = runner
        self._random = random
        self._up = up

    def apply(self, pipeline: Pipeline, packet: Packet) -> None:
        """Run a pipeline to its end, or to `exit`."""
        node = pipeline.start
        while node is not None and not packet.exited:
            node = self._step(node, packet)

    def _step(self, node: Node, packet: Packet) -> Node | None:
        if node.kind == "if":
            conditional = self._program.conditionals[node.position]
            evaluator = Evaluator(packet.phv, self._state.registers)
            return (
                conditional.true_next if evaluator.truth(conditional.expression) else conditional.false_next
            )
        if node.kind == "call":
            call = self._program.calls[node.position]
            self._runner.run(packet, self._program.actions[call.action])
            return call.next
        return self._apply_table(node.position, packet)

    def _apply_table(self, position: int, packet: Packet) -> Node | None:
        table, state = self._program.tables[position], self._state.tables[position]
        entry = state.lookup(packet.phv)
        if entry is not None:
            self._count_hit(table, entry, packet)
            chosen = self._resolve(table, entry.op, packet)
        else:
            chosen = self._default(table, state.default, packet)
        if chosen is None:
            return table.next(hit=entry is not None, action=None)
        action, params = chosen
        self._runner.run(packet, self._program.actions[action], params)
        return table.next(hit=entry is not None, action=action)

    def _count_hit(self, table: Table, entry: Entry, packet: Packet) -> None:
        """Age, direct counter and direct meter of an entry that was hit, before its action runs."""
        entry.last_hit = self._runner.now
        if table.counter is not None:
            self._state.count(table.counter, entry.op.handle, packet.ingress_length)
        if table.meter is not None:
            target = self._program.meters[table.meter].target
            colour = self._state.meter(table.meter, entry.op.handle, packet.ingress_length, self._runner.now)
            if target is not None:
                packet.phv.set(target, colour)

    def _default(self, table: Table, written: DefaultOp | None, packet: Packet) -> tuple[int, bytes] | None:
        if written is not None:
            return self._resolve(table, written, packet)
        return None if table.default is None else (table.default.action, table.default.params)

    def _resolve(self, table: Table, op: TableOp | DefaultOp, packet: Packet) -> tuple[int, bytes] | None:
        """The action of an entry: its own, its member's, or that of a member of its group."""
        if op.action is None or op.action >= 0:
            return None if op.action is None else (op.action, op.params)
        if table.profile is None:
            return None
        member: int | None = op.ref
        if op.action == TO_GROUP:
            member = self._select(table.profile, op.ref, packet)
        chosen = self._state.profiles[table.profile].members.get(member) if member is not None else None
        return None if chosen is None else (chosen.action, chosen.params)

    def _select(self, profile: int, group: int, packet: Packet) -> int | None:
        """The member of a group that the packet's hash falls on."""
        live = [
            bucket.member
            for bucket in self._state.profiles[profile].groups.get(group, ())
            if bucket.watch_port == NO_PORT or self._up.get(bucket.watch_port, False)
            for _ in range(bucket.weight)
        ]
        selector = self._program.profiles[profile].selector
        if not live or selector is None:
            return None
        if selector.algorithm == "random":
            return live[self._random.draw() % len(live)]
        return live[ALGORITHMS[selector.algorithm](join_bits(packet.phv, selector.fields)) % len(live)]
