"""The FRR reflector's configuration, read by FRR itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from testbed.export.frr import frr_reflector
from testbed.model.load import load_plan

VTYSH = shutil.which("vtysh")


@pytest.fixture(scope="module")
def text() -> str:
    return frr_reflector(load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml"))


def test_every_pe_is_a_client_for_both_families(text: str) -> None:
    assert text.count("route-reflector-client") == 2 * 4
    assert "address-family l2vpn evpn" in text
    assert "address-family ipv4 vpn" in text


@pytest.mark.needs_frr
@pytest.mark.skipif(VTYSH is None, reason="needs vtysh from apt (frr)")
def test_frr_reads_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "frr.conf"
    for content, good in ((text, True), (text.replace("reflector-client", "reflektor"), False)):
        file.write_text(content)
        done = subprocess.run(
            [str(VTYSH), "-C", "-f", str(file)], capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) is good, done.stdout + done.stderr
