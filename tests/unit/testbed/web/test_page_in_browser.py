"""The live page in Chromium, before a lab that only pretends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.browser import chromium, complaints, needs_chromium
from tests.unit.testbed.web.conftest import HOSTILE, FakeLab

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


class Page:
    """What a visitor sees and does."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser = browser
        browser.get(address)
        # Once it shows the way of an echo, the drawing stays as it is: before, there may be none to drag on,
        # or one that is replaced under the hand.
        self.until(lambda: "Straight" in self.text("there"))
        self.until(lambda: browser.find_elements(By.CSS_SELECTOR, "#picture .way"))

    def text(self, identifier: str) -> str:
        return self.browser.find_element(By.ID, identifier).text

    def until(self, probe: Callable[[], object]) -> None:
        WebDriverWait(self.browser, 15, poll_frequency=0.05).until(lambda _: probe())

    def at(self) -> str | None:
        # At once: a drawing may be replaced between two questions.
        script = "return document.getElementById('machine-vm1').dataset.slot"
        found: str | None = self.browser.execute_script(script)
        return found

    def drag(self, machine: str, slot: str) -> None:
        ends = (self.browser.find_element(By.ID, name) for name in (machine, slot))
        ActionChains(self.browser).drag_and_drop(*ends).perform()

    def keys(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()


@pytest.fixture
def visit(browser: Chrome, address: str) -> Callable[[Callable[[Page], None]], Any]:
    """Visit the page in a thread, while the server runs on the event loop; no page outlives its server."""

    def visited(visitor: Callable[[Page], None]) -> None:
        try:
            visitor(Page(browser, address))
        finally:
            browser.get("about:blank")

    async def visit(visitor: Callable[[Page], None]) -> None:
        await asyncio.to_thread(visited, visitor)

    return visit


def orders(fake: FakeLab) -> list[str]:
    return [args["to"] for verb, args in fake.asked if verb == "migrate"]


async def test_a_machine_is_dragged_and_arrives(fake: FakeLab, visit: Any) -> None:
    def visitor(page: Page) -> None:
        page.drag("machine-vm1", "slot-vm1-dc2")
        page.until(lambda: page.at() == "dc2")
        page.until(lambda: "Trombone" in page.text("there"))
        # The words are there before the drawing is.
        page.until(lambda: page.browser.find_elements(By.CSS_SELECTOR, "#picture .trombone[data-name=pe1]"))
        assert "Data center 2" in page.text("moves")
        assert "resumed vm1" in page.text("timeline")
        page.drag("machine-vm1", "node-pe4")
        page.until(lambda: not page.browser.find_elements(By.CSS_SELECTOR, ".dragged"))
        assert page.at() == "dc2", "dropped where no slot is, it goes back"
        page.drag("machine-vm1", "node-acc3")
        page.until(lambda: page.at() == "dc3")

    await visit(visitor)
    assert orders(fake) == ["dc2", "dc3"], "the second one anywhere in the data center"
    order = next(args for verb, args in fake.asked if verb == "migrate")
    assert order == {"machine": "vm1", "to": "dc2", "blackout_ms": 100, "announce": "garp"}


async def test_a_machine_is_moved_by_keys_and_by_the_form(fake: FakeLab, visit: Any) -> None:
    def visitor(page: Page) -> None:
        page.browser.execute_script("document.getElementById('machine-vm1').focus()")
        page.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        assert page.text("spoken") == "dc3: Enter moves vm1 there"
        page.keys(Keys.ESCAPE, Keys.ENTER, Keys.ARROW_RIGHT, Keys.ENTER)
        page.until(lambda: page.at() == "dc2")
        page.until(lambda: page.text("spoken") == "vm1 has arrived at dc2")
        focused = page.browser.execute_script("return document.activeElement.id")
        assert focused == "machine-vm1", "a new drawing keeps the focus"
        Select(page.browser.find_element(By.CSS_SELECTOR, "#moves select")).select_by_value("dc3")
        page.browser.find_element(By.CSS_SELECTOR, "#moves button").click()
        page.until(lambda: page.at() == "dc3")

    await visit(visitor)
    assert orders(fake) == ["dc2", "dc3"]


async def test_words_of_the_lab_are_text(fake: FakeLab, visit: Any) -> None:
    def visitor(page: Page) -> None:
        page.until(lambda: HOSTILE in page.text("timeline"))
        page.until(lambda: HOSTILE in page.text("rows"))
        assert page.browser.find_elements(By.CSS_SELECTOR, "img, #timeline script") == []
        assert complaints(page.browser) == []

    await visit(visitor)


async def test_tables_follow_what_happens(fake: FakeLab, visit: Any) -> None:
    loop = asyncio.get_running_loop()

    def visitor(page: Page) -> None:
        page.until(lambda: page.text("count") == "1 entry")
        before = page.text("rows")
        loop.call_soon_threadsafe(lambda: fake.happen("received", "pe1", routes=3))
        page.until(lambda: page.text("rows") != before)
        page.until(lambda: page.browser.find_elements(By.CSS_SELECTOR, "tr.new.ours"))

    await visit(visitor)


async def test_a_refusal_is_shown_and_the_machine_stays(fake: FakeLab, visit: Any) -> None:
    def visitor(page: Page) -> None:
        fill = "document.querySelector('#moves option').value = 'dc9'"
        page.browser.execute_script(fill)
        page.browser.find_element(By.CSS_SELECTOR, "#moves button").click()
        page.until(lambda: page.text("problem") == "vm1 has no slot 'dc9': use one of dc1, dc2, dc3")
        assert page.at() == "dc1"

    await visit(visitor)


async def test_dark_light_and_narrow(visit: Any) -> None:
    def visitor(page: Page) -> None:
        body = page.browser.find_element(By.TAG_NAME, "body")
        before = body.value_of_css_property("background-color")
        page.browser.find_element(By.ID, "theme").click()
        assert body.value_of_css_property("background-color") != before
        size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        wide = page.browser.execute_script("return document.documentElement.scrollWidth")
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        assert wide <= 390

    await visit(visitor)
