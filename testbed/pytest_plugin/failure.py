"""A person looks at the lab of a failed test."""

from __future__ import annotations

import subprocess

import pytest

from testbed.api import Lab
from testbed.lab.console import command

WAYS_IN = """\
Its lab goes on. In another terminal, as root:
    vmto cli --name {name}           Mininet's command line
    vmto status --name {name}        what is alive, and where machines are
    vmto trace A B --name {name}     the path of a packet, there and back
    vmto show evpn database PE --name {name}  what a PE knows (vmto show --help)"""


def look(config: pytest.Config, lab: Lab, why: str, *, cli: bool) -> None:
    """Show why the test failed and open a command line on its lab, or wait until Enter is pressed."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.suspend(in_=True)
    try:
        print(f"\n{why}", flush=True)
        # Whoever looks may touch.
        lab.changed = True
        if cli:
            subprocess.run(command(lab.name), check=False)
        else:
            _wait(lab.name)
    finally:
        if capture:
            capture.resume()


def _wait(name: str) -> None:
    print(WAYS_IN.format(name=name), flush=True)
    try:
        input("Enter ends it. ")
    except EOFError:
        print("there is nobody to press Enter: going on")
