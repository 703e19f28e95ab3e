"""Writes what the README and the explanations show as measured: pictures and tables, from a comparison.

`scripts/readme.py results/latest/compare.json` records what a `vmto compare` found, without its samples, in
docs/images/compare.json, and writes from that; without a file it writes from what is recorded, and `--check`
names what is stale. A comparison in which an expectation was not met is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from testbed.experiments.repeat import failures
from testbed.experiments.result import Compared, Comparison, PathSeen
from testbed.model.load import load_plan
from testbed.model.plan import Plan
from testbed.model.topology import Role
from testbed.report import figures
from testbed.report.drawing import Scene, draw
from testbed.report.runs import MODES, Run, read_runs
from testbed.report.theme import Theme
from testbed.resources import topology

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FOLDER = ROOT / "docs/images"
RECORD = FOLDER / "compare.json"
DRAWN = {"evpn": "trombone", "evpn-vmto": "vmto"}
"""Modes, and what their pictures are called."""

GATEWAYS = {
    "vpls": "one VRRP master",
    "evpn": "one active gateway",
    "evpn-egress": "a gateway on every PE",
    "evpn-vmto": "and a /32 host route",
}
BEGIN, END = "<!-- measured: scripts/readme.py -->\n", "<!-- end of measured -->\n"


def record(file: Path) -> None:
    """Keep of a comparison what the README is made of. SystemExit if it is not what should be shown."""
    found = Comparison.model_validate_json(file.read_bytes())
    wrong = [f"{name}: {line}" for name, mode in found.modes.items() for line in failures(mode)]
    missing = [f"{name}: not in this comparison" for name in GATEWAYS if name not in found.modes]
    if wrong or missing:
        raise SystemExit("\n".join([*wrong, *missing]))
    for name, mode in found.modes.items():
        others = {
            client: seen.model_copy(update={"move": seen.move.model_copy(update={"series": None})})
            for client, seen in mode.others.items()
        }
        move = mode.move.model_copy(update={"series": None})
        kept = {"move": move, "others": others, "phases": [], "checks": [], "violations": []}
        found.modes[name] = mode.model_copy(update=kept)
    RECORD.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")


def pictures() -> Iterator[tuple[Path, str]]:
    """Every picture, light and dark: ways of packets, round trips of all modes, and a move step by step."""
    runs = read_runs([RECORD])
    drawn = [(DRAWN[run.result.mode], _ways(run)) for run in runs if run.result.mode in DRAWN]
    drawn += [(figure.name, figure.file) for figure in figures.overview(runs) if figure.name == "rtt"]
    drawn += [("move", figures.steps(run).file) for run in runs if run.result.mode == "evpn-vmto"]
    for name, draw_in in drawn:
        for theme in (Theme.LIGHT, Theme.DARK):
            yield FOLDER / f"{name}-{theme}.svg", f"{draw_in(theme)}\n"


def _ways(run: Run) -> Callable[[Theme], object]:
    """How to draw the ways of packets after the move."""
    after = run.views(run.result.setting.client)[-1]
    title = f"{MODES[run.result.mode]}: after the move"
    plan = load_plan(topology(run.result.setting.topology))
    return lambda theme: draw(plan, Scene(after.routes, after.at, title, theme=theme, addresses=False))


def tables(found: Comparison) -> str:
    """The README's tables, and how they came about."""
    first = next(iter(found.modes.values()))
    plan = load_plan(topology(first.setting.topology))
    machine = f"`{first.setting.machine}`"
    paths = [
        (
            f"`{name}`: {words}",
            _path(found.modes[name].after.ingress, plan),
            _path(found.modes[name].after.egress, plan),
            _ms(_figure(found.modes[name], "rtt_after_ms", found.modes[name].after.ingress.rtt_ms), 1),
        )
        for name, words in GATEWAYS.items()
    ]
    blackout = f"{first.setting.blackout_ms:g} ms"
    rows: dict[str, Callable[[Compared], str]] = {
        "WAN crossings after the move, to / from": lambda m: (
            f"{m.after.ingress.crossings} / {m.after.egress.crossings}"
        ),
        f"gap to / from, of which {blackout} are the machine's own blackout": _gaps,
        "UDP datagrams lost": _lost,
        "TCP sessions of all clients": _sessions,
        "goodput below half": lambda m: _ms(_figure(m, "dip_ms", _dip(m)), 0),
        "BGP UPDATEs / P4Runtime writes for the move": lambda m: (
            f"{_figure(m, 'updates', m.updates):.0f} / {_figure(m, 'writes', m.writes):.0f}"
        ),
        "WAN bytes per payload byte after the move": lambda m: (
            f"{_figure(m, 'wan_bytes_per_byte', m.wan_bytes_per_byte):.2f}"
        ),
        "echoes whose path captures on the links confirm": lambda m: (
            f"{m.proof.agreeing} of {m.proof.compared}" if m.proof else "-"
        ),
    }
    modes = [found.modes[name] for name in GATEWAYS]
    measured = [(name, *(figure(mode) for mode in modes)) for name, figure in rows.items()]
    parts = [
        _table(("mode", f"to {machine}", f"from {machine}", "RTT"), paths),
        _table(("of the same runs", *(f"`{name}`" for name in GATEWAYS)), measured),
        _source(first),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _path(path: PathSeen, plan: Plan) -> str:
    """The switches, those PEs in bold that the packets visit for nothing."""
    pes = [name for name in path.nodes if plan.switches[name].role is Role.PE][1:-1]
    words = " ".join(f"**{name}**" if name in pes else name for name in path.nodes)
    return f"{words} (trombone)" if path.trombone else words


def _figure(mode: Compared, name: str, single: float | None) -> float:
    """The median of many runs, or what the only one found."""
    value = mode.repeated.figures[name].median if mode.repeated else single
    if value is None:
        raise SystemExit(f"{mode.mode} has no {name}: run the comparison again")
    return value


def _ms(value: float, digits: int) -> str:
    return f"{value:.{digits}f} ms"


def _gaps(mode: Compared) -> str:
    gaps = mode.move.gap_ms
    to, back = _figure(mode, "gap_ingress_ms", gaps.ingress), _figure(mode, "gap_egress_ms", gaps.egress)
    return f"{to:.0f} / {back:.0f} ms"


def _sessions(mode: Compared) -> str:
    dead = mode.repeated.dead_sessions if mode.repeated else 0
    moves = (mode.move, *(other.move for other in mode.others.values()))
    return "live" if not dead and all(move.tcp_survived for move in moves) else "not all live"


def _dip(mode: Compared) -> float | None:
    return max((flow.goodput.dip_ms for flow in mode.flows if flow.goodput), default=None)


def _lost(mode: Compared) -> str:
    return f"{_figure(mode, 'lost', mode.move.lost):.0f}" + (
        "" if mode.repeated else f" of {mode.move.sent:,}"
    )


def _source(mode: Compared) -> str:
    many, versions = mode.repeated, mode.setting.versions
    how = "One run of `make demo`; gaps vary by some 30 ms from run to run"
    if many:
        how = f"Medians of {many.runs} runs (`vmto compare --repeat {many.runs} --seed {many.seed}`)"
    return f"{how}. Python {versions['python']}, Linux {versions['kernel'].split('-')[0]}."


def readme() -> str:
    """The README as it should be."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = tables(Comparison.model_validate_json(RECORD.read_bytes()))
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def files() -> Iterator[tuple[Path, str]]:
    """All that this writes."""
    yield from pictures()
    yield README, readme()


def stale() -> list[str]:
    """Files that are not as they would be written now."""
    return [path.name for path, text in files() if not path.exists() or path.read_text() != text]


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(f"stale: {', '.join(stale())}" if stale() else 0)
    if sys.argv[1:]:
        record(Path(sys.argv[1]))
    for written, content in files():
        written.write_text(content, encoding="utf-8")
