"""BrowserGym's tasks in a real Chromium: seconds an episode, so all but the cheapest are slow."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

pytest.importorskip("browsergym.core", reason="needs turngym[browsergym]")
pytest.importorskip("browsergym.miniwob", reason="needs turngym[browsergym]")

if not (shutil.which("chromium") or shutil.which("google-chrome")):
    pytest.skip("needs a Chromium on the path", allow_module_level=True)

from tests.envs.bridges.recording import actions, load, played, save

from turngym.core.errors import PrerequisiteError
from turngym.envs.bridges import browsergym
from turngym.envs.bridges.browsergym import BrowserGym, UnknownTask
from turngym.envs.check import Rule, answers_in_form, passes_gymnasium, resets_agree, takes_large_seeds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def env() -> Iterator[BrowserGym]:
    env = BrowserGym("miniwob.click-test", delay=0.1)
    yield env
    env.close()


def test_an_episode_reads_like_this(env: BrowserGym) -> None:
    obs, info = env.reset(seed=3)
    assert obs == (
        "Goal: Click the button.\n\nPage: click-test.html\n"
        "RootWebArea 'Click Test Task', focused, url='click-test.html'\n\t[13] button 'Click Me!'"
    )
    assert (info["valid"], info["success"], info["score"]) == (True, False, 0.0)
    assert "click(bid: str" in info["grammar"]
    assert "upload_file" not in info["grammar"]
    obs, reward, terminated, truncated, info = env.step("click('13')")
    assert (reward, terminated, truncated, info["success"], info["score"]) == (1.0, True, False, True, 1.0)
    assert env.step("click('13')")[1:3] == (0.0, True)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("dance", "The last action failed: ValueError"),
        ("upload_file('13', '/etc/passwd')", "The last action failed: "),
        ("import os", "The last action failed: "),
        ("__import__('os').system('true')", "The last action failed: "),
        ("click('999')", "The last action failed: "),
        ("", "The last action failed: "),
        ("\ud800", "The last action failed: "),
        ("(" * 9_000, "The last action failed: "),
        ("x" * 1_000_000, "The action has 1000000 characters; at most 10000 are read."),
    ],
)
def test_what_is_no_call_is_told_and_changes_nothing(env: BrowserGym, action: str, told: str) -> None:
    _, before = env.reset(seed=3)
    obs, reward, terminated, _, info = env.step(action)
    assert told in obs
    assert (reward, terminated, info["valid"], info["state"]) == (0.0, False, False, before["state"])


def test_text_is_typed_into_a_form() -> None:
    env = BrowserGym("miniwob.enter-text", delay=0.1)
    obs, _ = env.reset(seed=1)
    word = re.search(r'Enter "(\w+)"', obs)
    field = re.search(r"\[(\d+)\] textbox", obs)
    button = re.search(r"\[(\d+)\] button 'Submit'", obs)
    assert word
    assert field
    assert button
    obs, *_ = env.step(f"fill('{field[1]}', '{word[1]}')")
    assert f"value='{word[1]}'" in obs
    _, reward, terminated, _, info = env.step(f"click('{button[1]}')")
    assert (reward, terminated, info["success"]) == (1.0, True, True)
    env.close()


def test_a_wrong_answer_is_no_success() -> None:
    env = BrowserGym("miniwob.click-test-2", delay=0.1)
    obs, _ = env.reset(seed=0)
    wrong = re.search(r"\[(\d+)\] button 'TWO'", obs)
    assert wrong
    _, reward, terminated, _, info = env.step(f"click('{wrong[1]}')")
    assert (reward, terminated, info["success"], info["score"]) == (0.0, True, False, 0.0)
    env.close()


@pytest.mark.parametrize("task", ["miniwob.no-such-task", "openended.nothing", "nothing"])
def test_an_unknown_task_is_told(task: str) -> None:
    with pytest.raises((UnknownTask, ModuleNotFoundError)):
        BrowserGym(task)


def test_unknown_actions_are_told() -> None:
    with pytest.raises(ValueError, match="unknown actions 'dance'; choose from chat, infeas, bid"):
        BrowserGym(actions=["dance"])


def test_a_missing_browser_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    monkeypatch.setattr(browsergym, "_own_browser", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(PrerequisiteError, match="there is no Chromium"):
        BrowserGym()


made: list[BrowserGym] = []


class Built(BrowserGym):
    """Closes the one before the last, since each holds two browsers until it is closed."""

    def __init__(self) -> None:
        for env in made[:-1]:
            env.close()
        super().__init__(delay=0.1)
        made.append(self)


@pytest.mark.parametrize("rule", [answers_in_form, resets_agree, takes_large_seeds, passes_gymnasium])
def test_it_keeps_the_contract(rule: Rule) -> None:
    rule(Built, 0)


def test_it_replays_its_recorded_run(env: BrowserGym) -> None:
    recorded = load("browsergym_click_test")
    assert played(env, 3, actions(recorded)) == recorded


if __name__ == "__main__":
    click_test = BrowserGym("miniwob.click-test")
    save("browsergym_click_test", played(click_test, 3, ["dance", "hover('13')", "click('13')"]))
    click_test.close()
