"""The session state machine, by example and by property: two of them over a network that reorders."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from controllers.bgp.session import (
    CONNECT_TIMEOUT,
    OPEN_HOLD_TIME,
    SEND_HOLD_TIME,
    Session,
    SessionConfig,
    State,
    retry_delay,
    step,
)
from controllers.bgp.session_events import (
    Action,
    CancelDial,
    Close,
    Closed,
    Dial,
    DialFailed,
    Down,
    Event,
    Failed,
    Negotiated,
    Opened,
    Received,
    Refresh,
    Send,
    Start,
    Stop,
    Taken,
    Tick,
    Up,
    UpdateReceived,
)
from controllers.wire.errors import DecodeError, ErrorCode
from controllers.wire.messages import Capabilities, Keepalive, Notification, Open, RouteRefresh
from controllers.wire.types import EVPN, VPNV4

OURS, THEIRS = IPv4Address("10.255.0.1"), IPv4Address("10.255.0.2")
CONFIG = SessionConfig(65000, OURS, 65000, (EVPN, VPNV4), hold_time=90)
THEIR_CONFIG = SessionConfig(65000, THEIRS, 65000, (EVPN,), hold_time=30)
THEIR_OPEN = THEIR_CONFIG.open()


@dataclass
class Driven:
    """A session with its past actions, and a clock."""

    session: Session = field(default_factory=lambda: Session(CONFIG))
    now: float = 1000.0
    actions: list[Action] = field(default_factory=list)

    def give(self, *events: Event) -> list[Action]:
        found: list[Action] = []
        for event in events:
            self.session, actions = step(self.session, event, self.now)
            found += actions
        self.actions += found
        return found

    def establish(self, connection: int = 1, *, outgoing: bool = True) -> list[Action]:
        return self.give(
            Start(),
            Opened(connection, outgoing),
            Received(connection, THEIR_OPEN),
            Received(connection, Keepalive()),
        )


def sent(actions: list[Action]) -> list[object]:
    return [action.message for action in actions if isinstance(action, Send)]


def test_the_usual_course() -> None:
    driven = Driven()
    assert driven.session.state is State.IDLE
    assert driven.give(Start()) == [Dial()]
    assert driven.session.state is State.CONNECT
    assert sent(driven.give(Opened(1, outgoing=True))) == [CONFIG.open()]
    assert driven.session.state is State.OPEN_SENT
    assert sent(driven.give(Received(1, THEIR_OPEN))) == [Keepalive()]
    assert driven.session.state is State.OPEN_CONFIRM
    negotiated = Negotiated((EVPN,), 30, THEIRS, route_refresh=True, extended_message=True)
    assert driven.give(Received(1, Keepalive())) == [Up(1, negotiated)]
    assert driven.session.state is State.ESTABLISHED


def test_passive_waits() -> None:
    driven = Driven(Session(replace(CONFIG, passive=True)))
    assert driven.give(Start()) == []
    assert driven.session.state is State.ACTIVE
    assert driven.session.deadline is None
    assert sent(driven.give(Opened(1, outgoing=False))) == [CONFIG.open()]


def test_keepalives_go_out_at_a_third_of_the_hold_time() -> None:
    driven = Driven()
    driven.establish()
    start = driven.now
    times = []
    while len(times) < 6:
        assert driven.session.deadline is not None
        driven.now = driven.session.deadline
        if sent(driven.give(Tick())) == [Keepalive()]:
            times.append(driven.now)
        driven.give(Received(1, Keepalive()))
    gaps = [b - a for a, b in zip([start, *times], times, strict=False)]
    assert all(7.5 <= gap <= 10 for gap in gaps)


def test_silence_ends_the_session() -> None:
    driven = Driven()
    driven.establish()
    driven.now += 29
    driven.give(Tick(), UpdateReceived(1))
    driven.now += 29
    assert not [a for a in driven.give(Tick()) if isinstance(a, Down)]
    driven.now += 2
    actions = driven.give(Tick())
    assert sent(actions) == [Notification(ErrorCode.HOLD_TIMER_EXPIRED)]
    assert Down(1, "hold timer expired") in actions
    assert Close(1) in actions


@pytest.mark.parametrize(("hold_time", "patience"), [(90, SEND_HOLD_TIME), (3000, 6000)])
def test_a_neighbour_that_takes_nothing_is_given_up(hold_time: int, patience: float) -> None:
    """RFC 9687: although it goes on sending KEEPALIVEs."""
    driven = Driven(Session(replace(CONFIG, hold_time=hold_time)))
    theirs = replace(THEIR_CONFIG, hold_time=hold_time).open()
    driven.give(Start(), Opened(1, True), Received(1, theirs), Received(1, Keepalive()))
    driven.now += 100
    driven.give(Taken(1))
    stalled_at, actions = driven.now, []
    while not any(isinstance(action, Down) for action in actions):
        assert driven.session.deadline is not None
        driven.now = driven.session.deadline
        actions = driven.give(Received(1, Keepalive()), Tick())
    assert driven.now == stalled_at + patience
    assert sent(actions) == [Notification(ErrorCode.SEND_HOLD_TIMER_EXPIRED)]


def test_hold_time_zero_needs_no_timers() -> None:
    driven = Driven(Session(replace(CONFIG, hold_time=0)))
    driven.establish()
    assert driven.session.deadline is None


def test_a_neighbour_that_never_speaks_is_given_up() -> None:
    driven = Driven()
    driven.give(Start(), Opened(1, outgoing=True))
    driven.now += OPEN_HOLD_TIME
    assert Close(1) in driven.give(Tick())
    assert driven.session.state is State.ACTIVE


def test_retries_back_off_and_are_bounded() -> None:
    delays = [retry_delay(CONFIG, failures) for failures in range(1, 20)]
    assert all(0.75 * 2 ** (n - 1) <= d <= 2 ** (n - 1) for n, d in enumerate(delays[:6], 1))
    assert all(45 <= delay <= 60 for delay in delays[6:])
    driven = Driven()
    driven.give(Start(), DialFailed("refused"))
    assert driven.session.retry_at is not None
    driven.now = driven.session.retry_at
    assert driven.give(Tick()) == [Dial()]


def test_jitter_differs_between_neighbours() -> None:
    assert len({retry_delay(replace(CONFIG, jitter_seed=seed), 1) for seed in range(50)}) > 40


def test_an_attempt_to_connect_may_hang() -> None:
    driven = Driven()
    driven.give(Start())
    driven.now += CONNECT_TIMEOUT
    assert CancelDial() in driven.give(Tick())
    assert driven.session.retry_at is not None


def test_a_flapping_session_backs_off_and_a_stable_one_does_not() -> None:
    driven = Driven()
    driven.establish()
    for _ in range(4):
        driven.give(Closed(1, "gone"))
        assert driven.session.retry_at is not None
        driven.now = driven.session.retry_at
        driven.give(Tick(), Opened(1, outgoing=True), Received(1, THEIR_OPEN), Received(1, Keepalive()))
    driven.give(Closed(1, "gone"))
    assert driven.session.retry_at is not None
    assert driven.session.retry_at - driven.now > 8
    driven.now += 1000
    driven.give(Tick(), Opened(1, outgoing=True), Received(1, THEIR_OPEN), Received(1, Keepalive()))
    driven.now += 100
    driven.give(Closed(1, "gone"))
    assert driven.session.retry_at is not None
    assert driven.session.retry_at - driven.now <= 1


REFUSED = {
    "another AS": (replace(THEIR_CONFIG, local_as=65001).open(), (2, 2)),
    "our own identifier": (replace(THEIR_CONFIG, router_id=OURS).open(), (2, 3)),
    "no four-octet AS": (Open(65000, 90, THEIRS, Capabilities((EVPN,))), (2, 7)),
    "no common family": (Open(65000, 90, THEIRS, Capabilities(four_octet_as=65000)), (2, 7)),
}


@pytest.mark.parametrize(("remote", "code"), REFUSED.values(), ids=REFUSED)
def test_an_open_that_does_not_suit_is_refused(remote: Open, code: tuple[int, int]) -> None:
    driven = Driven()
    driven.give(Start(), Opened(1, outgoing=True))
    (message,) = sent(driven.give(Received(1, remote)))
    assert isinstance(message, Notification)
    assert (message.code, message.subcode) == code
    assert not driven.session.connections


UNEXPECTED: dict[str, tuple[tuple[Event, ...], Event, int]] = {
    "KEEPALIVE before OPEN": ((), Received(1, Keepalive()), 1),
    "UPDATE before OPEN": ((), UpdateReceived(1), 1),
    "OPEN twice": ((Received(1, THEIR_OPEN),), Received(1, THEIR_OPEN), 2),
    "ROUTE-REFRESH too early": ((Received(1, THEIR_OPEN),), Received(1, RouteRefresh(EVPN)), 2),
    "OPEN when established": (
        (Received(1, THEIR_OPEN), Received(1, Keepalive())),
        Received(1, THEIR_OPEN),
        3,
    ),
}


@pytest.mark.parametrize(("before", "event", "subcode"), UNEXPECTED.values(), ids=UNEXPECTED)
def test_messages_out_of_turn_end_the_connection(
    before: tuple[Event, ...], event: Event, subcode: int
) -> None:
    """RFC 6608 §3."""
    driven = Driven()
    driven.give(Start(), Opened(1, outgoing=True), *before)
    assert Notification(ErrorCode.FSM, subcode) in sent(driven.give(event))
    assert not driven.session.connections


def test_a_decode_error_is_answered_with_its_notification() -> None:
    driven = Driven()
    driven.establish()
    actions = driven.give(Failed(1, DecodeError("bad", ErrorCode.UPDATE, 9, b"\1")))
    assert sent(actions) == [Notification(ErrorCode.UPDATE, 9, b"\1")]
    assert Down(1, "bad") in actions


def test_a_notification_is_not_answered() -> None:
    driven = Driven()
    driven.establish()
    actions = driven.give(Received(1, Notification(6, 2)))
    assert sent(actions) == []
    assert [type(a) for a in actions] == [Close, Down]


def test_stopping_says_goodbye_and_stays_stopped() -> None:
    driven = Driven()
    driven.establish()
    actions = driven.give(Stop())
    assert sent(actions) == [Notification(ErrorCode.CEASE, 2)]
    assert driven.session.state is State.IDLE
    assert driven.session.deadline is None
    assert driven.give(Opened(2, outgoing=False)) == [Close(2)]


def test_a_refresh_is_passed_on() -> None:
    driven = Driven()
    driven.establish()
    assert driven.give(Received(1, RouteRefresh(EVPN))) == [Refresh(RouteRefresh(EVPN))]


def test_events_of_a_connection_that_is_gone_change_nothing() -> None:
    driven = Driven()
    driven.establish()
    before = driven.session
    for event in (Closed(9, ""), Received(9, Keepalive()), UpdateReceived(9), Failed(9, DecodeError(""))):
        assert driven.give(event) == []
    assert driven.session == before


@pytest.mark.parametrize("outgoing_wins", [True, False])
def test_of_two_connections_the_one_of_the_higher_identifier_stays(outgoing_wins: bool) -> None:
    """RFC 4271 §6.8."""
    config = replace(CONFIG, router_id=IPv4Address("10.255.0.3") if outgoing_wins else OURS)
    driven = Driven(Session(config))
    driven.give(Start(), Opened(1, outgoing=True), Opened(2, outgoing=False))
    driven.give(Received(1, THEIR_OPEN))
    actions = driven.give(Received(2, THEIR_OPEN))
    loser, winner = (2, 1) if outgoing_wins else (1, 2)
    assert Close(loser) in actions
    assert Send(loser, Notification(ErrorCode.CEASE, 7)) in actions
    assert [c.id for c in driven.session.connections] == [winner]


@pytest.mark.parametrize("our_as", [64999, 65001])
def test_equal_identifiers_leave_it_to_the_higher_as(our_as: int) -> None:
    """RFC 6286 §2.3."""
    driven = Driven(Session(replace(CONFIG, router_id=THEIRS, local_as=our_as)))
    driven.give(Start(), Opened(1, outgoing=True), Opened(2, outgoing=False))
    driven.give(Received(1, THEIR_OPEN), Received(2, THEIR_OPEN))
    assert [c.id for c in driven.session.connections] == [1 if our_as > 65000 else 2]


@pytest.mark.parametrize("ours", [OURS, IPv4Address("10.255.0.3")])
@pytest.mark.parametrize("outgoing", [True, False])
def test_an_established_session_outlives_a_collision(ours: IPv4Address, outgoing: bool) -> None:
    """RFC 4271 §6.8, whoever has the higher identifier."""
    driven = Driven(Session(replace(CONFIG, router_id=ours)))
    driven.give(Start(), Opened(1, outgoing=not outgoing), Opened(2, outgoing=outgoing))
    driven.give(Received(1, THEIR_OPEN), Received(1, Keepalive()))
    actions = driven.give(Received(2, THEIR_OPEN))
    assert actions[:2] == [Send(2, Notification(ErrorCode.CEASE, 7)), Close(2)]
    assert driven.session.established is not None
    assert driven.session.established.id == 1


@pytest.mark.parametrize("can_restart", [True, False])
def test_who_may_restart_and_connects_again_has(can_restart: bool) -> None:
    """RFC 4724 §4.2: the old connection is closed without a NOTIFICATION, and counts as broken."""
    theirs = replace(THEIR_CONFIG, restart_time=60 if can_restart else None).open()
    driven = Driven(Session(replace(CONFIG, restart_time=0)))
    driven.give(Start(), Opened(1, outgoing=True), Received(1, theirs), Received(1, Keepalive()))
    driven.now += 1
    driven.give(Opened(2, outgoing=False))
    actions = driven.give(Received(2, theirs))
    if can_restart:
        assert actions == [Send(2, Keepalive()), Close(1), Down(1, "neighbour started anew", broken=True)]
        assert any(isinstance(action, Up) for action in driven.give(Received(2, Keepalive())))
    else:
        assert Close(2) in actions
        assert driven.session.state is State.ESTABLISHED


def test_connections_that_stay_silent_do_not_pile_up() -> None:
    driven = Driven()
    driven.give(Start(), Opened(1, outgoing=True))
    for number in range(2, 50):
        driven.give(Opened(number, outgoing=False))
    assert [c.id for c in driven.session.connections] == [1, 49]
    assert driven.session.retry_at is None
    lone = Driven(Session(CONFIG))
    lone.give(Start(), DialFailed("refused"), Opened(1, outgoing=False), Opened(2, outgoing=False))
    assert lone.session.retry_at is None


class Wire(RuleBasedStateMachine):
    """Two speakers that dial each other. Messages and closes arrive in order per connection, at any time.

    Whatever happens, at most one connection of a session is established; and once the network is left
    alone, both sides end up established on the same connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.sides = [Session(replace(CONFIG, hold_time=0)), Session(replace(THEIR_CONFIG, hold_time=0))]
        self.up = [0, 0]
        self.dials: list[int] = []
        self.next_connection = 1
        self.queues: dict[tuple[int, int], deque[object]] = {}
        for side in (0, 1):
            self.give(side, Start())

    def give(self, side: int, event: Event) -> None:
        self.sides[side], actions = step(self.sides[side], event, self.now)
        for action in actions:
            match action:
                case Dial():
                    self.dials.append(side)
                case CancelDial():
                    self.dials.remove(side)
                case Send(connection=number, message=message):
                    self.queues[number, 1 - side].append(message)
                case Close(connection=number):
                    self.queues[number, 1 - side].append("close")
                case Up():
                    self.up[side] += 1
                case Down():
                    self.up[side] -= 1

    @precondition(lambda self: self.dials)
    @rule(pick=st.integers(0, 9), works=st.booleans())
    def dialled(self, pick: int, works: bool) -> None:
        side = self.dials.pop(pick % len(self.dials))
        if not works:
            self.give(side, DialFailed("refused"))
            return
        number, self.next_connection = self.next_connection, self.next_connection + 1
        self.queues[number, 0], self.queues[number, 1] = deque(), deque()
        self.queues[number, 1 - side].append("accepted")
        self.give(side, Opened(number, outgoing=True))

    @precondition(lambda self: any(self.queues.values()))
    @rule(pick=st.integers(0, 99))
    def delivered(self, pick: int) -> None:
        busy = [key for key, queue in self.queues.items() if queue]
        number, side = busy[pick % len(busy)]
        item = self.queues[number, side].popleft()
        if item == "accepted":
            self.give(side, Opened(number, outgoing=False))
        elif item == "close":
            self.give(side, Closed(number, "closed"))
        else:
            self.give(side, Received(number, item))  # type: ignore[arg-type]

    @rule(seconds=st.floats(0.1, 20))
    def waited(self, seconds: float) -> None:
        self.now += seconds
        for side in (0, 1):
            self.give(side, Tick())

    @invariant()
    def at_most_one_is_established(self) -> None:
        for side in (0, 1):
            established = [c for c in self.sides[side].connections if c.state is State.ESTABLISHED]
            assert len(established) == self.up[side] <= 1

    def teardown(self) -> None:
        """Left alone, they agree."""
        for _ in range(400):
            if self.dials:
                self.dialled(0, True)
            elif any(self.queues.values()):
                self.delivered(0)
            elif all(side.state is State.ESTABLISHED for side in self.sides):
                break
            else:
                self.waited(10.0)
        ones = [side.established for side in self.sides]
        assert ones[0] is not None
        assert ones[1] is not None
        assert ones[0].id == ones[1].id


