"""The shop in headless Chromium, clicked by its real buttons."""

from __future__ import annotations

import random
import shutil

import pytest

from turngym.envs.webshop.env import WebShop
from turngym.envs.webshop.pages import SEARCH
from turngym.envs.webshop.session import Shop
from turngym.envs.webshop.store import catalogue

webdriver = pytest.importorskip("selenium.webdriver")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("jinja2")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.expected_conditions import staleness_of  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

from turngym.envs.webshop import web  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

TEXTS = """
const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), found = [];
while (walker.nextNode()) {
  const node = walker.currentNode, seen = node.parentElement.getClientRects().length > 0;
  if (node.nodeValue.trim() && seen) found.push(node.nodeValue.trim());
}
return found;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    # With JavaScript of pages switched off: the shop has none, and needs none.
    options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def shop():
    with web.serving(port=0) as url:
        yield url


def act(browser, action):
    """Take an action of the text environment by hand: type and press Enter, or click the button."""
    name, _, argument = action.partition("[")
    page = browser.find_element(By.TAG_NAME, "main")
    if name == "search":
        box = browser.find_element(By.NAME, "words")
        box.clear()
        box.send_keys(argument[:-1], Keys.ENTER)
    else:
        buttons = browser.find_elements(By.CSS_SELECTOR, "main button")
        # Of equal labels the text environment means the last.
        label = argument[:-1].lower()
        button = next(one for one in reversed(buttons) if node_text(browser, one).lower() == label)
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
    WebDriverWait(browser, 10).until(staleness_of(page))


def node_text(browser, button):
    return browser.execute_script("return arguments[0].textContent.trim()", button)


def said(session):
    return [text.strip() for text in session.page.text.split(" [SEP] ") if text.strip()]


def test_the_goal_product_is_bought_at_score_one(browser, shop):
    env = WebShop(expert=True)
    for task in (0, 7):
        _, info = env.reset(options={"task": task})
        browser.get(f"{shop}/task/{task}")
        done = False
        while not done:
            action = info["expert"]
            act(browser, action)
            _, _, done, _, info = env.step(action)
        assert info["success"]
        assert browser.find_element(By.CSS_SELECTOR, ".end pre").text == "1.0"


@pytest.mark.parametrize("seed", range(3))
def test_a_random_walk_shows_the_texts_and_the_score_of_the_text_engine(browser, shop, seed):
    chance, engine = random.Random(seed), Shop(catalogue(None))
    goal = engine.catalogue.tasks("synthetic", "train", "goal").goal(20 + seed)
    browser.get(f"{shop}/task/{goal.id}")
    session = engine.start(goal)
    for number in range(25):
        assert browser.execute_script(TEXTS) == said(session)
        if session.done:
            break
        labels = [label for label in session.page.labels if label != SEARCH.lower()]
        labels = ["buy now"] if number > 15 and "buy now" in labels else labels
        words = " ".join(chance.sample(goal.product.title.split(), 2))
        action = f"search[{words}]" if session.at == "index" else f"click[{chance.choice(labels)}]"
        session = engine.act(session, action)
        act(browser, action)
    if session.done:
        assert float(browser.find_element(By.CSS_SELECTOR, ".end pre").text) == session.purchase.reward


def test_the_back_button_of_the_browser_takes_no_turn_back(browser, shop):
    browser.get(f"{shop}/task/5")
    act(browser, "search[shoes]")
    act(browser, "click[next >]")
    shown = browser.execute_script(TEXTS)
    browser.back()
    assert browser.execute_script(TEXTS) == shown


def test_a_second_window_that_stayed_behind_does_not_act(browser, shop):
    browser.get(f"{shop}/task/5")
    address, first = browser.current_url, browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(address)
    act(browser, "search[shoes]")
    shown = browser.execute_script(TEXTS)
    browser.switch_to.window(first)
    act(browser, "search[lamps]")
    assert "That page was left since" in browser.find_element(By.CSS_SELECTOR, "[role=status]").text
    assert browser.execute_script(TEXTS) == shown


def test_everything_to_click_and_to_fill_in_has_a_name(browser, shop):
    browser.get(f"{shop}/task/5")
    for action in ("search[shoes]", None):
        for field in browser.find_elements(By.CSS_SELECTOR, "main button, main input:not([type=hidden])"):
            assert field.accessible_name
        if action:
            act(browser, action)


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_no_page_is_wider_than_the_window(browser, shop, width):
    browser.set_window_size(width, 800)
    browser.get(f"{shop}/task/5")
    asin = catalogue(None).products[catalogue(None).search("women's shoes")[0]].asin
    for action in ("search[women's shoes]", f"click[{asin}]", "click[buy now]", None):
        wide, window = browser.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= window
        if action:
            act(browser, action)
