"""`vmto p4c`: the command line of p4c and p4c-bm2-ss, as far as people use it.

Exit codes: 0 compiled, 1 errors in the program, 2 a bad command line or a file that cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.p4.compiler.diagnostics import Diagnostics
    from testbed.p4.compiler.result import CompiledProgram

VERSION = "1.2.5"  # of the language specification and of the p4c whose outputs these are
BACKENDS = ("bmv2", "bmv2-ss-p4org", "bmv2-v1model-p4org", "simple_switch", "v1model")
IGNORED_FLAGS = (
    "-g",
    "-v",
    "--loopsUnroll",
    "--emit-externs",
    "--ndebug",
    "--debug",
    "--save-temps",
    "--enable-gtest",
)
IGNORED_VALUES = (
    "--maxErrorCount",
    "-T",
    "--dump",
    "--top4",
    "--pp",
    "--toJSON",
    "--p4runtime-entries-file",
    "--p4runtime-entries-files",
)


class UsageError(Exception):
    """A bad command line, or a file that cannot be used."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Compile as the arguments say; the exit code. Messages go to standard error."""
    try:
        return _run(_arguments(list(sys.argv[1:] if argv is None else argv)))
    except UsageError as error:
        print(f"p4c: {error}", file=sys.stderr)
        return 2
    except Exception as error:  # a fault of the compiler: no traceback for its user
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        print(f"p4c: internal error in {where}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="p4c", description="Compile a P4_16 program for v1model to bmv2 JSON and P4Info.")
    add = parser.add_argument
    add("source", nargs="?", metavar="FILE", help="the P4 program")
    add("-o", dest="output", metavar="PATH", help="JSON file, or directory for it; default: here")
    add(
        "--p4runtime-files",
        metavar="FILES",
        help="P4Info files, separated by commas: .txtpb .txt .json .bin .pb",
    )
    add("--p4runtime-file", metavar="FILE", help=argparse.SUPPRESS)
    add(
        "--p4runtime-format",
        choices=("text", "json", "binary"),
        help="format of P4Info files of other extensions",
    )
    add("-I", dest="include_dirs", action="append", default=[], metavar="DIR", help="search DIR for includes")
    add("-D", dest="defines", action="append", default=[], metavar="NAME[=VALUE]", help="define a macro")
    add("-U", dest="undefines", action="append", default=[], metavar="NAME", help="undefine a macro")
    add("-E", dest="preprocess", action="store_true", help="preprocess only, to standard output")
    add("--std", "--p4v", "-x", dest="std", default="p4-16", metavar="STD", help="language: p4-16")
    add("--target", "-b", dest="target", default="bmv2", metavar="TARGET", help="target: bmv2")
    add("--arch", "-a", dest="arch", default="v1model", metavar="ARCH", help="architecture: v1model")
    add(
        "--Wdisable",
        nargs="?",
        const="",
        action="append",
        default=[],
        metavar="NAME",
        help="no such warnings",
    )
    add(
        "--Werror",
        nargs="?",
        const="",
        action="append",
        default=[],
        metavar="NAME",
        help="warnings are errors",
    )
    add("--Wwarn", "--Winfo", nargs="?", const="", action="append", default=[], help=argparse.SUPPRESS)
    add("-W", action="append", default=[], help=argparse.SUPPRESS)
    for flag in IGNORED_FLAGS:
        add(flag, action="store_true", help=argparse.SUPPRESS)
    for option in IGNORED_VALUES:
        add(option, help=argparse.SUPPRESS)
    add("--version", action="version", version=f"p4c {VERSION} (vmto, bmv2 v1model)")
    return parser.parse_args(_joined(argv))


def _joined(argv: list[str]) -> list[str]:
    """`--Wdisable` and its kind take a value only after `=`, so that a file name may follow them."""
    bare = ("--Wdisable", "--Werror", "--Wwarn", "--Winfo")
    return [f"{a}=" if a in bare else a for a in argv]


def _check(args: argparse.Namespace) -> None:
    if args.source is None:
        raise UsageError("no input file: give the P4 program to compile")
    if not Path(args.source).is_file():
        raise UsageError(f"{args.source}: no such file")
    if args.std not in ("p4-16", "p4_16", "16"):
        raise UsageError(f"--std {args.std}: this compiler knows P4_16 only, write --std p4-16")
    if args.target not in BACKENDS:
        raise UsageError(f"--target {args.target}: this compiler knows the target bmv2 only")
    if args.arch not in ("v1model", "v1model.p4"):
        raise UsageError(f"--arch {args.arch}: this compiler knows the architecture v1model only")


def _run(args: argparse.Namespace) -> int:
    from testbed.p4.compiler.diagnostics import CompileError, Diagnostics

    _check(args)
    diagnostics = Diagnostics(
        disabled=frozenset(n for n in args.Wdisable if n), as_errors=frozenset(n for n in args.Werror if n)
    )
    try:
        if args.preprocess:
            return _preprocess(args, diagnostics)
        outputs = _outputs(args)
        compiled = _compile(args, diagnostics)
    except CompileError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        raise UsageError(f"{error.filename or args.source}: {error.strerror}") from error
    if "" not in args.Wdisable and diagnostics.warnings:
        print(diagnostics.render(diagnostics.warnings), file=sys.stderr)
    if "" in args.Werror and diagnostics.warnings:
        return 1
    return _write(compiled, *outputs)


def _preprocess(args: argparse.Namespace, diagnostics: Diagnostics) -> int:
    from testbed.p4.compiler.preprocess import Preprocessor, render

    dirs = [Path(d) for d in args.include_dirs]
    tokens = Preprocessor(diagnostics, dirs, args.defines, args.undefines).run(Path(args.source))
    diagnostics.check()
    sys.stdout.write(render(tokens))
    return 0


def _compile(args: argparse.Namespace, diagnostics: Diagnostics) -> CompiledProgram:
    from testbed.p4.compiler.compile import compile_program

    return compile_program(
        args.source,
        include_dirs=args.include_dirs,
        defines=args.defines,
        undefines=args.undefines,
        std=args.std,
        diagnostics=diagnostics,
    )


def _outputs(args: argparse.Namespace) -> tuple[Path | None, list[tuple[Path, str]]]:
    """Where the JSON goes, and the P4Info files with their formats."""
    from testbed.p4.compiler.p4info.write import format_of

    target = None
    if args.output is None and not (args.p4runtime_files or args.p4runtime_file):
        target = Path(f"{Path(args.source).stem}.json")
    if args.output is not None:
        target = Path(args.output)
        if target.is_dir() or args.output.endswith("/") or not target.suffix:
            target = target / f"{Path(args.source).stem}.json"
    infos: list[tuple[Path, str]] = []
    for name in ",".join(filter(None, (args.p4runtime_files, args.p4runtime_file))).split(","):
        if not name:
            continue
        form = format_of(name) or args.p4runtime_format
        if form is None:
            raise UsageError(f"{name}: unknown extension for P4Info, use .txtpb, .txt, .json, .bin or .pb")
        infos.append((Path(name), form))
    return target, infos


def _write(compiled: CompiledProgram, target: Path | None, infos: list[tuple[Path, str]]) -> int:
    from testbed.p4.compiler.p4info.write import encoded

    try:
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(compiled.json, indent=1) + "\n")
        for path, form in infos:
            path.write_bytes(encoded(compiled.p4info, form))
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
