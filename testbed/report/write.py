"""A report as files: index.html, each figure as SVG and PNG, the data as CSV."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import resvg_py

from testbed.experiments.result import give_to_caller, make_folder
from testbed.report.page import Report, html
from testbed.report.sheets import Sheet
from testbed.report.theme import LIGHT, Theme

PAGE: Final = "index.html"
ZOOM: Final = 2
"""Pixels of a PNG for each px of a drawing."""

FONTS: Final = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("~/.fonts").expanduser())


def write(made: Report, folder: Path) -> Path:
    """Write all into `folder` (made if need be); returns the page's path."""
    make_folder(folder)
    page = folder / PAGE
    files: dict[Path, bytes] = {page: html(made, captures(made, folder)).encode()}
    for figure in made.figures:
        files[folder / f"{figure.name}.svg"] = figure.file(Theme.AUTO).encode()
        files[folder / f"{figure.name}.png"] = png(figure.file(Theme.LIGHT))
    for sheet in made.sheets:
        files[folder / f"{sheet.name}.csv"] = text(sheet).encode()
    for path, data in files.items():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(data)
        draft.replace(path)
    give_to_caller(*files)
    return page


def png(svg: str) -> bytes:
    """A drawing with light colours, in pixels. Its words need a font on this machine: see `fonts`."""
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, background=LIGHT["page"], zoom=ZOOM))


def fonts() -> bool:
    """Has this machine a font for the words of PNG files?"""
    return any(next(folder.rglob("*.[to]tf"), None) for folder in FONTS if folder.is_dir())


def text(sheet: Sheet) -> str:
    """A sheet as CSV (RFC 4180), its head in the first line."""
    found = io.StringIO()
    writer = csv.writer(found)
    writer.writerow(sheet.head)
    writer.writerows(sheet.rows)
    return found.getvalue()


def captures(made: Report, folder: Path) -> Mapping[str, str]:
    """Captures kept beside the results: links to them from `folder`, by name."""
    kept = {file for run in made.runs for file in run.source.parent.glob("*.pcap*") if file.is_file()}
    return {file.name: quote(os.path.relpath(file.resolve(), folder.resolve())) for file in sorted(kept)}
