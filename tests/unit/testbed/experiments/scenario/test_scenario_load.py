"""Scenario files: those that come along, and the mistakes of those who write their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from testbed import resources
from testbed.experiments.defaults import choose
from testbed.experiments.scenario import load
from testbed.experiments.scenario.parts import Cast, Ends
from testbed.lab.errors import LabError
from testbed.model.errors import TopologyError
from testbed.model.topology import Mode

GOOD = """\
name: mine
flows:
  - {ping: client > vm1}
timeline:
  - {migrate: vm1, to: dc2}
  - phase: after
    expect:
      all:
        - {path: client <> vm1, trombone: no}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize("name", load.names())
def test_what_comes_along(name: str) -> None:
    chosen = choose(name)
    assert chosen.scenario.name == name
    assert chosen.scenario.description
    assert chosen.modes(None)
    first = (load.folder() / f"{name}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../scenario.schema.json"


MISTAKES: list[tuple[str, str, int, str]] = [
    ("ping:", "pnig:", 3, "unknown key 'pnig': did you mean 'ping'?"),
    ("client > vm1}", "client vm1}", 3, "write `client > vm1`, or <> for both ways"),
    ("client > vm1}", "cleint > vm1}", 3, "no machine 'cleint': did you mean 'client'?"),
    ("to: dc2", "too: dc2", 5, "unknown key 'too': did you mean 'to'?"),
    (", to: dc2", "", 5, "add `to: ...` (The slot it goes to)"),
    ("to: dc2", "to: mars", 5, "no slot of vm1 'mars': use one of dc1, dc2, dc3"),
    ("to: dc2", "to: dc2, announce: garb", 5, "unknown value 'garb': did you mean 'garp'?"),
    ("{migrate: vm1, to: dc2}", "{link-down: [p1, p3]}", 5, "no link between p1 and p3: use one of [p1, p2]"),
    ("{migrate: vm1, to: dc2}", "{pe-down: p1}", 5, "no PE 'p1': did you mean 'pe1'?"),
    ("{migrate: vm1, to: dc2}", "{}", 5, "nothing says what this is: write one of `migrate:`"),
    ("all:", "evnp:", 8, "unknown mode 'evnp': did you mean 'evpn'?"),
    ("path: client <> vm1", "path: h3 <> vm1", 9, "add `{ping: h3 > vm1}` to flows"),
    (", trombone: no", "", 9, "add nodes, via, avoids, crossings or trombone"),
    ("{path: client <> vm1, trombone: no}", "{gap: vm1 > h3, at_most_ms: 3}", 9, "add `{udp: vm1 > h3}`"),
    ("{path: client <> vm1, trombone: no}", "{owner: vm1, pe: p1}", 9, "no PE 'p1'"),
    ("  - phase: after", "  - phase: after\n  - phase: after", 7, "give each a name of its own"),
    ("client > vm1}", "client > vm1, interval_ms: yes}", 3, "yes is not a number: write one in digits"),
    ("phase: after", "phase: after\n    observe_s: on", 7, "yes is not a number"),
    ("trombone: no", "crossings: no", 9, "no is not a number"),
    ("{path: client <> vm1, trombone: no}", "{flooded: no}", 9, "no is not a number"),
    ("{migrate: vm1, to: dc2}", "{ping-pong: vm1, to: dc2, moves: yes}", 5, "yes is not a number"),
    (
        "{migrate: vm1,",
        "{evacuate: branch,",
        5,
        "no site or access switch of machines 'branch': use one of acc1",
    ),
    ("client > vm1}", "client > vm1}\n  - {udp: h3 > h3}", 4, "h3 has no flow to itself: name two machines"),
    ("name: mine", "name: mine\nmachine: vm9", 2, "no machine 'vm9' that moves: use one of vm1"),
    ("name: mine", "name: mine\nto: mars", 2, "vm1 cannot move from dc1 to 'mars': use one of dc2, dc3"),
    ("name: mine", "name: mine\nclients: [cleint]", 2, "no machine 'cleint': did you mean 'client'?"),
    ("name: mine", "name: mine\nclients: [vm1]", 2, "vm1 is the machine that moves: use one of h1, h2"),
    ("name: mine", "name: mine\nclients: [h1, h1]", 2, "client 'h1' is named twice: once is enough"),
    ("name: mine", "name: mine\ntopology: wna", 2, "no topology 'wna': did you mean 'wan'?"),
    ("name: mine", 'name: mine\ntopology: "a\\0"', 2, "use one of rack, wan"),
    (
        "{path: client <> vm1, trombone: no}",
        "{step: learned, node: pe9, happens: no}",
        9,
        "no switch or machine 'pe9'",
    ),
    (
        "{path: client <> vm1, trombone: no}",
        "{alarm: dupl-mac, raised: no}",
        9,
        "did you mean 'duplicate-mac'?",
    ),
    ("{path: client <> vm1, trombone: no}", "{flooded: 1, at_least: 3}", 9, "exchange them"),
    (
        "{path: client <> vm1, trombone: no}",
        "{broken: []}",
        9,
        "[] names no invariants: write any, or a list",
    ),
    ("{path: client <> vm1, trombone: no}", "{broken: leak}", 9, "write any, or a list with some of loop,"),
    ("{path: client <> vm1, trombone: no}", "{broken: [lop]}", 9, "['lop'] names no invariants"),
    (
        "trombone: no",
        "trombone: by-mod",
        9,
        "'by-mod' says not whether there is one: write yes, no or by-mode",
    ),
    ("name: mine", "naem: mine", 1, "did you mean 'name'?"),
]


@pytest.mark.parametrize(("good", "bad", "line", "said"), MISTAKES)
def test_mistakes(good: str, bad: str, line: int, said: str, scenario: Path) -> None:
    scenario.write_text(GOOD.replace(good, bad, 1))
    with pytest.raises(TopologyError) as caught:
        choose(str(scenario))
    (problem,) = str(caught.value).splitlines()
    assert problem.startswith(f"{scenario}:{line}: ")
    assert said in problem


def test_paths_need_a_ping(scenario: Path) -> None:
    scenario.write_text(GOOD.replace("ping:", "udp:").partition("    expect")[0])
    with pytest.raises(
        TopologyError, match=r":2: no ping between a client and vm1: add `{ping: client > vm1}`"
    ):
        choose(str(scenario))


@pytest.mark.parametrize("node", ["pe1", "$machine", "vm1-copy", "p1--p2", "gobgp"])
def test_where_steps_may_happen(node: str, scenario: Path) -> None:
    scenario.write_text(f"{GOOD}expect: {{all: [{{step: learned, node: {node}}}]}}\n")
    assert choose(str(scenario)).scenario.expect


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("- 3", "the file is not a mapping"),
        (GOOD.partition("  - phase")[0], "add `- phase: after` at its end"),
        (GOOD + "  - {wait_s: 1}\n", "add `- phase: after` below it"),
    ],
)
def test_files_that_are_none(text: str, said: str, scenario: Path) -> None:
    scenario.write_text(text)
    with pytest.raises(TopologyError, match=said):
        choose(str(scenario))


