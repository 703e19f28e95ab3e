"""Chromium as Debian has it, without a screen, for tests that look at pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver

BINARY, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

needs_chromium = pytest.mark.skipif(
    not (BINARY and DRIVER), reason="needs chromium and chromium-driver from apt"
)

OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,1000",
)


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with a new profile in an empty folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(BINARY)
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What pages logged since last asked; the browser's own pages (a new tab, settings) do not count."""
    logged = [str(entry["message"]) for entry in browser.get_log("browser")]
    return [message for message in logged if not message.startswith("chrome://")]
