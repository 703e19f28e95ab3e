"""The pipeline by itself: packets from memory to memory, and compile times."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from testbed.p4.compiler.result import CompiledProgram
from testbed.p4.switch.bench.cases import Case, Entry
from testbed.p4.switch.entries import EntryWriter
from testbed.p4.switch.model import Program, parse_program
from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.target import Bucket

Figure: TypeAlias = tuple[str, float, str, str]
"""What, how much, of which unit, and a note."""

_COUNT = 100_000


def best_ns(target: NativeTarget, frames: list[bytes]) -> float:
    """Nanoseconds per frame, the best of ten runs."""
    return min(target.measure(0, frames, _COUNT)[0] for _ in range(10)) / _COUNT


def insert_all(target: NativeTarget, program: Program, entries: tuple[Entry, ...]) -> None:
    """Insert entries without P4Runtime."""
    writer = EntryWriter(target, program)
    for number, entry in enumerate(entries, start=1):
        if entry.selector:
            writer.member(entry.table, number, entry.action, **entry.params)
            writer.group(entry.table, number, Bucket(number))
            writer.insert_group(entry.table, entry.match, number)
        else:
            writer.insert(entry.table, entry.match, entry.action, **entry.params)


def run_in_memory(case: Case, compiled: CompiledProgram) -> Iterator[Figure]:
    """Cold and cached start of the pipeline, then its rate."""
    text = json.dumps(compiled.json)
    former = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as empty:
        os.environ["XDG_CACHE_HOME"] = empty
        try:
            for note in ("nothing cached", "runtime cached"):
                yield "native_cold", _load(text), "s", note
                for path in Path(empty, "vmto", "switch").glob("program*"):
                    path.unlink()
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if former is not None:
                os.environ["XDG_CACHE_HOME"] = former
    _load(text)
    yield "native_cached", _load(text), "s", ""
    target, program = NativeTarget(), parse_program(text, case.name)
    try:
        target.load(program)
        insert_all(target, program, case.entries)
        frame = case.frame(64)
        if not any(port == 1 for port, _ in target.inject(0, frame)):
            raise RuntimeError(f"{case.name}: the frame does not reach port 1")
        yield "in_memory", 1e3 / best_ns(target, [frame]), "Mpps", "no packet I/O"
    finally:
        target.close()


def _load(text: str) -> float:
    """Seconds from JSON to a running pipeline."""
    start = time.perf_counter()
    target = NativeTarget()
    try:
        target.load(parse_program(text, "program"))
        return time.perf_counter() - start
    finally:
        target.close()