def test_names() -> None:
    with pytest.raises(TopologyError, match=r"moev:1: no such scenario: did you mean 'move'\?"):
        choose("moev")


def test_names_that_cannot_be_looked_at(tmp_path: Path) -> None:
    long = "x" * 300
    with pytest.raises(TopologyError, match=r"cannot be read \(file name too long\): give a scenario file"):
        choose(long)
    with pytest.raises(TopologyError, match=r"cannot be read \(file name too long\): give a topology file"):
        choose("move", topology=str(tmp_path / long))


def test_a_folder_does_not_hide_a_topology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wan").mkdir()
    monkeypatch.chdir(tmp_path)
    assert choose("move", topology="wan").plan.name == "wan"
    assert choose("wan").scenario.name == "move"


def test_a_topology_is_a_move_in_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(resources.topology("wan").read_text())
    for name in ("wan", str(mine)):
        assert choose(name).scenario.name == "move"
    assert choose(str(mine)).topology == str(mine)


def test_a_topology_beside_the_scenario(scenario: Path) -> None:
    text = resources.topology("wan").read_text().replace("name: wan", "name: beside", 1)
    scenario.with_name("lab.yaml").write_text(text)
    scenario.write_text(GOOD + "topology: lab.yaml\n")
    assert choose(str(scenario)).plan.name == "beside"


