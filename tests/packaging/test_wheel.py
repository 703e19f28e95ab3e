"""The distributions: what is in them, and that they work where there is nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(arguments: Sequence[str | Path], **options: object) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution, made from the tracked files alone."""
    clone, built = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("built")
    run(["git", "clone", "-q", ROOT, clone])
    run([sys.executable, "-m", "build", "--outdir", built, clone])
    return built


@pytest.fixture(scope="module")
def shipped() -> list[str]:
    """Tracked files that a lab needs beside the code, by their paths in the repository."""
    listed = run(["git", "-C", ROOT, "ls-files", "p4src", "topologies"]).splitlines()
    return [path for path in listed if path.endswith((".p4", ".txtpb", ".yaml"))]


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and what it asks for, nothing else."""
    place = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", place])
    (wheel,) = built.glob("*.whl")
    run([place / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel])
    return place / "bin"


def test_wheel_has_programs_and_topologies(built: Path, shipped: list[str]) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert shipped
    assert not [path for path in shipped if f"testbed/data/{path}" not in names]


def test_source_distribution_has_programs_and_topologies(built: Path, shipped: list[str]) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert not set(shipped) - names


def test_installed_wheel_validates_and_compiles(installed: Path, tmp_path: Path) -> None:
    alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    shown = run([installed / "vmto", "validate"], cwd=tmp_path, env=alone)
    assert "wan" in shown
    where = "import testbed.resources as r; print(r.__file__)"
    found = run([installed / "python", "-c", where], cwd=tmp_path, env=alone)
    source = Path(found.strip()).parent / "data/p4src"
    run(
        [installed / "vmto", "p4c", "-I", source, "-o", tmp_path / "pe.json", source / "pe.p4"],
        cwd=tmp_path,
        env=alone,
    )
    assert (tmp_path / "pe.json").stat().st_size > 100_000


@pytest.mark.needs_root
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root for its namespaces")
def test_an_experiment_in_a_folder_of_its_own(installed: Path, tmp_path: Path) -> None:
    """The page's experiment, beside nothing: the plugin, topologies and programs come with the wheel."""
    run([installed / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "pytest"])
    shutil.copy(ROOT / "tests/lab/test_experiment.py", tmp_path)
    alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = run([installed / "python", "-m", "pytest", "-q", "-k", "short"], cwd=tmp_path, env=alone)
    assert "1 passed" in said
