"""The compiler as a function: from a P4 program to bmv2 JSON and P4Info."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from testbed.p4.compiler.bmv2.program import document
from testbed.p4.compiler.frontend import CheckedProgram, parse_and_check
from testbed.p4.compiler.passes.package import elaborate
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.result import CompiledProgram

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from testbed.p4.compiler.diagnostics import Diagnostics


def compile_program(
    path: str | Path,
    *,
    include_dirs: Sequence[str | Path] = (),
    defines: Iterable[str] = (),
    undefines: Iterable[str] = (),
    std: str = "p4-16",
    diagnostics: Diagnostics | None = None,
) -> CompiledProgram:
    """Compile a v1model program.

    `defines` and `undefines` are as after -D and -U.

    Raises:
        CompileError: the program has errors, or uses what this compiler or the target does not support.
        OSError: the file cannot be read.
    """
    checked = parse_and_check(
        Path(path),
        include_dirs=[Path(d) for d in include_dirs],
        defines=defines,
        undefines=undefines,
        std=std,
        diagnostics=diagnostics,
    )
    return compile_checked(checked, str(path))


def compile_checked(checked: CheckedProgram, path: str) -> CompiledProgram:
    """The part behind the front end.

    Raises:
        CompileError: see `compile_program`.
    """
    from testbed.p4.compiler.p4info.build import build

    diagnostics = checked.diagnostics
    unit = elaborate(checked.program, path, diagnostics)
    try:
        info = build(unit, checked.program)
    except RefusedError as error:
        diagnostics.error(error.span, error.message)
    diagnostics.check()
    json = document(unit, diagnostics.sources)
    return CompiledProgram(json, info, diagnostics.warnings)
