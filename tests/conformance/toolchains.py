"""The compilers: ours, and p4c-bm2-ss where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from finsy.proto import p4i
from google.protobuf import text_format

from testbed.p4.compiler.compile import compile_program

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True, slots=True)
class Loadable:
    """What SetForwardingPipelineConfig takes."""

    info: p4i.P4Info
    config: bytes


@cache
def ours(program: str) -> Loadable:
    """programs/NAME.p4 from our compiler."""
    compiled = compile_program(PROGRAMS / f"{program}.p4")
    info = p4i.P4Info.FromString(compiled.p4info.SerializeToString())
    return Loadable(info, json.dumps(compiled.json).encode())


@cache
def p4c(program: str) -> Loadable:
    """The same from p4c-bm2-ss."""
    with TemporaryDirectory() as directory:
        config, info = Path(directory, "program.json"), Path(directory, "program.txtpb")
        command = ["p4c-bm2-ss", "--p4v", "16", "--p4runtime-files", str(info), "-o", str(config)]
        subprocess.run([*command, str(PROGRAMS / f"{program}.p4")], check=True, timeout=60)
        return Loadable(text_format.Parse(info.read_text(), p4i.P4Info()), config.read_bytes())


NOT_BY_P4C: Final = {
    "corners": "p4c's bmv2 back end refuses loops over a range",
    "parsing": "p4c writes fields that are not declared where a sub-parser takes the user's metadata",
}
"""Programs that p4c 1.2.5.16 does not compile, or not so that a switch could load them."""

COMPILERS: dict[str, Callable[[str], Loadable]] = {"ours": ours, "p4c": p4c}


def has_p4c() -> bool:
    """Whether p4c-bm2-ss is on PATH."""
    return shutil.which("p4c-bm2-ss") is not None


def has_bmv2() -> bool:
    """Whether simple_switch_grpc is on PATH."""
    return shutil.which("simple_switch_grpc") is not None
