"""Desired state to writes: always accepted, minimal, never a dangling reference on the way."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
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


@dataclass(frozen=True)
class Port:
    """Where a remote is reached; every MAC behind it depends on this."""

    remote: int
    number: int

    @property
    def key(self) -> tuple[str, int]:
        return ("port", self.remote)


class Renderer:
    def __init__(self) -> None:
        self.ids = Ids(1, 100)

    def render(self, intent: Keyed, others: Mapping[Hashable, Keyed]) -> Iterable[Entity]:
        if isinstance(intent, Port):
            return
        assert isinstance(intent, Mac)
        next_hop = self.ids.of(intent.remote)
        port = others.get(("port", intent.remote))
        number = port.number if isinstance(port, Port) else 0
        yield entry("next_hop", {"id": next_hop}, action("tunnel", remote=intent.remote, port=number))
        yield entry("mac", {"mac": intent.mac}, action("forward", next_hop=next_hop))

    def freed(self, key: tuple[object, ...]) -> None:
        if key[0] == "next_hop":
            ((_name, number),) = key[1]  # type: ignore[misc]
            self.ids.release(number)

    def depends(self, intent: Keyed) -> Iterable[Hashable]:
        return [("port", intent.remote)] if isinstance(intent, Mac) else []

    def rank(self, entity: Entity) -> int:
        return ["next_hop", "mac"].index(entity.table)  # type: ignore[union-attr]


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
    plane, switch = Plane(Renderer()), TableSimulator()
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
    old, switch = Plane(Renderer()), TableSimulator()
    for change in before:
        old.set(change) if isinstance(change, Mac) else old.unset(change)
    switch.apply(old.changes())
    new = Plane(Renderer())
    for change in after:
        new.set(change) if isinstance(change, Mac) else new.unset(change)
    same = [k for k, e in switch.entities.items() if new.desired.get(k) == e]
    updates = new.reconcile(list(switch.entities.values()))
    assert not {u.entity.key for u in updates} & set(same)
    switch.apply(updates)
    assert switch.entities == dict(new.desired)


@given(changes, changes, st.integers(0, 30))
def test_answers_that_were_lost_are_made_up_for(
    before: list[Mac | tuple[str, int]], after: list[Mac | tuple[str, int]], arrived: int
) -> None:
    """Only the first writes of a batch have arrived, nobody knows how many: reading back tells."""
    plane, switch = Plane(Renderer()), TableSimulator()
    for change in before:
        plane.set(change) if isinstance(change, Mac) else plane.unset(change)
    switch.apply(plane.changes()[:arrived])
    for change in after:
        plane.set(change) if isinstance(change, Mac) else plane.unset(change)
    plane.adopt(list(switch.entities.values()))
    for update in plane.changes():
        switch.apply([update])
        assert not dangling(switch)
    assert switch.entities == dict(plane.desired)


@given(changes)
def test_a_switch_that_lost_all_is_filled_again(before: list[Mac | tuple[str, int]]) -> None:
    plane, switch = Plane(Renderer()), TableSimulator()
    for change in before:
        plane.set(change) if isinstance(change, Mac) else plane.unset(change)
    plane.changes()
    plane.adopt([])
    switch.apply(plane.changes())
    assert switch.entities == dict(plane.desired)


def test_what_an_intent_depends_on_may_come_change_and_go_later() -> None:
    plane, switch = Plane(Renderer()), TableSimulator()
    plane.set(Mac(1, 1))
    ports = []
    for change in (Port(1, 7), Port(1, 8), ("port", 1)):
        plane.set(change) if isinstance(change, Port) else plane.unset(change)
        switch.apply(plane.changes())
        (hop,) = switch.table("next_hop")
        ports.append(dict(actions(hop)[0].params)["port"])
    assert ports == [7, 8, 0]


def test_a_refused_write_is_sent_again_when_touched() -> None:
    plane = Plane(Renderer())
    plane.set(Mac(1, 1))
    first = plane.changes()
    plane.failed(first[-1])
    assert plane.changes() == []
    plane.set(Mac(1, 2))
    assert [u.verb for u in plane.changes() if u.entity.key[0] == "mac"] == [Verb.INSERT]


@dataclass(frozen=True)
class Claim:
    """Who says what shall be in the one cell of a table, and what that depends on."""

    who: str
    value: int
    on: str = ""

    @property
    def key(self) -> str:
        return self.who


class Cell:
    def render(self, intent: Keyed, _others: Mapping[Hashable, Keyed]) -> Iterable[Entity]:
        if isinstance(intent, Claim) and intent.value:
            yield entry("cell", {"number": 1}, action("hold", value=intent.value))

    def depends(self, intent: Keyed) -> Iterable[Hashable]:
        return [intent.on] if isinstance(intent, Claim) and intent.on else []

    def rank(self, _entity: Entity) -> int:
        return 0

    def freed(self, key: tuple[object, ...]) -> None: ...


def held(plane: Plane, switch: TableSimulator) -> int | None:
    switch.apply(plane.changes())
    cells = switch.table("cell")
    return dict(actions(cells[0])[0].params)["value"] if cells else None


def test_of_two_claims_the_last_one_holds_whatever_the_first_depends_on_does() -> None:
    plane, switch = Plane(Cell()), TableSimulator()
    plane.set(Claim("first", 1, on="base"))
    plane.set(Claim("second", 2))
    assert held(plane, switch) == 2
    plane.set(Claim("base", 0))
    assert held(plane, switch) == 2, "the first one was only looked at again"
    plane.set(Claim("first", 3, on="base"))
    assert held(plane, switch) == 3
    plane.unset("first")
    assert held(plane, switch) == 2
    plane.unset("second")
    assert held(plane, switch) is None


def test_what_two_agreed_upon_comes_back_when_the_one_that_changed_its_mind_goes() -> None:
    plane, switch = Plane(Cell()), TableSimulator()
    plane.set(Claim("first", 1))
    plane.set(Claim("second", 1))
    plane.set(Claim("first", 2))
    assert held(plane, switch) == 2
    plane.unset("first")
    assert held(plane, switch) == 1


def test_ids_of_what_was_never_written_are_free_again() -> None:
    """While a switch is away machines come and go; and what it lost when it restarted need not be removed."""
    renderer = Renderer()
    plane = Plane(renderer)
    for mac in range(1, 4):
        plane.set(Mac(mac, mac))
        plane.unset(("mac", mac))
    assert plane.changes() == []
    plane.set(Mac(4, 4))
    plane.changes()
    plane.unset(("mac", 4))
    plane.adopt([])
    assert plane.changes() == []
    assert len({renderer.ids.of(key) for key in range(1000, 1100)}) == 100, "there is room for as many others"
