"""The board in headless Chromium, opened from its files: sorted, filtered, and with names that try to be code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.board.made import MODEL, agent, halls, make

webdriver = pytest.importorskip("selenium.webdriver")
pytest.importorskip("jinja2")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402

from turngym.benchmarks.board.build import build  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("board")
    results, short = place / "results", halls(40, name="short", max_turns=10)
    for name, wins in {"strong": 50, "middle": 30, "weak": 10}.items():
        make(results / name, [number < wins for number in range(60)], agent=agent(name))
    learned = {"model": MODEL, "credit": "hgpo", "trained_on": "train_split"}
    make(results / "taught", [number % 4 > 0 for number in range(40)], short, agent=agent("chat"), **learned)
    make(results / "evil", [False] * 60, agent=agent(EVIL, **{EVIL: EVIL}), machine={EVIL: EVIL})
    build([results], place / "site")
    return place / "site"


@pytest.fixture
def index(browser: Any, site: Path) -> Any:
    browser.get("about:blank")
    browser.get((site / "index.html").as_uri())
    return browser


def agents(browser: Any) -> list[str]:
    """The entries that can be seen, from top to bottom."""
    links = browser.find_elements(By.CSS_SELECTOR, ".board .entry a")
    return [link.text for link in links if link.is_displayed()]


def head(browser: Any, name: str) -> Any:
    buttons = browser.find_elements(By.CSS_SELECTOR, "#" + panel_of(browser, "halls") + " .sort")
    return next(button for button in buttons if button.text == name)


def panel_of(browser: Any, name: str) -> str:
    panels = browser.find_elements(By.CSS_SELECTOR, ".panel")
    return str(
        next(one for one in panels if one.find_element(By.TAG_NAME, "h2").text == name).get_attribute("id")
    )


def test_names_that_are_code_show_as_text(browser: Any, site: Path) -> None:
    for page in site.rglob("*.html"):
        browser.get(page.as_uri())
        assert browser.title != "owned"
        assert browser.find_elements(By.TAG_NAME, "img") == []
        assert EVIL in browser.find_element(By.TAG_NAME, "body").text or "short" in browser.title
        assert browser.get_log("browser") == []


def test_a_click_sorts_and_a_second_one_turns_it(index: Any) -> None:
    assert agents(index)[:4] == ["strong", "middle", "weak", EVIL]
    head(index, "success").click()
    assert agents(index)[:4] == ["strong", "middle", "weak", EVIL]
    head(index, "success").click()
    assert agents(index)[:4] == [EVIL, "weak", "middle", "strong"]
    sorted_head = head(index, "success").find_element(By.XPATH, "..")
    assert sorted_head.get_attribute("aria-sort") == "ascending"


def test_the_keyboard_sorts(index: Any) -> None:
    head(index, "entry").send_keys(Keys.ENTER)
    assert agents(index)[:4] == [EVIL, "middle", "strong", "weak"]
    head(index, "entry").send_keys(Keys.SPACE)
    assert agents(index)[:4] == ["weak", "strong", "middle", EVIL]


def test_filters_hide_rows_and_empty_tables_and_stay_in_the_address(index: Any) -> None:
    Select(index.find_element(By.NAME, "credit")).select_by_visible_text("hgpo")
    assert agents(index) == ["chat"]
    assert [one.text for one in index.find_elements(By.TAG_NAME, "h2") if one.is_displayed()] == ["short"]
    address = index.current_url
    index.get("about:blank")
    index.get(address)
    assert agents(index) == ["chat"]
    index.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    index.execute_async_script("setTimeout(arguments[0], 50)")
    assert len(agents(index)) == 5


def test_a_filter_may_have_any_name(index: Any) -> None:
    Select(index.find_element(By.NAME, "agent")).select_by_visible_text(EVIL)
    assert agents(index) == [EVIL]


def test_an_entry_opens_and_leads_back(index: Any) -> None:
    index.find_element(By.LINK_TEXT, "strong").click()
    assert index.find_element(By.TAG_NAME, "h1").text == "strong"
    assert "turngym replay strong" in index.find_element(By.TAG_NAME, "pre").text
    verdicts = [row.text.split()[-1] for row in index.find_elements(By.CSS_SELECTOR, "td:last-child")]
    assert verdicts.count("better") == 3
    index.find_element(By.PARTIAL_LINK_TEXT, "leaderboard").click()
    assert index.current_url.endswith("#" + panel_of(index, "halls"))


@pytest.mark.parametrize("width", [320, 390, 1400])
def test_nothing_but_tables_scrolls_sideways(index: Any, width: int) -> None:
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 800}
    index.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    wide = index.execute_script("return document.documentElement.scrollWidth")
    index.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(index: Any, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    index.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    faint = index.execute_script(CONTRAST)
    index.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert faint == []


CONTRAST = """
const parts = text => text.match(/[\\d.]+/g).map(Number);
const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
function ground(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = parts(getComputedStyle(at).backgroundColor);
    if (colour[3] !== 0) return colour;
  }
  return [255, 255, 255];
}
const faint = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.nodeValue.trim());
  if (!own || !element.getClientRects().length || element.closest('svg, script, option')) continue;
  const pair = [light(parts(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
  if ((pair[0] + 0.05) / (pair[1] + 0.05) < 4.5) faint.push(element.outerHTML.slice(0, 120));
}
return faint;
"""
