"""One headless Chromium with one MiniWoB page."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any

import miniwob
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

from turngym.core.errors import PrerequisiteError

PAGES = Path(miniwob.__file__).parent / "html" / "miniwob"

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

KEYS = {
    "enter": Keys.ENTER,
    "tab": Keys.TAB,
    "escape": Keys.ESCAPE,
    "backspace": Keys.BACKSPACE,
    "space": Keys.SPACE,
    "up": Keys.ARROW_UP,
    "down": Keys.ARROW_DOWN,
    "left": Keys.ARROW_LEFT,
    "right": Keys.ARROW_RIGHT,
}
"""What can be pressed."""

# A timer of a day instead of ten seconds: how fast a model answers is not how well. A page draws nothing before this.
_START = """
Math.seedrandom(String(arguments[0]));
core.EPISODE_MAX_TIME = 86400000;
core.startEpisodeReal();
"""

_LOOK = """
var said = core.getUtterance();
return {ready: WOB_TASK_READY, done: WOB_DONE_GLOBAL, reward: WOB_RAW_REWARD_GLOBAL,
        said: said.utterance || said, body: WOB_DONE_GLOBAL ? null : core.getDOMInfo()};
"""

_FOCUS = "var e = core.previousDOMInfo[arguments[0]]; e.focus(); if (e.select) e.select(); return e;"

READY = 5.0
"""Seconds for a page to be ready."""


class Browser:
    """A browser that is gone, with its files, when it is closed, forgotten, or the program ends.

    Raises `PrerequisiteError` where Chromium or its driver is not installed.
    """

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="turngym-chromium-")
        try:
            self._driver: Any = _driver(self._folder)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self.close = weakref.finalize(self, _quit, self._driver, self._folder)
        """End the browser; a second time it does nothing."""

    def open(self, task: str, seed: int) -> dict[str, Any]:
        """Load a task's page afresh, start an episode and look at it."""
        self._driver.get((PAGES / f"{task}.html").as_uri())
        self._driver.execute_script(_START, seed)
        deadline = time.monotonic() + READY
        while not (seen := self.look())["ready"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the page of {task} was not ready in {READY:.0f} seconds")
            time.sleep(0.02)
        return seen

    def look(self) -> dict[str, Any]:
        """What is asked, the page's elements, whether the episode is over and its reward."""
        seen: dict[str, Any] = self._driver.execute_script(_LOOK)
        return seen

    def click(self, ref: int) -> bool:
        """Click an element; whether that worked."""
        return self._driver.execute_script(f"return core.elementClick({ref});") is True

    def type(self, ref: int, text: str) -> bool:
        """Put text into a field in place of what it held, key by key; whether that worked."""
        try:
            self._driver.execute_script(_FOCUS, ref).send_keys(text or Keys.BACKSPACE)
        except WebDriverException:
            return False
        return True

    def press(self, key: str) -> bool:
        """Press a key of `KEYS` in the field that has the focus; whether that worked."""
        try:
            self._driver.switch_to.active_element.send_keys(KEYS[key])
        except WebDriverException:
            return False
        return True


def _driver(folder: str) -> Any:
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if browser is None or driver is None:
        raise PrerequisiteError(
            "MiniWoB needs Chromium and its driver on the PATH: on Debian, apt-get install chromium chromium-driver"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.unhandled_prompt_behavior = "accept"
    for switch in (*SWITCHES, f"--user-data-dir={folder}"):
        options.add_argument(switch)
    return webdriver.Chrome(service=Service(executable_path=driver), options=options)


def _quit(driver: Any, folder: str) -> None:
    with contextlib.suppress(Exception):
        driver.quit()
    shutil.rmtree(folder, ignore_errors=True)
