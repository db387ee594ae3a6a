"""The viewer in headless Chromium, served and as a written page."""

from __future__ import annotations

import random
import shutil
import time

import pytest

webdriver = pytest.importorskip("selenium.webdriver")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402
from tests.benchmarks.viewer.episodes import (  # noqa: E402
    HOSTILE,
    SPELT,
    TRICKY,
    WALKS,
    episode,
    lines,
    sampled,
    training,
    turn,
    write,
)

from turngym.benchmarks.viewer.library import Library  # noqa: E402
from turngym.benchmarks.viewer.page import page  # noqa: E402
from turngym.benchmarks.viewer.server import serving  # noqa: E402
from turngym.core.types import Call, Spoken, Status  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

METHODS = ["grpo", "gigpo", "hgpo"]
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


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as browser:
        browser.set_window_size(1400, 900)
        yield browser


@pytest.fixture
def browser(chromium):
    """The browser; whatever it complains of in its console fails the test."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    yield chromium
    assert [entry["message"] for entry in chromium.get_log("browser")] == []


@pytest.fixture(params=["served", "written"])
def open_run(browser, request, tmp_path):
    """Opens a view of a run, from the server and from a written page."""
    servers = []

    def opened(path, view=""):
        library = Library([path])
        if request.param == "written":
            (tmp_path / "page.html").write_text(page(library, METHODS), encoding="utf-8")
            url = (tmp_path / "page.html").as_uri()
        else:
            servers.append(serving(library))
            url = servers[-1].__enter__()
        go(browser, url + view)
        return browser

    yield opened
    for server in servers:
        server.__exit__(None, None, None)


def go(browser, address):
    browser.get("about:blank")
    browser.get(address)
    WebDriverWait(browser, 20).until(lambda _: ready(browser))


def ready(browser):
    return browser.execute_script("return document.querySelector('#view')?.dataset.ready")


def until(condition):
    """Wait until something is so; fails with the last answer after a while."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    assert condition()


