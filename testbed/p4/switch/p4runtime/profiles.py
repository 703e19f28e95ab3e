"""Members and groups of one action profile, and the one-shot groups of its tables (spec section 9.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from testbed.p4.switch.p4runtime.buckets import BucketOrder
from testbed.p4.switch.p4runtime.bytestrings import canonical
from testbed.p4.switch.p4runtime.errors import Code, RpcError, invalid, not_found
from testbed.p4.switch.p4runtime.schema import ProfileSchema
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.transaction import Transaction
from testbed.p4.switch.target import NO_PORT, TO_GROUP, TO_MEMBER, Bucket, GroupOp, MemberOp, Verb

FIRST_HIDDEN: Final = 1 << 31
"""Ids of the members and groups of one-shots in the engine; controllers may use those below."""

SIZE_AS_DECLARED: Final = 0
"""`ActionProfileActionSet.SizeSemantics`; 1 is the sum of weights, 2 the number of members."""

MAX_BUCKETS: Final = 1 << 16
"""Sum of the weights of one group."""


class ProfileStore:
    """One action profile. `port_of` turns an SDN port into a device port."""

    def __init__(self, schema: ProfileSchema, port_of: Callable[[bytes], int]) -> None:
        self.schema = schema
        self.members: dict[int, bytes] = {}
        self.groups: dict[int, bytes] = {}
        self._order = BucketOrder()
        self._in_groups: Counter[int] = Counter()
        """How many groups each member is in."""
        self._references: Counter[tuple[int, int]] = Counter()
        """How many table entries point at (TO_MEMBER or TO_GROUP, id)."""
        self._one_shots: dict[int, tuple[int, ...]] = {}
        """Members of the hidden groups."""
        self._hidden_free: list[int] = []
        self._hidden_next = FIRST_HIDDEN
        self._port_of = port_of

    # -- members ---------------------------------------------------------------------------------------------

    def write_member(self, verb: int, member: p4r.ActionProfileMember, txn: Transaction) -> None:
        """INSERT, MODIFY or DELETE a member."""
        number, schema = member.member_id, self.schema
        if not 0 < number < FIRST_HIDDEN:
            invalid(f"member id {number} is not in 1 ... {FIRST_HIDDEN - 1}")
        former = self.members.get(number)
        if verb == Verb.DELETE:
            self.check_member(number)
            if self._in_groups[number] or self._references[TO_MEMBER, number]:
                raise RpcError(Code.FAILED_PRECONDITION, f"member {number} of {schema.name} is in use")
            del self.members[number]
            self._order.remove_member(number, txn)
            txn.ops.append(MemberOp(Verb.DELETE, schema.position, number))
        else:
            if verb == Verb.INSERT:
                self._check_style(one_shot=False)
                if former is not None:
                    raise RpcError(Code.ALREADY_EXISTS, f"{schema.name} has member {number}")
                if schema.size and len(self.members) >= schema.size:
                    raise RpcError(Code.RESOURCE_EXHAUSTED, f"{schema.name} is full ({schema.size} members)")
            else:
                self.check_member(number)
            if not member.HasField("action"):
                invalid("a member needs an action")
            action, params = self._action(member.action)
            if verb == Verb.INSERT:
                self._order.add_member(number, txn)
            self.members[number] = member.SerializeToString()
            txn.ops.append(MemberOp(verb, schema.position, number, action, params))
        txn.on_undo(_restore, self.members, number, former)

    def check_member(self, number: int) -> None:
        """Raise NOT_FOUND unless there is such a member."""
        if number not in self.members:
            not_found(f"{self.schema.name} has no member {number}")

    def _action(self, action: p4r.Action) -> tuple[int, bytes]:
        codec = self.schema.actions.get(action.action_id)
        if codec is None:
            invalid(f"{self.schema.name} has no action {action.action_id}")
        return codec.position, codec.parse(action)

    # -- groups ----------------------------------------------------------------------------------------------

    def write_group(self, verb: int, group: p4r.ActionProfileGroup, txn: Transaction) -> None:
        """INSERT, MODIFY or DELETE a group."""
        number, schema = group.group_id, self.schema
        if not schema.with_selector:
            invalid(f"{schema.name} has no selector, so it has no groups")
        if not 0 < number < FIRST_HIDDEN:
            invalid(f"group id {number} is not in 1 ... {FIRST_HIDDEN - 1}")
        former = self.groups.get(number)
        if verb == Verb.DELETE:
            self.check_group(number)
            if self._references[TO_GROUP, number]:
                raise RpcError(Code.FAILED_PRECONDITION, f"group {number} of {schema.name} is in use")
            del self.groups[number]
            members: list[int] = []
            self._reweigh(former, {}, txn)
            txn.ops.append(GroupOp(Verb.DELETE, schema.position, number))
        else:
            if verb == Verb.INSERT:
                self._check_style(one_shot=False)
                if former is not None:
                    raise RpcError(Code.ALREADY_EXISTS, f"{schema.name} has group {number}")
            else:
                self.check_group(number)
                if (
                    former is not None
                    and p4r.ActionProfileGroup.FromString(former).max_size != group.max_size
                ):
                    invalid("max_size of a group cannot change")
            members = [member.member_id for member in group.members]
            buckets = self._buckets(group)
            self.groups[number] = group.SerializeToString()
            self._reweigh(former, {bucket.member: bucket.weight for bucket in buckets}, txn)
            txn.ops.append(GroupOp(verb, schema.position, number, self._order.sort(buckets)))
        self._count_membership(former, -1)
        self._in_groups.update(members)
        txn.on_undo(self._undo_group, number, former, members)

    def check_group(self, number: int) -> None:
        """Raise NOT_FOUND unless there is such a group."""
        if number not in self.groups:
            not_found(f"{self.schema.name} has no group {number}")

    def _buckets(self, group: p4r.ActionProfileGroup) -> list[Bucket]:
        members = [member.member_id for member in group.members]
        if len(set(members)) != len(members):
            invalid("a member is in the group twice; give it a weight instead")
        for number in members:
            self.check_member(number)
        self._check_max_size(group)
        weights = [self._weight(member.weight) for member in group.members]
        self._check_size(weights, group.max_size or self.schema.max_group_size, Code.RESOURCE_EXHAUSTED)
        return [
            Bucket(member.member_id, weight, self._watch_port(member))
            for member, weight in zip(group.members, weights, strict=True)
        ]

    def _reweigh(self, former: bytes | None, weights: dict[int, int], txn: Transaction) -> None:
        """Tell the order of buckets that a group has these members now."""
        message = p4r.ActionProfileGroup.FromString(former or b"")
        before = {member.member_id: max(member.weight, 1) for member in message.members}
        self._order.replace_group(before, weights)
        txn.on_undo(self._order.replace_group, weights, before)

    def _check_max_size(self, group: p4r.ActionProfileGroup) -> None:
        limit = self.schema.max_group_size
        if group.max_size < 0 or (limit and group.max_size > limit):
            invalid(f"max_size {group.max_size} of the group is not in 0 ... {limit}")

    def _weight(self, weight: int) -> int:
        if self.schema.weights_disallowed:
            if weight:
                invalid(f"{self.schema.name} takes no weights")
            return 1
        limit = self.schema.max_member_weight
        if weight <= 0 or (self.schema.sum_of_members and limit and weight > limit):
            invalid(f"{weight} is no weight that {self.schema.name} can have")
        return weight

    def _check_size(self, weights: list[int], limit: int, code: Code) -> None:
        size = len(weights) if self.schema.sum_of_members else sum(weights)
        if (limit and size > limit) or sum(weights) > MAX_BUCKETS:
            raise RpcError(code, f"a group of {size}; {self.schema.name} takes {limit or MAX_BUCKETS}")

    def _watch_port(self, member: p4r.ActionProfileGroup.Member | p4r.ActionProfileAction) -> int:
        kind = member.WhichOneof("watch_kind")
        if kind == "watch_port" and member.watch_port:
            member.watch_port = canonical(member.watch_port)
            return self._port_of(member.watch_port)
        if kind == "watch" and member.watch:
            return self._port_of(member.watch.to_bytes(4, signed=True))
        return NO_PORT

    def _count_membership(self, wire: bytes | None, change: int) -> None:
        if wire is not None:
            for member in p4r.ActionProfileGroup.FromString(wire).members:
                self._in_groups[member.member_id] += change

    def _undo_group(self, number: int, former: bytes | None, members: list[int]) -> None:
        self._in_groups.subtract(members)
        self._count_membership(former, 1)
        _restore(self.groups, number, former)

    # -- one-shots -------------------------------------------------------------------------------------------

    def add_one_shot(self, actions: p4r.ActionProfileActionSet, txn: Transaction) -> int:
        """Make a hidden group of hidden members; its id in the engine."""
        if not self.schema.with_selector:
            invalid(f"{self.schema.name} has no selector, so it takes no action sets")
        if actions.action_selection_mode == p4r.ActionProfileActionSet.RANDOM:
            raise RpcError(Code.UNIMPLEMENTED, "selection at random is a property of the P4 program here")
        if actions.size_semantics not in (SIZE_AS_DECLARED, 1 + self.schema.sum_of_members):
            raise RpcError(Code.UNIMPLEMENTED, "what the size of a group means is for the P4 program to say")
        self._check_style(one_shot=True)
        parsed = [
            (a, self._weight(a.weight), *self._action(a.action)) for a in actions.action_profile_actions
        ]
        self._check_size(
            [weight for _, weight, *_ in parsed], self.schema.max_group_size, Code.INVALID_ARGUMENT
        )
        watched = [self._watch_port(a) for a, *_ in parsed]
        position, members, buckets = self.schema.position, [], []
        for (_, weight, action, params), port in zip(parsed, watched, strict=True):
            member = self._take_hidden(txn)
            members.append(member)
            buckets.append(Bucket(member, weight, port))
            txn.ops.append(MemberOp(Verb.INSERT, position, member, action, params))
        group = self._take_hidden(txn)
        txn.ops.append(GroupOp(Verb.INSERT, position, group, tuple(buckets)))
        self._one_shots[group] = tuple(members)
        txn.on_undo(self._one_shots.pop, group)
        return group

    def drop_one_shot(self, group: int, txn: Transaction) -> None:
        """Take away the hidden group, if it is one, that an entry pointed at before."""
        members = self._one_shots.pop(group, None)
        if members is None:
            return
        txn.on_undo(self._one_shots.__setitem__, group, members)
        position = self.schema.position
        txn.ops.append(GroupOp(Verb.DELETE, position, group))
        txn.ops += [MemberOp(Verb.DELETE, position, member) for member in members]
        for number in (*members, group):
            self._hidden_free.append(number)
            txn.on_undo(self._hidden_free.remove, number)

    def _take_hidden(self, txn: Transaction) -> int:
        if self._hidden_free:
            number = self._hidden_free.pop()
        else:
            number, self._hidden_next = self._hidden_next, self._hidden_next + 1
        txn.on_undo(self._hidden_free.append, number)
        return number

    def _check_style(self, *, one_shot: bool) -> None:
        if (one_shot and (self.members or self.groups)) or (not one_shot and self._one_shots):
            invalid(f"{self.schema.name}: either action sets, or members and groups; not both")

    # -- references, reading ---------------------------------------------------------------------------------

    def refer(self, chosen: tuple[int, bytes, int], change: int) -> None:
        """Count table entries that point at a member or group (`TableOp.action`, `.params`, `.ref`)."""
        self._references[chosen[0], chosen[2]] += change

    def read(self, items: dict[int, bytes], number: int) -> Iterable[bytes]:
        """One member or group, or all of them for 0."""
        if number == 0:
            return list(items.values())
        if number not in items:
            not_found(f"{self.schema.name} has nothing of id {number}")
        return [items[number]]


def _restore(items: dict[int, bytes], number: int, former: bytes | None) -> None:
    if former is None:
        items.pop(number, None)
    else:
        items[number] = former
