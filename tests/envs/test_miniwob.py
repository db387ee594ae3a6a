from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.envs import recordings

from turngym import envs
from turngym.core.errors import UserError
from turngym.envs import check
from turngym.envs.experts import NoExpert

pytest.importorskip("miniwob")
pytest.importorskip("selenium")
if not (shutil.which("chromium") and shutil.which("chromedriver")):
    pytest.skip("Chromium and its driver are not installed", allow_module_level=True)

from turngym.envs.miniwob.browser import PAGES, Browser
from turngym.envs.miniwob.env import GRAMMAR, MiniWoB
from turngym.envs.miniwob.experts import EXPERTS
from turngym.envs.miniwob.page import elements


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


def start(
    browser: Browser, page: str, task: int = 0, **arguments: Any
) -> tuple[MiniWoB, str, dict[str, Any]]:
    """An episode in a browser that stays open."""
    env = MiniWoB(page, **arguments)
    env._browser = browser
    return env, *env.reset(options={"task": task})


@pytest.mark.slow
@pytest.mark.parametrize("rule", check.rules)
@pytest.mark.parametrize("page", ["click-test-2", "enter-text"])
def test_the_contract_is_kept(rule: check.Rule, page: str) -> None:
    rule(envs.factory("turngym/MiniWoB-v0", page=page), 0)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("page", EXPERTS)
def test_the_expert_wins(browser: Browser, page: str, split: str) -> None:
    for task in range(3):
        env, _, info = start(browser, page, task, split=split, expert=True)
        ended = False
        while not ended:
            _, reward, ended, _, info = env.step(info["expert"])
        assert (reward, info["success"], info["score"]) == (1.0, True, 1.0)


def test_recorded_episodes_play_the_same() -> None:
    recordings.check("miniwob")


def test_an_episode_reads_like_this(browser: Browser) -> None:
    env, obs, info = start(browser, "login-user")
    assert obs == (
        'Enter the username "thaddeus" and the password "UT" into the text fields and press login.\n\n'
        '[1] <label> "Username"\n[2] <input_text> (holds "")\n'
        '[3] <label> "Password"\n[4] <input_password> (holds "")\n[5] <button> "Login"'
    )
    obs, *_, info = env.step("type[2, thaddeus]")
    assert '[2] <input_text> (holds "thaddeus") (focused)' in obs
    env.step("type[4, wrong]")
    assert '[4] <input_password> (holds "UT") (focused)' in env.step("type[4, UT]")[0]
    obs, reward, ended, _, info = env.step("click[5]")
    assert (obs, reward, ended, info["success"]) == ("The page is done.", 1.0, True, True)
    assert env.step("click[5]")[1:4] == (0.0, True, False)


def test_the_wrong_button_is_punished_and_no_success(browser: Browser) -> None:
    env, _, _ = start(browser, "click-test-2")
    _, reward, ended, _, info = env.step("click[2]")
    assert (reward, ended, info["success"], info["score"]) == (-1.0, True, False, 0.0)


def test_one_seed_is_one_page_and_another_another(browser: Browser) -> None:
    pages = [start(browser, "click-button", task)[1] for task in (0, 1, 0)]
    assert pages[0] == pages[2] != pages[1]


def test_keys_can_be_pressed(browser: Browser) -> None:
    env, _, _ = start(browser, "enter-text")
    env.step("type[1, ab]")
    *_, info = env.step("press[Backspace]")
    assert info["valid"] is True
    assert '(holds "a")' in env._told()


@pytest.mark.parametrize(
    "action",
    [
        "",
        "click",
        "click[]",
        "click[99]",
        "click[1, 2]",
        "click[-1]",
        "type[1]]",
        "type[99, x]",
        "type[2, x]",
        "press[Hyper]",
        "scroll[1]",
        "click[" + "1" * 10**6 + "]",
        "type[1, \ud800]",
        "type[1, \N{ROCKET}]",
        "type[1, \ue007]",
    ],
)
def test_any_string_is_answered_and_none_ends_a_page_by_accident(browser: Browser, action: str) -> None:
    env, _, _ = start(browser, "enter-text")
    obs, reward, ended, _, info = env.step(action)
    assert (reward, ended) == (0.0, False)
    if not info["valid"]:
        assert obs == f"Nothing happens. Write {GRAMMAR}"


@pytest.mark.slow
def test_every_page_of_the_package_opens_asks_and_shows_something(browser: Browser) -> None:
    pages = sorted(path.stem for path in PAGES.glob("*.html"))
    assert len(pages) > 100
    shown = {page: start(browser, page) for page in pages}
    assert [page for page, (env, _, _) in shown.items() if not env._said] == []
    # These four are coloured fields without a word.
    wordless = [page for page, (_, obs, _) in shown.items() if "[1]" not in obs]
    assert wordless == ["click-color", "drag-items-grid", "hot-cold", "tic-tac-toe"]


def test_pages_and_experts_that_do_not_exist_are_named() -> None:
    with pytest.raises(UserError, match="the nearest is 'click-test'"):
        MiniWoB("click-tes")
    with pytest.raises(NoExpert, match="there is no expert for book-flight"):
        MiniWoB("book-flight", expert=True)


def browsers_of(folder: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder.encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("ending", ["env.close()", "del env", "sys.exit(1)"])
def test_no_browser_outlives_its_environment(ending: str) -> None:
    program = f"""
import sys
from turngym.envs.miniwob.env import MiniWoB
env = MiniWoB()
env.reset(seed=0)
print(env._browser._folder, flush=True)
{ending}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    folder = done.stdout.strip()
    deadline = time.monotonic() + 10
    while browsers_of(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert folder
    assert browsers_of(folder) == []
    assert not Path(folder).exists()


def test_elements_are_numbered_in_the_pages_order() -> None:
    words = {"tag": "t", "ref": -1, "text": "Say", "children": []}
    button = {"tag": "BUTTON", "ref": 5, "text": " Ok  then", "children": []}
    field = {"tag": "INPUT_checkbox", "ref": 6, "value": True, "focused": True, "children": []}
    body = {
        "tag": "BODY",
        "ref": 1,
        "children": [{"tag": "DIV", "ref": 2, "children": [words, button]}, field],
    }
    assert [str(one) for one in elements(body)] == [
        '[1] <div> "Say"',
        '[2] <button> "Ok then"',
        "[3] <input_checkbox> (checked) (focused)",
    ]
    assert elements(None) == []
