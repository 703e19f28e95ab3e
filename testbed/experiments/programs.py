"""The compiled P4 programs of a lab, by the embedded compiler or by p4c."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from controllers.dataplane.p4runtime import Program
from testbed import resources
from testbed.lab.errors import LabError
from testbed.lab.switches import Target

NAMES: Final = ("pe", "lsr", "access")


def programs(target: Target) -> dict[str, Program]:
    """All programs. LabError if p4c is needed and missing, or refuses one."""
    source = resources.p4src()
    if target is Target.BMV2:
        with ThreadPoolExecutor() as pool:
            return dict(zip(NAMES, pool.map(_p4c, (source / f"{name}.p4" for name in NAMES)), strict=True))
    from testbed.p4.compiler.cache import compile_cached

    compiled = {name: compile_cached(source / f"{name}.p4") for name in NAMES}
    return {
        name: Program(each.p4info, json.dumps(each.json, separators=(",", ":")).encode())
        for name, each in compiled.items()
    }


def _p4c(source: Path) -> Program:
    binary = shutil.which("p4c-bm2-ss")
    if binary is None:
        raise LabError("p4c-bm2-ss is not on PATH: install p4c, or use --target embedded")
    with tempfile.TemporaryDirectory() as folder:
        config, p4info = Path(folder) / "program.json", Path(folder) / "program.p4info.txtpb"
        argv = [binary, "--arch", "v1model", "-o", str(config), "--p4runtime-files", str(p4info), str(source)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise LabError(f"p4c-bm2-ss refused {source.name}: {lines[0]}")
        return replace(Program.load(p4info, config), watch_ports=False, digest_list=1)
