"""The README's pictures are what the recorded comparison looks like."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_pictures_are_drawn_from_the_recorded_comparison() -> None:
    path = ROOT / "scripts/pictures.py"
    spec = importlib.util.spec_from_file_location("pictures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert len(list(module.pictures())) == 4
    assert module.stale() == [], f"run: .venv/bin/python {path.relative_to(ROOT)}"
