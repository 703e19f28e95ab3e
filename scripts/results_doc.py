"""Writes docs/reference/results.md from the models; a test holds them together."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from testbed.experiments.result import Directions, Event, Gaps, Move, PathSeen, Result, Sessions, Setting

MODELS: tuple[type[BaseModel], ...] = (Result, Directions, PathSeen, Move, Gaps, Event, Sessions, Setting)
TARGET = Path(__file__).parents[1] / "docs/reference/results.md"


def page() -> str:
    """The whole page."""
    parts = ["# result.json", "", "Written by `vmto run` to `results/latest/` (generated from the models)."]
    for model in MODELS:
        doc = " ".join((model.__doc__ or "").split())
        parts += ["", f"## {model.__name__}", "", doc, "", "| key | type | meaning |", "|---|---|---|"]
        for name, field in model.model_fields.items():
            kind = getattr(field.annotation, "__name__", str(field.annotation))
            shown = str(field.annotation) if "[" in str(field.annotation) else kind
            shown = shown.replace("testbed.experiments.result.", "").replace("typing.", "")
            parts.append(f"| `{name}` | `{shown}` | {field.description or ''} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
