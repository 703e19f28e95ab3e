"""The report's page and the files beside it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from testbed.experiments.result import Compared, Comparison
from testbed.lab.errors import LabError
from testbed.report.page import Report, html, report
from testbed.report.runs import read_runs
from testbed.report.write import captures, text, write

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = "</style><script>alert(1)</script>\" onload='x"


class Outline(HTMLParser):
    """Elements that must nest, ids, headings, and what leads out of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.links: list[str] = []
        self.scripts = 0
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._note(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.scripts += tag == "script"
        self.ids += [given["id"] or ""] if "id" in given else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        self.handlers += [name for name in given if name.startswith("on")]


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def made(results: Path) -> Report:
    return report(read_runs([results]))


@pytest.fixture(scope="module")
def single(results: Path) -> Report:
    return report(read_runs([results])[:1])


@pytest.fixture(scope="module")
def folder(single: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(single, tmp_path_factory.mktemp("report")).parent


def test_the_page_is_well_formed_and_leads_nowhere_outside(made: Report) -> None:
    page = html(made)
    found = outline(page)
    assert len(found.ids) == len(set(found.ids))
    assert not [link for link in found.links if "//" in link]
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)
    assert "url(" not in page
    assert "@import" not in page


def test_headings_do_not_skip_a_level(made: Report) -> None:
    levels = outline(html(made)).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_mode_has_its_paths_before_and_after_the_move(made: Report) -> None:
    ids = set(outline(html(made)).ids)
    for mode in ("evpn", "evpn-egress", "evpn-vmto"):
        for phase in ("before", "after", "h3-before", "h3-after"):
            assert {f"{mode}-{phase}-way-to", f"{mode}-{phase}-way-from"} <= ids
    page = html(made)
    assert page.count("Packets to vm1: trombone, 2 WAN crossings") == 2
    assert page.count("Packets from vm1: straight, 1 WAN crossing<") == 2


def test_everything_drawn_is_also_told(made: Report) -> None:
    page = html(made)
    assert page.count("<svg") == page.count('role="img"')
    for figure in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        root = ElementTree.fromstring(figure)
        titles = {element.get("id") for element in root.iter() if element.tag.endswith(("}title", "}desc"))}
        assert set((root.get("aria-labelledby") or "").split()) <= titles
    assert page.count("<table>") == page.count("<caption>")


def test_what_a_file_says_is_text(results: Path, compared: Callable[..., Compared], tmp_path: Path) -> None:
    made = report(read_runs([results]))
    setting = made.runs[0].result.setting.model_dump() | {
        "topology": HOSTILE,
        "reflector": HOSTILE,
        "versions": {HOSTILE: HOSTILE},
        "client": HOSTILE,
    }
    events = [{"t_ms": 1.0, "event": HOSTILE, "node": HOSTILE}]
    nodes = ("acc4", HOSTILE)
    good = compared("evpn", nodes, nodes)
    others = {f"../{HOSTILE}": good.model_dump(include={"before", "after", "move"})}
    move = good.move.model_dump() | {"timeline": events}
    bad = compared(f"../../{HOSTILE}", nodes, nodes, setting=setting, move=move, others=others)
    file = tmp_path / "compare.json"
    file.write_text(Comparison(modes={HOSTILE: bad}).model_dump_json())
    (run,) = read_runs([file])
    found = outline(html(report([run])))
    assert found.scripts == 1
    assert found.handlers == []
    assert run.plan is None
    assert all(re.fullmatch(r"[\w-]+", figure.name) for figure in report([run]).figures)


def test_files_beside_the_page(folder: Path, single: Report) -> None:
    page = (folder / "index.html").read_text()
    for link in outline(page).links:
        if not link.startswith(("#", "data:")):
            assert (folder / link).is_file(), link
    for figure in single.figures:
        root = ElementTree.fromstring((folder / f"{figure.name}.svg").read_text())
        assert root.get("viewBox")
        assert (folder / f"{figure.name}.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_csv_files_hold_what_the_result_says(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "figures.csv").open()))
    found = {(row["run"], row["figure"]): row["value"] for row in rows}
    assert float(found["evpn", "gap_to_ms"]) == 130.0
    paths = list(csv.DictReader((folder / "paths.csv").open()))
    there = next(row for row in paths if (row["run"], row["phase"], row["to"]) == ("evpn", "after", "vm1"))
    assert there["nodes"] == "acc4 pe4 p4 p1 pe1 p1 p2 pe2 acc2"
    assert there["trombone"] == "1"
    samples = list(csv.DictReader((folder / "samples.csv").open()))
    assert {row["flow"] for row in samples} == {"echo", "to", "from"}


def test_cells_with_commas_and_quotes_survive_csv(made: Report) -> None:
    from testbed.report.sheets import Sheet

    sheet = Sheet("x", "X", ("a", "b"), (('say "no", please', 1),))
    assert next(iter(csv.DictReader(text(sheet).splitlines()))) == {"a": 'say "no", please', "b": "1"}


def test_captures_beside_the_results_are_linked(results: Path, tmp_path: Path) -> None:
    (tmp_path / "compare.json").write_bytes((results / "compare.json").read_bytes())
    (tmp_path / "the way.pcapng").write_bytes(b"")
    made = report(read_runs([tmp_path]))
    assert captures(made, tmp_path / "report") == {"the way.pcapng": "../the%20way.pcapng"}


def test_a_scenario_shows_all_its_phases(phased_result: Compared, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(phased_result.model_dump_json())
    made = report(read_runs([file]))
    page = html(made)
    ids = set(outline(page).ids)
    assert made.title == "Ping-pong with vm1"
    assert {"figure-evpn-quiet", "figure-evpn-few-moves", "figure-evpn-too-many"} <= ids
    assert "figure-evpn-goodput-client-to-vm1" in ids
    for words in ("gap &lt; 100", "EPIPE", "What was expected", "none whole", "0 of 1", "seed 7"):
        assert words in page


@pytest.mark.parametrize(
    ("begins", "lasts", "marked"),
    [
        (-4.0, 5000.0, True),  # not over when the series are: to their end
        (2000.0, 400.0, False),  # long after them
    ],
)
def test_the_gap_is_marked_where_it_was(
    begins: float,
    lasts: float,
    marked: bool,
    compared: Callable[..., Compared],
    tmp_path: Path,
) -> None:
    found = compared("evpn", ("acc4",), ("acc4",)).model_dump()
    sent = [4.0 * n for n in range(-50, 2)]
    arrivals = {"sent_ms": sent, "delay_ms": [7.0] * len(sent)}
    found["move"]["series"] |= {"ingress": arrivals, "egress": arrivals}
    flow = {"kind": "udp", "source": "client", "destination": "vm1", "sent": 9, "lost": 1, "broken": ""}
    found["flows"] = [flow | {"gap_ms": lasts, "gap_t_ms": begins}]
    file = tmp_path / "result.json"
    file.write_text(Compared.model_validate(found).model_dump_json())
    figures = {figure.name: figure for figure in report(read_runs([file])).figures}
    svg = figures["evpn-datagrams"].inline
    band = re.search(r'<g class="band gap"><rect x="([\d.]+)" y="34" width="([\d.]+)"', svg)
    assert (band is not None) is marked
    if band:  # from -210 to 14 ms, which are px 52 to 748
        assert float(band[1]) == pytest.approx(52 + (begins + 210) * 696 / 224, abs=0.1)
        assert float(band[1]) + float(band[2]) == pytest.approx(748, abs=0.1)


def test_repetitions_show_the_median_and_how_far_to_trust_it(phased_result: Compared, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(phased_result.model_dump_json())
    page = html(report(read_runs([file])))
    assert "131.5 (120 to 150.2)" in page
    assert "75%" in page
    assert "120, none, 150.2" in page
    assert page.count('class="whisker"') == 1


def test_a_folder_means_the_newer_file_in_it(results: Path, tmp_path: Path) -> None:
    assert [run.name for run in read_runs([results, results])][:4] == [
        "evpn",
        "evpn-egress",
        "evpn-vmto",
        "evpn-2",
    ]
    with pytest.raises(LabError, match="holds no result: run"):
        read_runs([tmp_path])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"modes": 1}', '{"mode": "evpn"}'])
def test_what_is_no_result_is_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(content)
    with pytest.raises(LabError, match="is no result of this version") as caught:
        read_runs([file])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        read_runs([tmp_path / "nothing.json"])


def test_the_script_the_page_allows_is_its_own(made: Report) -> None:
    page = html(made)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert "unsafe" not in policy[1]
