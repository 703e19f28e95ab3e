"""Draws the README's pictures from a recorded comparison.

`scripts/pictures.py COMPARE.JSON` records what a `vmto compare` found, without its samples, and draws it;
without a file it draws what is recorded, and `--check` names the pictures that are stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from testbed.experiments.result import Comparison
from testbed.report.drawing import Scene, draw
from testbed.report.runs import MODES, read_runs
from testbed.report.theme import Theme

FOLDER = Path(__file__).parents[1] / "docs/images"
RECORD = FOLDER / "compare.json"
DRAWN = {"evpn": "trombone", "evpn-vmto": "vmto"}
"""Modes, and what their pictures are called."""


def record(file: Path) -> None:
    """Keep of a comparison what pictures are made of."""
    found = Comparison.model_validate_json(file.read_bytes())
    for name, mode in found.modes.items():
        move = mode.move.model_copy(update={"series": None})
        kept = {"move": move, "others": {}, "flows": [], "phases": [], "checks": [], "violations": []}
        found.modes[name] = mode.model_copy(update=kept)
    RECORD.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")


def pictures() -> Iterator[tuple[Path, str]]:
    """Every picture, light and dark."""
    for run in read_runs([RECORD]):
        if run.result.mode in DRAWN and run.plan is not None:
            after = run.views(run.result.setting.client)[-1]
            title = f"{MODES[run.result.mode]}: after the move"
            for theme in (Theme.LIGHT, Theme.DARK):
                scene = Scene(after.routes, after.at, title, theme=theme, addresses=False)
                yield FOLDER / f"{DRAWN[run.result.mode]}-{theme}.svg", f"{draw(run.plan, scene)}\n"


def stale() -> list[str]:
    """Pictures that are not as they would be drawn now."""
    return [path.name for path, text in pictures() if not path.exists() or path.read_text() != text]


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(f"stale: {', '.join(stale())}" if stale() else 0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:]:
        record(Path(sys.argv[1]))
    for picture, content in pictures():
        picture.write_text(content, encoding="utf-8")
