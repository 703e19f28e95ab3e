"""The machines that the testbed is said to run on: a Vagrant VM, a container, a bare Debian."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("vagrant") is None, reason="needs vagrant from apt: scripts/setup.sh all")
def test_vagrantfile_is_valid(tmp_path: Path) -> None:
    own = {"VAGRANT_HOME": str(tmp_path / "home"), "VAGRANT_DOTFILE_PATH": str(tmp_path / "dot")}
    done = subprocess.run(
        ["vagrant", "validate", "--ignore-provider"],
        cwd=ROOT,
        env={**os.environ, **own, "VAGRANT_CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_devcontainer_runs_the_same_script_as_the_virtual_machine() -> None:
    text = (ROOT / ".devcontainer/devcontainer.json").read_text()
    container = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    script = ROOT / container["onCreateCommand"]
    assert os.access(script, os.X_OK)
    assert f'path: "{script.relative_to(ROOT)}"' in (ROOT / "Vagrantfile").read_text()


@pytest.mark.needs_root
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("debootstrap") is None, reason="needs debootstrap: scripts/setup.sh all")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_provisioning_makes_a_bare_system_ready() -> None:
    """A root file system with nothing of ours: provisioned, it knows its commands and moves a machine."""
    ready = "scripts/provision.sh && .venv/bin/vmto doctor && .venv/bin/vmto run"
    done = subprocess.run(
        [ROOT / "scripts/pristine.sh", "bookworm", "sh", "-c", ready],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
