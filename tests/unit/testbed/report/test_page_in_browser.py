"""The report's page in Chromium: no errors, no requests, what was drawn is to be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from testbed.report.page import html, report
from testbed.report.runs import read_runs
from tests.browser import chromium, complaints, needs_chromium

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(
    browser: webdriver.Chrome, results: Path, tmp_path_factory: pytest.TempPathFactory
) -> webdriver.Chrome:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(html(report(read_runs([results]))))
    browser.get(path.as_uri())
    return browser


def requested(browser: webdriver.Chrome) -> list[str]:
    """What the page asked for; the browser has pages of its own."""
    messages: list[dict[str, Any]] = [
        json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    asked = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    return [each["request"]["url"] for each in asked if each["documentURL"] == browser.current_url]


def test_no_errors_and_no_requests(page: webdriver.Chrome) -> None:
    assert [url for url in requested(page) if not url.startswith("data:")] == [page.current_url]
    assert complaints(page) == []


def test_headings_and_landmarks(page: webdriver.Chrome) -> None:
    assert page.find_element(By.TAG_NAME, "h1").text == "vm1 moves from dc1 to dc2, three runs compared"
    headings = [each.text for each in page.find_elements(By.TAG_NAME, "h2")]
    assert headings[0] == "At a glance"
    assert headings[-2:] == ["What made it", "Files"]
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.find_elements(By.TAG_NAME, landmark)) == 1


def test_paths_are_drawn_and_the_trombone_is_flagged(page: webdriver.Chrome) -> None:
    for mode, flags in (("evpn", 1), ("evpn-egress", 1), ("evpn-vmto", 0)):
        figure = page.find_element(By.ID, f"figure-{mode}-after")
        for way in figure.find_elements(By.CSS_SELECTOR, ".way[id]"):
            assert page.execute_script("return arguments[0].getTotalLength()", way) > 500
            assert way.value_of_css_property("stroke") != "none"
        assert len(figure.find_elements(By.CSS_SELECTOR, ".trombone")) == flags


def test_dark_and_light_by_the_button(page: webdriver.Chrome) -> None:
    button, body = page.find_element(By.ID, "theme"), page.find_element(By.TAG_NAME, "body")
    before = button.get_attribute("aria-pressed"), body.value_of_css_property("background-color")
    button.click()
    after = button.get_attribute("aria-pressed"), body.value_of_css_property("background-color")
    button.click()
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert button.get_attribute("aria-pressed") == before[0]


def test_nothing_sticks_out_of_a_narrow_window(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 380, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    wide = page.execute_script("return document.documentElement.scrollWidth")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 380


def test_paper_is_white_however_dark_the_screen(page: webdriver.Chrome) -> None:
    page.execute_script("delete document.documentElement.dataset.theme")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    colours = {}
    for media in ("screen", "print"):
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": dark})
        colours[media] = page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert colours["print"] == "rgba(255, 255, 255, 1)" != colours["screen"]


def test_on_paper_all_clients_are_unfolded(page: webdriver.Chrome) -> None:
    folded = "return document.querySelectorAll('details:not([open], .data)').length"
    assert page.execute_script(folded) > 0
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert page.execute_script(folded) == 0
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert page.execute_script(folded) > 0
