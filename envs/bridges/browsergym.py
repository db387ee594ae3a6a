"""BrowserGym's tasks in text: the page as its accessibility tree, actions as BrowserGym writes them."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium
import playwright
from browsergym.core.action.highlevel import ACTION_SUBSETS, HighLevelActionSet
from browsergym.utils.obs import IGNORED_AXTREE_ROLES, flatten_axtree_to_str

from turngym.core.errors import PrerequisiteError, UserError
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.draw import Draw
from turngym.envs.samples import Samples, words

LONGEST = 10_000
"""Characters; a longer action is refused unread."""

_NUMBERED = re.compile(r"^\s*\[(\w+)\]", re.MULTILINE)

LEFT_OUT = {"upload_file", "mouse_upload_file"}
"""Actions that would read this machine's files."""


class UnknownTask(UserError, LookupError):
    """A task that BrowserGym does not have."""


class BrowserGym(TextEnv):
    """A BrowserGym task, such as `miniwob.click-test`, in a real Chromium, played in text.

    task: an id of BrowserGym's without `browsergym/`; the package of its family has to be installed.
    actions: BrowserGym's action subsets (`bid`, `chat`, `infeas`, `nav`, `tab`, `coord`, ...). Uploads are left out.
    task_kwargs: arguments of the task. MiniWoB's pages come from the package `miniwob`, unless `base_url` or the
        variable MINIWOB_URL says another place.
    browser: the Chromium to run; by default Playwright's own, or the system's where that is not installed.
    delay: seconds that BrowserGym waits before it looks at the page.
    headless: without a window.

    The observation is the goal, the page's accessibility tree, whose numbers in brackets are what actions name, and
    the error of the last action. The reward is BrowserGym's; success is a full reward at the end. There is no expert.
    Playwright belongs to one thread and no running event loop: in a pool give it processes.

    Raises `UnknownTask`, and `PrerequisiteError` where there is no browser.
    """

    def __init__(
        self,
        task: str = "miniwob.click-test",
        actions: Sequence[str] = ("chat", "infeas", "bid"),
        task_kwargs: dict[str, Any] | None = None,
        browser: str | None = None,
        delay: float = 0.5,
        headless: bool = True,
    ) -> None:
        self.task = task
        self._actions = HighLevelActionSet(
            subsets=["custom"], custom_actions=_chosen(actions), multiaction=False
        )
        calls = ", ".join(one.signature for one in self._actions.action_set.values())
        self._grammar = f"one call of: {calls}"
        _prepare_browser(browser)
        arguments = _pages(task) | (task_kwargs or {})
        self._root = str(arguments.get("base_url", ""))
        self._env = _made(task, arguments, self._actions, delay, headless)
        self._over = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Open a new browser at the task's page; BrowserGym takes the seed's lower 32 bits."""
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**32)) if seed is None else seed % 2**32
        observation, _ = self._env.reset(seed=drawn)
        self._over, self._score = False, 0.0
        self._samples = Samples(drawn)
        return self._told(observation)

    def step(self, action: str) -> Step:
        """Do one call in the browser; one that fails is told and leaves the page as it is."""
        if self._over:
            return "The episode is over.", 0.0, True, False, self._info | {"valid": False}
        if len(action) > LONGEST:
            problem = f"The action has {len(action)} characters; at most {LONGEST} are read."
            return problem, 0.0, False, False, self._info | {"valid": False}
        observation, reward, terminated, truncated, _ = self._env.step(action)
        self._over = bool(terminated or truncated)
        self._score = min(1.0, max(0.0, float(reward))) if self._over else self._score
        obs, info = self._told(observation)
        return obs, float(reward), bool(terminated), bool(truncated), info

    def close(self) -> None:
        """Close the browser."""
        self._env.close()

    def _told(self, observation: dict[str, Any]) -> tuple[str, Info]:
        goal = "\n".join(part["text"] for part in observation["goal_object"] if part["type"] == "text")
        url, tree = self._short(observation["url"]), self._short(_tree(observation["axtree_object"]))
        error = observation["last_action_error"].strip().partition("\n")[0]
        parts = [f"Goal: {goal}", f"Page: {url}\n{tree}"]
        if error:
            parts.append(f"The last action failed: {error}")
        self._info: Info = {
            "state": (goal, url, tree),
            "grammar": self._grammar,
            "sample": self._samples(lambda draw: _call(draw, goal, _NUMBERED.findall(tree))),
            "valid": not error,
            "success": self._over and self._score == 1.0,
            "score": self._score,
        }
        return "\n\n".join(parts), dict(self._info)

    def _short(self, text: str) -> str:
        """Without the place of this machine's pages, so that a page reads the same everywhere."""
        return text.replace(self._root, "") if self._root else text