def test_who_plays_which_role(scenario: Path) -> None:
    assert choose(None).cast == Cast("vm1", "dc2", ("client", "h3"))
    assert choose(None, to="dc3", clients=["h2"]).cast == Cast("vm1", "dc3", ("h2",))
    scenario.write_text(GOOD)
    for option in ({"to": "dc3"}, {"clients": ["h2"]}, {"machine": "vm1"}):
        with pytest.raises(LabError, match="means nothing to scenario mine: it has no \\$"):
            choose(str(scenario), **option)


def test_modes(scenario: Path) -> None:
    scenario.write_text(GOOD + "modes: [evpn, evpn-egress]\n")
    chosen = choose(str(scenario))
    assert chosen.in_mode(None) is Mode.EVPN
    assert chosen.in_mode(Mode.EVPN_EGRESS) is Mode.EVPN_EGRESS
    assert chosen.modes(None) == (Mode.EVPN, Mode.EVPN_EGRESS)
    with pytest.raises(LabError, match="is not for vpls: use one of evpn, evpn-egress"):
        chosen.in_mode(Mode.VPLS)
    assert choose(None).in_mode(None) is Mode.EVPN_VMTO


def test_pairs() -> None:
    cast = Cast("vm1", "dc2", ("client", "h3"))
    both = list(cast.pairs(Ends("$clients", "$machine", both=True)))
    assert both == [("client", "vm1"), ("vm1", "client"), ("h3", "vm1"), ("vm1", "h3")]
    assert list(cast.pairs(Ends("$client", "h1"))) == [("client", "h1")]


KEYS = ["name", "flows", "timeline", "ping", "phase", "expect", "all", "path", "migrate", "to"]

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(junk)
@example({"name": None, "flows": "\r"})
def test_anything_else_is_told_in_words(data: object) -> None:
    try:
        load.from_text(yaml.safe_dump(data), "x.yaml")
    except TopologyError as error:
        for line in str(error).splitlines():
            assert line.startswith("x.yaml:")


@pytest.mark.parametrize("place", ["dc1", "acc1"])
def test_sites_and_access_switches_can_be_evacuated(place: str, scenario: Path) -> None:
    scenario.write_text(GOOD.replace("{migrate: vm1,", f"{{evacuate: {place},", 1))
    assert choose(str(scenario)).scenario.timeline[0]


def test_actions_in_words(scenario: Path) -> None:
    scenario.write_text(GOOD.replace("{migrate: vm1, to: dc2}", "{migrate: $machine, to: $to, within_s: 1}"))
    chosen = choose(str(scenario))
    assert chosen.scenario.timeline[0].in_words(chosen.cast.one) == "migrate vm1, to dc2"


def test_defaults_are_replaced_as_far_as_given(scenario: Path) -> None:
    scenario.write_text(GOOD + "defaults: {mac_ageing_s: 2, mode: evpn}\n")
    chosen = choose(str(scenario))
    plain = choose(None).plan.defaults
    assert chosen.plan.defaults == plain.model_copy(update={"mac_ageing_s": 2.0, "mode": Mode.EVPN})
    assert chosen.in_mode(None) is Mode.EVPN
