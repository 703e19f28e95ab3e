"""The front end: from a file to a checked program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler.check import Checker
from testbed.p4.compiler.diagnostics import Diagnostics
from testbed.p4.compiler.parser import parse
from testbed.p4.compiler.preprocess import Preprocessor
from testbed.p4.compiler.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from testbed.p4.compiler.lexer import Token


@dataclass(frozen=True, slots=True)
class CheckedProgram:
    """A program without errors; `main` is the package instance of that name, if there is one."""

    program: ast.Program
    main: ast.InstanceDecl | None
    diagnostics: Diagnostics

    @property
    def declarations(self) -> list[ast.Declaration]:
        """All declarations in order, those of core.p4 and v1model.p4 first."""
        return self.program.declarations


def parse_and_check(
    path: Path,
    *,
    include_dirs: Sequence[Path] = (),
    defines: Iterable[str] = (),
    undefines: Iterable[str] = (),
    std: str = "p4-16",
    diagnostics: Diagnostics | None = None,
) -> CheckedProgram:
    """Preprocess, parse and check a P4_16 program.

    `defines` and `undefines` are as after -D and -U. Warnings are in the result's diagnostics.

    Raises:
        CompileError: the program has errors; the exception's diagnostics hold all that were found.
        ValueError: `std` is not p4-16.
    """
    if std not in ("p4-16", "p4_16", "16"):
        raise ValueError(f"this compiler knows P4_16 only, not {std}: use --std p4-16")
    diagnostics = diagnostics or Diagnostics()
    tokens = Preprocessor(diagnostics, include_dirs, defines, undefines).run(path)
    return check_tokens(tokens, diagnostics)


def check_text(text: str, *, name: str = "program.p4", include_dirs: Sequence[Path] = ()) -> CheckedProgram:
    """The same for a program given as text.

    Raises:
        CompileError: see `parse_and_check`.
    """
    diagnostics = Diagnostics()
    tokens = Preprocessor(diagnostics, include_dirs).run_text(text, name)
    return check_tokens(tokens, diagnostics)


def check_tokens(tokens: list[Token], diagnostics: Diagnostics) -> CheckedProgram:
    """Parse and check preprocessed tokens.

    Raises:
        CompileError: see `parse_and_check`.
    """
    diagnostics.check()
    try:
        program = parse(tokens, diagnostics)
        diagnostics.check()
        Checker(diagnostics).check(program)
    except RecursionError:
        span = tokens[-1].span
        diagnostics.error(Span(span.file, 0, 0, 0, 0), "the program is nested too deeply to be compiled")
    diagnostics.check()
    return CheckedProgram(program, _main(program), diagnostics)


def _main(program: ast.Program) -> ast.InstanceDecl | None:
    return next(
        (d for d in program.declarations if isinstance(d, ast.InstanceDecl) and d.name == "main"), None
    )