def _call(draw: Draw, goal: str, numbers: Sequence[str]) -> str:
    """A click on an element of the page, a word of the goal into one, or a wait; twice as often a click as either."""
    verb = draw.one(("click", "click", "fill", "noop") if numbers else ("noop",))
    if verb == "noop":
        return "noop()"
    number = draw.one(numbers)
    return f"click({number!r})" if verb == "click" else f"fill({number!r}, {draw.one(words(goal))!r})"


def _tree(nodes: dict[str, Any]) -> str:
    """The accessibility tree as text, without the boxes into which Chromium breaks a line that stands there already."""
    return str(flatten_axtree_to_str(nodes, ignored_roles=[*IGNORED_AXTREE_ROLES, "InlineTextBox"])).strip()


def _chosen(subsets: Sequence[str]) -> list[Any]:
    """The functions of BrowserGym's action subsets, each once."""
    for name in subsets:
        if name not in ACTION_SUBSETS:
            raise ValueError(f"unknown actions {name!r}; choose from {', '.join(ACTION_SUBSETS)}")
    functions = dict.fromkeys(function for name in subsets for function in ACTION_SUBSETS[name])
    return [function for function in functions if function.__name__ not in LEFT_OUT]


def _made(
    task: str, arguments: dict[str, Any], actions: HighLevelActionSet, delay: float, headless: bool
) -> gymnasium.Env[Any, str]:
    """BrowserGym's own environment."""
    family = task.partition(".")[0]
    if family != task:
        import_module(f"browsergym.{family}")
    try:
        spec = gymnasium.spec(f"browsergym/{task}")
    except gymnasium.error.Error as error:
        raise UnknownTask(f"BrowserGym has no task {task!r}: {error}") from error
    made = gymnasium.make(
        spec,
        task_kwargs=arguments,
        action_mapping=actions.to_python_code,
        pre_observation_delay=delay,
        headless=headless,
        disable_env_checker=True,
    )
    return made.unwrapped


def _pages(task: str) -> dict[str, Any]:
    """Where MiniWoB's pages are, if nobody says otherwise: inside the package `miniwob`."""
    if not task.startswith("miniwob.") or "MINIWOB_URL" in os.environ:
        return {}
    folder = Path(str(import_module("miniwob").__file__)).parent / "html" / "miniwob"
    return {"base_url": f"{folder.as_uri()}/"}


def _prepare_browser(browser: str | None) -> None:
    """Have Playwright start `browser`, or the system's Chromium where its own is not installed.

    Playwright looks for one version at one place, and BrowserGym opens a second browser without passing on which,
    so a folder like Playwright's is made, with a script at that place.
    """
    if browser is None and (_own_browser() or "PLAYWRIGHT_BROWSERS_PATH" in os.environ):
        return
    found = browser or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise PrerequisiteError(
            "there is no Chromium: run 'playwright install chromium', install the system's, or give browser=PATH"
        )
    os.environ["PLAYWRIGHT_BROWSERS_PATH"] = str(_stand_in(found))


def _own_browser() -> bool:
    return (Path.home() / ".cache" / "ms-playwright" / _place()).exists()


@cache
def _stand_in(browser: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="turngym-browser-"))
    script = folder / _place()
    script.parent.mkdir(parents=True)
    script.write_text(f'#!/bin/sh\nexec "{browser}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return folder


@cache
def _place() -> Path:
    """Where this version of Playwright has its Chromium."""
    listed = Path(playwright.__file__).parent / "driver" / "package" / "browsers.json"
    browsers = json.loads(listed.read_text(encoding="utf-8"))["browsers"]
    revision = next(one["revision"] for one in browsers if one["name"] == "chromium")
    return Path(f"chromium-{revision}") / "chrome-linux" / "chrome"
