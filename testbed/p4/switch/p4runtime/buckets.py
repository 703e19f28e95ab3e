"""In which order a selector's hash finds the members of a group: as simple_switch_grpc has it.

There a group is a set of member handles, and hash modulo size is a position in their order. Creating a member
takes the lowest free handle; a weight above one takes more of them, when the first group asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from heapq import heappop, heappush

from testbed.p4.switch.p4runtime.transaction import Transaction
from testbed.p4.switch.target import Bucket


class BucketOrder:
    """The handles of the members of one action profile."""

    def __init__(self) -> None:
        self._handles: dict[int, list[int]] = {}
        self._weights: dict[int, Counter[int]] = {}
        """How many groups give a member which weight."""
        self._free: list[int] = []
        self._next = 0

    def add_member(self, member: int, txn: Transaction) -> None:
        """A member is created."""
        self._handles[member] = []
        self._weights[member] = Counter()
        self._grow(member, 1)
        txn.on_undo(self._forget, member)

    def remove_member(self, member: int, txn: Transaction) -> None:
        """A member that is in no group is deleted."""
        handles = self._handles[member].copy()
        self._forget(member)
        txn.on_undo(self._bring_back, member, handles)

    def replace_group(self, former: Mapping[int, int], weights: Mapping[int, int]) -> None:
        """A group has these members with these weights instead of the former ones."""
        for member in sorted(former.keys() | weights.keys()):
            if member in former:
                self._weights[member][former[member]] -= 1
            if member in weights:
                self._weights[member][weights[member]] += 1
            needed = max((w for w, groups in self._weights[member].items() if groups > 0), default=1)
            self._shrink(member, needed)
            self._grow(member, needed)

    def sort(self, buckets: list[Bucket]) -> tuple[Bucket, ...]:
        """The buckets of a group, each weight taken apart, in order."""
        placed = [(handle, b) for b in buckets for handle in self._handles[b.member][: b.weight]]
        return tuple(b._replace(weight=1) for _, b in sorted(placed, key=lambda pair: pair[0]))

    def _grow(self, member: int, count: int) -> None:
        handles = self._handles[member]
        while len(handles) < count:
            if self._free:
                handles.append(heappop(self._free))
            else:
                handles.append(self._next)
                self._next += 1

    def _shrink(self, member: int, count: int) -> None:
        while len(self._handles[member]) > count:
            heappush(self._free, self._handles[member].pop())

    def _forget(self, member: int) -> None:
        self._shrink(member, 0)
        del self._handles[member], self._weights[member]

    def _bring_back(self, member: int, handles: list[int]) -> None:
        self._free = sorted(set(self._free) - set(handles))
        self._handles[member], self._weights[member] = handles, Counter()
