"""The pipeline by itself: packets from memory to memory, and compile times."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from testbed.p4.compiler.cache import compile_cached
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


@contextmanager
def _empty_cache() -> Iterator[Path]:
    """Compilers find nothing that was compiled before."""
    former = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as empty:
        os.environ["XDG_CACHE_HOME"] = empty
        try:
            yield Path(empty)
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if former is not None:
                os.environ["XDG_CACHE_HOME"] = former


def compile_times(case: Case) -> Iterator[Figure]:
    """From P4 source to a pipeline that runs, with nothing cached and with everything; steps where cold."""
    with _empty_cache() as cache:
        for whole in ("compiled_cold", "compiled_cached"):
            start = time.perf_counter()
            text = json.dumps(compile_cached(case.source).json)
            took = time.perf_counter() - start
            native = _load(text)
            if whole == "compiled_cold":
                yield "p4c", took, "s", "nothing cached"
                yield "native", native, "s", "nothing cached"
            yield whole, took + native, "s", "P4 to native code"
        for path in (cache / "vmto" / "switch").glob("program*"):
            path.unlink()
        yield "native", _load(text), "s", "runtime cached"


def run_in_memory(case: Case) -> Iterator[Figure]:
    """The rate of a pipeline."""
    text = json.dumps(compile_cached(case.source).json)
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
