"""The numbers that P4 programs and controllers share are the same on both sides."""

from __future__ import annotations

import re
from pathlib import Path

from controllers.dataplane.reports import DROP_REASONS, PuntReason

NAMES = (Path(__file__).parents[4] / "p4src/common/names.p4").read_text()


def members(enum: str) -> dict[str, int]:
    body = re.search(rf"enum bit<\d+> {enum} {{(.*?)}}", NAMES, re.DOTALL)
    assert body is not None
    return {name: int(value) for name, value in re.findall(r"(\w+)\s*=\s*(\d+)", body.group(1))}


def test_drop_reasons() -> None:
    assert members("DropReason") == {name: number for number, name in enumerate(DROP_REASONS)}


def test_punt_reasons() -> None:
    assert members("PuntReason") == {reason.name: reason.value for reason in PuntReason}