def texts(browser, selector):
    """What the page holds as text, spaces as they are."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector
    )


def press(browser, *keys):
    for key in keys:
        browser.switch_to.active_element.send_keys(key)


def tasks(browser):
    return texts(browser, ".episodes td:nth-child(1)")


def test_a_list_shows_every_episode_with_how_it_ended(open_run, tmp_path):
    browser = open_run(training(tmp_path / "run"))
    assert texts(browser, ".count") == ["5 episodes"]
    assert texts(browser, ".episodes td:nth-child(2)") == ["test?seed=1"] * 4 + ["test?seed=2"]
    ends = texts(browser, ".episodes .badge")
    assert ends == ["success", "no success", "success", "failed", "not told"]
    assert texts(browser, ".episodes .error")[3] == "the house burnt down"
    assert "75.0% (95 %: 50.0% to 100.0%)" in texts(browser, ".facts")[0]


def test_filters_leave_what_passes_all_of_them(open_run, tmp_path):
    browser = open_run(training(tmp_path / "run"))
    Select(browser.find_element(By.NAME, "success")).select_by_visible_text("success")
    assert tasks(browser) == ["0", "2"]
    browser.find_element(By.NAME, "text").send_keys("LEFT")
    until(lambda: tasks(browser) == ["0"])
    assert texts(browser, ".count") == ["1 of 5 episodes"]
    browser.find_element(By.NAME, "text").clear()
    browser.find_element(By.NAME, "text").send_keys("burnt")
    until(lambda: tasks(browser) == [])
    Select(browser.find_element(By.NAME, "success")).select_by_visible_text("any")
    assert tasks(browser) == ["3"]


def test_bounds_and_ends_filter_too(open_run, tmp_path):
    browser = open_run(training(tmp_path / "run"))
    low = browser.find_element(By.CSS_SELECTOR, "[aria-label='reward at least']")
    low.send_keys("0.5")
    assert tasks(browser) == ["0", "2", "4"]
    browser.find_element(By.CSS_SELECTOR, "[aria-label='turns at most']").send_keys("2")
    assert tasks(browser) == ["4"]
    low.send_keys(Keys.BACKSPACE * 3)
    Select(browser.find_element(By.NAME, "status")).select_by_value("env_error")
    assert tasks(browser) == ["3"]


def test_columns_sort_both_ways(open_run, tmp_path):
    browser = open_run(training(tmp_path / "run"))

    def press_column(label):
        browser.find_element(By.XPATH, f"//th/button[starts-with(., '{label}')]").click()

    press_column("reward")
    assert tasks(browser) == ["0", "2", "4", "1", "3"]
    press_column("reward")
    assert tasks(browser) == ["1", "3", "4", "0", "2"]
    press_column("#")
    assert tasks(browser) == ["0", "1", "2", "3", "4"]


def test_pages_hold_fifty(open_run, tmp_path):
    walks = [episode(seed, 0, turn("a")) for seed in range(120)]
    browser = open_run(write(tmp_path / "episodes.jsonl", walks))
    assert tasks(browser) == [str(n) for n in range(50)]
    browser.find_element(By.CSS_SELECTOR, "[aria-label='last page']").click()
    assert tasks(browser) == [str(n) for n in range(100, 120)]
    press(browser, Keys.ARROW_LEFT)
    assert tasks(browser) == [str(n) for n in range(50, 100)]


def test_keys_lead_from_the_list_through_an_episode_and_back(open_run, tmp_path):
    browser = open_run(training(tmp_path / "run"))
    press(browser, "j", Keys.ENTER)
    until(lambda: texts(browser, ".turn h3"))
    seen = []
    for key in ("", "j", Keys.ARROW_DOWN, "j", "j", "k"):
        press(browser, key)
        seen.append(texts(browser, ".turn .text")[0])
    assert seen == ["room a", "room b", "room b", "", "", "room b"]
    press(browser, "n")
    until(lambda: texts(browser, "h1 small") == [" member 2"])
    press(browser, Keys.ESCAPE)
    until(lambda: tasks(browser))
    press(browser, "/", "on")
    until(lambda: browser.find_element(By.NAME, "text").get_attribute("value") == "on")


def test_hostile_texts_show_as_text_everywhere(open_run, tmp_path):
    bad = turn(
        HOSTILE, action=HOSTILE, obs=HOSTILE + TRICKY, admissible=[HOSTILE], calls=[sampled(-0.5)], reward=1.0
    )
    odd = {"final_obs": HOSTILE, "error": HOSTILE, "status": Status.TURN_LIMIT}
    path = write(tmp_path / "traces.jsonl.gz", [episode(1, 0, bad, **odd), episode(1, 1, bad, **odd)])
    browser = open_run(path)
    assert texts(browser, ".episodes .error")[0] == HOSTILE
    address = browser.current_url.partition("#")[0]
    go(browser, f"{address}#/0/episode/0/0")
    assert texts(browser, ".turn .text")[0] == HOSTILE + SPELT
    assert texts(browser, "code.action") == [HOSTILE]
    assert texts(browser, ".actions li") == [HOSTILE]
    assert HOSTILE in texts(browser, ".turn details .text")[0]
    go(browser, f"{address}#/0/group/0")
    assert texts(browser, ".what") == [HOSTILE, HOSTILE]
    assert browser.execute_script("return window.hacked") is None
    assert browser.find_elements(By.CSS_SELECTOR, "main img, main script, main style, main b") == []


def test_a_turn_shows_all_that_is_stored_of_it(open_run, tmp_path):
    played = turn("a", "out", 0.25, valid=False, calls=[sampled(-0.693147, -2.302585)])
    browser = open_run(write(tmp_path / "traces.jsonl.gz", [episode(1, 0, played)]), "#/0/episode/0/0")
    assert texts(browser, ".token") == ["w0 ", "w1 "]
    titles = [each.get_attribute("title") for each in browser.find_elements(By.CSS_SELECTOR, ".token")]
    assert titles == ["probability 0.500, log -0.6931, id 0", "probability 0.100, log -2.303, id 1"]
    doubt = "return [...document.querySelectorAll('.token')].map((each) => each.style.cssText)"
    assert browser.execute_script(doubt) == ["--doubt-share: 50%;", "--doubt-share: 90%;"]
    assert "<|user|>\nroom a\n<|assistant|>" in texts(browser, ".turn details .text")
    assert texts(browser, ".special") == ["<|user|>", "<|assistant|>"]
    assert texts(browser, ".actions li") == ["wait", "out"]
    assert texts(browser, ".actions .chosen") == ["out"]
    assert "invalid" in texts(browser, ".turn .warn")[0]
    assert "reward 0.25" in texts(browser, ".turn h2 .badge")


def test_a_call_whose_engine_kept_its_tokens_shows_the_messages(open_run, tmp_path):
    spoken = Spoken(
        messages=[{"role": "user", "content": "where?"}], reply={"role": "assistant", "content": "there"}
    )
    call = Call(prompt_ids=[], action_ids=[], logprobs=[], spoken=spoken, chosen=False)
    path = write(tmp_path / "episodes.jsonl", [episode(1, 0, turn("a", calls=[call]))])
    browser = open_run(path, "#/0/episode/0/0")
    assert texts(browser, ".turn .text")[1:3] == ["assistant: there", "user: where?"]
    assert "not acted on" in " ".join(texts(browser, ".turn h3"))


def test_bars_show_the_credit_of_several_methods_side_by_side(open_run, tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS)
    answers = Library([path]).credit(0, 1, METHODS)["methods"]
    browser = open_run(path, "#/0/episode/1/0")
    assert texts(browser, ".turns th.credit") == METHODS
    shown = [text.replace("−", "-").replace("+", "") for text in texts(browser, ".turns .bar .value")]
    expected = [answer["credit"]["1"][t] for t in range(3) for answer in answers]
    assert [float(text) for text in shown] == pytest.approx(expected, abs=5e-4)
    kinds = [
        each.get_attribute("class").split()[1]
        for each in browser.find_elements(By.CSS_SELECTOR, ".turns .bar")
    ]
    assert kinds == ["good" if value > 0 else "bad" if value < 0 else "nil" for value in expected]
    largest = [max(abs(v) for row in answer["credit"].values() for v in row) for answer in answers]
    shares = browser.execute_script(
        "return [...document.querySelectorAll('.turns .filled')].map((each) => "
        "each.getBoundingClientRect().width / each.parentElement.getBoundingClientRect().width * 2)"
    )
    scaled = [abs(value) / largest[i % 3] for i, value in enumerate(expected)]
    assert shares == pytest.approx(scaled, abs=0.02)


def test_methods_are_switched_by_a_press_and_others_can_be_typed(browser, tmp_path):
    with serving(Library([write(tmp_path / "episodes.jsonl", WALKS)])) as url:
        go(browser, f"{url}#/0/episode/0/0")
        browser.find_element(By.XPATH, "//button[.='grpo']").click()
        until(lambda: texts(browser, ".turns th.credit") == ["gigpo", "hgpo"])
        typed = '{name = "hgpo", depth = 0}'
        browser.find_element(By.NAME, "method").send_keys(typed, Keys.ENTER)
        until(lambda: texts(browser, ".turns th.credit") == ["gigpo", "hgpo", typed])
        browser.find_element(By.NAME, "method").send_keys("gae", Keys.ENTER)
        until(lambda: any("gae" in note for note in texts(browser, ".notes li")))
        assert texts(browser, ".turns th.credit") == ["gigpo", "hgpo", typed]


def test_a_group_marks_equal_states_with_equal_letters_at_every_depth(open_run, tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS)
    browser = open_run(path, "#/0/group/0")

    def column(n):
        return texts(browser, f".members td:nth-child({n + 2}) .state")

    assert [column(n) for n in range(4)] == [["A", "B", "C"], ["A", "B", "B"], ["·", "B", "C"], []]
    press(browser, "+")
    assert [column(n) for n in range(3)] == [["·", "A", "B"], ["·", "A", "·"], ["·", "·", "B"]]
    press(browser, "+")
    assert [column(n) for n in range(3)] == [["·", "·", "·"]] * 3
    press(browser, "-", "-")
    assert column(0) == ["A", "B", "C"]


def test_picking_a_turn_tells_who_shares_its_state_and_how_much_past(open_run, tmp_path):
    browser = open_run(write(tmp_path / "episodes.jsonl", WALKS), "#/0/group/0")
    browser.find_elements(By.CSS_SELECTOR, ".members tbody tr")[1].find_elements(By.TAG_NAME, "td")[0].click()
    assert texts(browser, ".company tbody td:nth-child(1)") == ["0, 1", "1, 1", "1, 2", "2, 1"]
    assert texts(browser, ".company tbody td:nth-child(3)") == ["–", "1", "0", "0"]
    assert len(browser.find_elements(By.CSS_SELECTOR, ".members .same")) == 4
    press(browser, "l", "j")
    assert texts(browser, ".company tr.at td:nth-child(1)") == ["1, 2"]


def test_curves_of_several_runs_lie_over_each_other(browser, tmp_path):
    runs = [training(tmp_path / name) for name in ("one", "two")]
    with serving(Library(runs)) as url:
        go(browser, f"{url}#/curves")
        assert texts(browser, "figcaption")[0] == "success"
        figure = browser.find_element(By.TAG_NAME, "figure")
        assert len(figure.find_elements(By.CSS_SELECTOR, "path.series")) == 4
        assert len(figure.find_elements(By.CSS_SELECTOR, "path.band")) == 2
        browser.find_element(By.XPATH, "//button[.='two']").click()
        assert len(browser.find_elements(By.CSS_SELECTOR, "figure:first-child path.series")) == 2
        browser.find_element(By.XPATH, "//button[.='cloning_loss']").click()
        assert "cloning_loss" in texts(browser, "figcaption")


def test_a_run_that_grows_while_it_is_looked_at_grows_on_the_page(browser, tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS[:2])
    with serving(Library([path])) as url:
        go(browser, url)
        assert texts(browser, ".count") == ["2 episodes"]
        with path.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines(WALKS[2:])) + '{"env": ')
        until(lambda: texts(browser, ".count") == ["5 episodes"])
        assert tasks(browser) == ["0", "1", "2", "3", "4"]
        assert "still being written" in texts(browser, ".notes")[0]


def test_a_run_without_episodes_says_so(open_run, tmp_path):
    path = tmp_path / "episodes.jsonl"
    path.write_text("{\n")
    browser = open_run(path)
    assert texts(browser, ".count") == ["0 episodes"]
    assert "line 1 is no episode" in texts(browser, ".notes")[0]


def test_an_observation_of_a_megabyte_opens_cut_and_whole_on_demand(browser, tmp_path):
    huge = "word " * 200_000
    path = write(tmp_path / "episodes.jsonl", [episode(1, 0, turn("a", obs=huge))])
    with serving(Library([path])) as url:
        go(browser, f"{url}#/0/episode/0/0")
        assert len(texts(browser, ".turn .text")[0]) == 20_000
        browser.find_element(By.CSS_SELECTOR, "button.rest").click()
        until(lambda: len(texts(browser, ".turn .text")[0]) == len(huge))


def test_what_is_not_there_is_told_in_a_sentence(open_run, tmp_path):
    browser = open_run(write(tmp_path / "episodes.jsonl", WALKS), "#/0/episode/77")
    assert texts(browser, "[role=alert]") == ["there is no episode 77; there are 5"]


def test_everything_to_press_and_to_fill_in_has_a_name(open_run, tmp_path):
    browser = open_run(training(tmp_path / "run"))
    address = browser.current_url.partition("#")[0]
    for view in ("#/0", "#/0/episode/0", "#/0/group/0", "#/curves"):
        go(browser, address + view)
        for field in browser.find_elements(By.CSS_SELECTOR, "button, input, select, a"):
            assert field.accessible_name


@pytest.mark.parametrize("width", [380, 800, 1400])
def test_no_view_is_wider_than_the_window(browser, tmp_path, width):
    chance = random.Random(0)
    walks = [
        episode(1, n, *(turn(chance.choice("abc"), "an action of some length" * 3) for _ in range(9)))
        for n in range(9)
    ]
    browser.set_window_size(width, 800)
    with serving(
        Library([write(tmp_path / "run" / "episodes.jsonl", walks), training(tmp_path / "other")])
    ) as url:
        for view in ("#/0", "#/0/episode/0", "#/0/group/0", "#/curves"):
            go(browser, url + view)
            wide, window = browser.execute_script(
                "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert wide <= window, view
    browser.set_window_size(1400, 900)
