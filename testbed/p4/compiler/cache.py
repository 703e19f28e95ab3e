"""Compilation by content: the same program is compiled once, by whichever process is first."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from testbed.p4.compiler.diagnostics import Diagnostic
    from testbed.p4.compiler.result import CompiledProgram

SOURCES = ("*.py", "*.p4")


def default_directory() -> Path:
    """`vmto/p4` in the user's cache directory (XDG base directories)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vmto" / "p4"


@cache
def compiler_digest() -> str:
    """A digest of the compiler's own files: another compiler has another cache."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(p for pattern in SOURCES for p in root.rglob(pattern)):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def compile_cached(
    path: str | Path,
    *,
    include_dirs: Sequence[str | Path] = (),
    defines: Iterable[str] = (),
    undefines: Iterable[str] = (),
    cache_dir: str | Path | None = None,
) -> CompiledProgram:
    """As `compile_program`, but from the cache if the preprocessed program was compiled before.

    Files in the cache are complete or absent at any time.

    Raises:
        CompileError: as `compile_program` does; errors are not cached.
        OSError: the program cannot be read, or the cache directory cannot be written.
    """
    from testbed.p4.compiler.diagnostics import Diagnostics
    from testbed.p4.compiler.p4info.stubs import p4i
    from testbed.p4.compiler.preprocess import Preprocessor
    from testbed.p4.compiler.result import CompiledProgram

    diagnostics = Diagnostics()
    tokens = Preprocessor(diagnostics, [Path(d) for d in include_dirs], defines, undefines).run(Path(path))
    diagnostics.check()
    digest = hashlib.sha256(compiler_digest().encode())
    digest.update(repr((str(path), [(t.text, t.span) for t in tokens])).encode())
    entry = Path(cache_dir or default_directory(), digest.hexdigest())
    json_file, info_file = entry.with_suffix(".json"), entry.with_suffix(".p4info.bin")
    if json_file.exists() and info_file.exists():
        info = p4i.P4Info.FromString(info_file.read_bytes())
        stored = json.loads(json_file.read_bytes())
        return CompiledProgram(stored["program"], info, [_warning(w) for w in stored["warnings"]])

    from testbed.p4.compiler.compile import compile_checked
    from testbed.p4.compiler.frontend import check_tokens

    compiled = compile_checked(check_tokens(tokens, diagnostics), str(path))
    _write(info_file, compiled.p4info.SerializeToString(deterministic=True))
    stored = {"program": compiled.json, "warnings": [asdict(w) for w in compiled.warnings]}
    _write(json_file, json.dumps(stored).encode())
    return compiled


def _warning(stored: dict[str, Any]) -> Diagnostic:
    """A warning as it was written to the cache."""
    from testbed.p4.compiler.diagnostics import Diagnostic, Note
    from testbed.p4.compiler.source import Span

    notes = tuple(Note(Span(*note["span"]), note["message"]) for note in stored["notes"])
    return Diagnostic("warning", Span(*stored["span"]), stored["message"], stored["name"], notes)


def _write(path: Path, content: bytes) -> None:
    """Write a file at once: readers see all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
