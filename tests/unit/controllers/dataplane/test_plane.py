"""Desired state to writes: always accepted, minimal, never a dangling reference on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from controllers.dataplane.entity import Entity, Verb, action, entry
from controllers.dataplane.plane import Ids, Keyed, Plane
from controllers.dataplane.simulator import TableSimulator, actions


@dataclass(frozen=True)
class Mac:
    """A MAC behind a shared next hop."""

    mac: int
    remote: int

    @property
    def key(self) -> tuple[str, int]:
        return ("mac", self.mac)


class Renderer:
    def __init__(self) -> None:
        self.ids = Ids(1, 100)

    def render(self, intent: Keyed) -> Iterable[Entity]:
        assert isinstance(intent, Mac)
        next_hop = self.ids.of(intent.remote)
        yield entry("next_hop", {"id": next_hop}, action("tunnel", remote=intent.remote))
        yield entry("mac", {"mac": intent.mac}, action("forward", next_hop=next_hop))

    def freed(self, key: tuple[object, ...]) -> None:
        if key[0] == "next_hop":
            ((_name, number),) = key[1]  # type: ignore[misc]
            self.ids.release(number)

    def plane(self) -> Plane:
        return Plane(self.render, lambda e: ["next_hop", "mac"].index(e.table), self.freed)  # type: ignore[union-attr]


changes = st.lists(
    st.one_of(
        st.builds(Mac, st.integers(1, 6), st.integers(1, 4)),
        st.integers(1, 6).map(lambda mac: ("mac", mac)),
    ),
    max_size=12,
)


def dangling(switch: TableSimulator) -> bool:
    there = {dict(e.match)["id"] for e in switch.table("next_hop")}
    return any(dict(actions(e)[0].params)["next_hop"] not in there for e in switch.table("mac"))


@given(st.lists(changes, max_size=6))
def test_writes_are_accepted_minimal_and_never_dangle(rounds: list[list[Mac | tuple[str, int]]]) -> None:
    plane, switch = Renderer().plane(), TableSimulator()
    wanted: dict[object, Mac] = {}
    for round_ in rounds:
        for change in round_:
            if isinstance(change, Mac):
                plane.set(change)
                wanted[change.key] = change
            else:
                plane.unset(change)
                wanted.pop(change, None)
        updates = plane.changes()
        assert len({u.entity.key for u in updates}) == len(updates)
        for update in updates:
            switch.apply([update])
            assert not dangling(switch)
        assert switch.entities == dict(plane.desired)
        assert plane.changes() == []
        remotes = {dict(actions(e)[0].params)["remote"] for e in switch.table("next_hop")}
        assert remotes == {mac.remote for mac in wanted.values()}


@given(changes, changes)
def test_reconcile_writes_the_difference_only(
    before: list[Mac | tuple[str, int]], after: list[Mac | tuple[str, int]]
) -> None:
    old, switch = Renderer().plane(), TableSimulator()
    for change in before:
        old.set(change) if isinstance(change, Mac) else old.unset(change)
    switch.apply(old.changes())
    new = Renderer().plane()
    for change in after:
        new.set(change) if isinstance(change, Mac) else new.unset(change)
    same = [k for k, e in switch.entities.items() if new.desired.get(k) == e]
    updates = new.reconcile(list(switch.entities.values()))
    assert not {u.entity.key for u in updates} & set(same)
    switch.apply(updates)
    assert switch.entities == dict(new.desired)


def test_a_refused_write_is_sent_again_when_touched() -> None:
    plane = Renderer().plane()
    plane.set(Mac(1, 1))
    first = plane.changes()
    plane.failed(first[-1])
    assert plane.changes() == []
    plane.set(Mac(1, 2))
    assert [u.verb for u in plane.changes() if u.entity.key[0] == "mac"] == [Verb.INSERT]
