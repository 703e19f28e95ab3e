"""The live page of a real lab in Chromium: a machine is dragged, arrives, and its packets trombone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from testbed.api import Lab
from tests.browser import chromium, complaints, needs_chromium

pytestmark = [pytest.mark.needs_root, pytest.mark.slow, needs_chromium]

WITHIN = 30


@pytest.fixture
def address(lab: Lab) -> Iterator[str]:
    command = [sys.executable, "-m", "testbed.cli.main", "web", "--name", lab.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as web:
        assert web.stdout
        yield web.stdout.readline().strip()
        web.send_signal(signal.SIGINT)
        _, said = web.communicate(timeout=20)
    assert (web.returncode, said) == (0, "")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    with chromium(tmp_path / "profile") as browser:
        yield browser


@pytest.mark.lab(mode="evpn")
def test_a_machine_is_dragged_and_trombones(lab: Lab, address: str, browser: Chrome) -> None:
    def until(probe: Callable[[], object]) -> None:
        # A drawing may be replaced between two questions.
        stale = [StaleElementReferenceException]
        WebDriverWait(browser, WITHIN, poll_frequency=0.05, ignored_exceptions=stale).until(lambda _: probe())

    def text(identifier: str) -> str:
        return browser.find_element(By.ID, identifier).text

    def drag(*names: str) -> bool:
        ends = (browser.find_element(By.ID, name) for name in names)
        ActionChains(browser).drag_and_drop(*ends).perform()
        return True

    browser.get(address)
    until(lambda: "Straight" in text("there") and "Straight" in text("back"))
    assert "acc4 › pe4 › p4 › p1 › pe1 › acc1" in text("there")

    lab.changed = True
    until(lambda: drag("machine-vm1", "slot-vm1-dc2"))
    until(lambda: browser.find_element(By.ID, "machine-vm1").get_attribute("data-slot") == "dc2")
    assert lab.vm("vm1").slot == "dc2"
    until(lambda: "Trombone" in text("there") and "Trombone" in text("back"))
    assert "acc4 › pe4 › p4 › p1 › pe1 › p1 › p2 › pe2 › acc2" in text("there")
    until(lambda: browser.find_elements(By.CSS_SELECTOR, "#picture .trombone[data-name=pe1]"))
    timeline = text("timeline")
    for step in ("paused vm1", "resumed vm1", "announced vm1", "learned pe2", "advertised pe2"):
        assert step in timeline
    until(lambda: any("10.0.10.11 pe2" in row for row in text("rows").splitlines()))
    assert complaints(browser) == []
