"""p4runtime-shell, as it comes from PyPI, in an environment of its own (it pins an old protobuf)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.unit.p4.switch.p4runtime.harness import Harness, frame, ports

ROOT = Path(__file__).parents[5]
PYTHON = Path(os.environ.get("P4RUNTIME_SHELL_PYTHON", ROOT / ".venv-shell/bin/python"))


@pytest.mark.skipif(not PYTHON.exists(), reason=f"no environment with p4runtime-shell: {PYTHON} is not there")
async def test_a_session(bare: Harness, tmp_path: Path) -> None:
    info, config = tmp_path / "p4info.txt", tmp_path / "program.json"
    info.write_text(str(bare.info))
    config.write_bytes(bare.device_config)
    script = Path(__file__).parent / "shell_session.py"
    process = await asyncio.create_subprocess_exec(
        PYTHON, script, bare.address, info, config,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert output.decode().endswith("done\n"), output.decode()
    assert ports(bare.target.inject(1, frame(0x1234))) == [9]