Wire.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestWire = Wire.TestCase


ANY_MESSAGE = st.sampled_from(
    [THEIR_OPEN, Keepalive(), RouteRefresh(EVPN), Notification(6, 2), replace(CONFIG, local_as=1).open()]
)
ANY_EVENT = st.one_of(
    st.sampled_from([Start(), Stop(), Tick(), DialFailed("no")]),
    st.builds(Opened, st.integers(1, 3), st.booleans()),
    st.builds(Closed, st.integers(1, 3), st.just("closed")),
    st.builds(Received, st.integers(1, 3), ANY_MESSAGE),
    st.builds(UpdateReceived, st.integers(1, 3)),
    st.builds(Taken, st.integers(1, 3)),
    st.builds(Failed, st.integers(1, 3), st.just(DecodeError("bad"))),
)


@given(st.lists(st.tuples(ANY_EVENT, st.floats(0, 50)), max_size=40))
def test_no_order_of_events_confuses_it(events: list[tuple[Event, float]]) -> None:
    """Ups and downs alternate, an enabled session always has something to wait for or to listen to."""
    driven = Driven()
    up = False
    for event, wait in events:
        driven.now += wait
        if isinstance(event, Opened) and driven.session.find(event.connection) is not None:
            continue
        for action in driven.give(event):
            if isinstance(action, Up | Down):
                assert isinstance(action, Up) != up
                up = isinstance(action, Up)
        assert (driven.session.state is State.ESTABLISHED) == up
        if driven.session.enabled and not driven.session.connections:
            assert driven.session.deadline is not None
        if not driven.session.enabled:
            assert driven.session.deadline is None
