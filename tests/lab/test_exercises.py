"""The exercises of the class: blanks are refused, wrong answers fail, the solutions pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial"
EXERCISES = sorted((TUTORIAL / "exercises").glob("*.yaml"))
WRONG = TUTORIAL / "exercises/3-vmto.yaml"
"""Its solution is marked with a wrong answer beside."""

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120), pytest.mark.usefixtures("run_directory")]


def vmto_run(file: Path, results: Path) -> subprocess.CompletedProcess[str]:
    """Have a file marked."""
    command = [sys.executable, "-m", "testbed.cli.main", "run", file, "--name", "class", "--results", results]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda path: path.stem)
def test_blanks_are_named_with_their_lines(exercise: Path, tmp_path: Path) -> None:
    done = vmto_run(exercise, tmp_path)
    assert done.returncode == 2
    blanks = [
        n for n, line in enumerate(exercise.read_text().splitlines(), 1) if re.search(r"[: \[]answer\b", line)
    ]
    named = {int(line) for line in re.findall(rf"{exercise.name}:(\d+):", done.stderr)}
    assert named
    assert named <= set(blanks)


@pytest.mark.parametrize(
    "exercise", [path for path in EXERCISES if path != WRONG], ids=lambda path: path.stem
)
def test_solution_passes(exercise: Path, tmp_path: Path) -> None:
    solution = TUTORIAL / "solutions" / exercise.name
    done = vmto_run(solution, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_answer_fails_beside_right_ones_and_says_what_was_seen(tmp_path: Path) -> None:
    """The solution with one line more."""
    file = tmp_path / "wrong.yaml"
    right = (TUTORIAL / "solutions" / WRONG.name).read_text()
    line = "        - {path: $client <> $machine, crossings: 1}\n"
    file.write_text(right.replace(line, line + "        - {path: $client > $machine, crossings: 2}\n"))
    done = vmto_run(file, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    (wrong,) = done.stderr.splitlines()
    assert wrong.endswith("client > vm1: 2 WAN crossings: acc4 pe4 p4 p2 pe2 acc2")
