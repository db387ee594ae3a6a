"""`turngym/MiniWoB-v0`: the web pages of MiniWoB++ (Shi et al. 2017, Liu et al. 2018) in a real Chromium."""

from __future__ import annotations

import difflib
import re
from typing import Any

from turngym.core.errors import UserError
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.draw import Draw
from turngym.envs.experts import NoExpert
from turngym.envs.fingerprint import fingerprint
from turngym.envs.miniwob.browser import KEYS, PAGES, Browser
from turngym.envs.miniwob.experts import EXPERTS
from turngym.envs.miniwob.page import Element, elements
from turngym.envs.samples import Samples, words
from turngym.envs.seeded import SEEDS, chosen_seed
from turngym.envs.tasks import check_split

GRAMMAR = f"click[NUMBER], type[NUMBER, TEXT] or press[KEY], with a number of the page and a key of {', '.join(KEYS)}."
"""What `info["grammar"]` says."""

LONGEST = 2000
"""Characters that an action may have."""

_ACTION = re.compile(r"(click|type|press)\s*\[(.*)\]", re.DOTALL)


class MiniWoB(TextEnv):
    """MiniWoB++: click and type on small web pages in a real browser, told as numbered elements.

    The reward comes with the end: the page's own in [-1, 1], without its discount for slowness, and without its limit
    of ten seconds. `score` is that in [0, 1], `success` a reward of 1. Turns are not limited.

    `reset(options={"task": ...})` loads the page that this seed of the split makes. `info` has `state`, `grammar`,
    `sample`, `valid` (False where the action named nothing that could be done), `success`, `score`, `expert` if asked
    for and known and, at the reset, `task`.

    Args:
        page: a page of MiniWoB++'s, `click-test` or `login-user`.
        split: `train`, `valid` or `test`: ranges of seeds, see `turngym.envs.seeded`.
        expert: put the next action into `info["expert"]`; raises `NoExpert` for pages without one.

    The browser starts with the first reset and ends with `close`. Raises `PrerequisiteError` where there is none.
    """

    def __init__(self, page: str = "click-test", split: str = "train", expert: bool = False) -> None:
        self.page = _known(page)
        self.split = check_split(split, SEEDS)
        self._expert = EXPERTS.get(page) if expert else None
        if expert and self._expert is None:
            raise NoExpert(
                f"there is no expert for {page}: leave out expert=True, or take {', '.join(EXPERTS)}"
            )
        self._browser: Browser | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Load the page."""
        super().reset(seed=seed)
        self.task = chosen_seed(options, self.split, self.np_random)
        if self._browser is None:
            self._browser = Browser()
        self._samples = Samples(self.task)
        self._see(self._browser.open(self.page, self.task))
        return f"{self._said}\n\n{self._told()}", self._info(valid=True) | {"task": str(self.task)}

    def step(self, action: str) -> Step:
        """Do one thing on the page."""
        if self._over or self._browser is None:
            return "The page is done.", 0.0, True, False, self._info(valid=False)
        valid = self._act(self._browser, action.strip()) if len(action) <= LONGEST else False
        self._see(self._browser.look())
        told = self._told() if valid else f"Nothing happens. Write {GRAMMAR}"
        return told, self._reward, self._over, False, self._info(valid)

    def close(self) -> None:
        """End the browser."""
        if self._browser is not None:
            self._browser.close()
            self._browser = None

    def _act(self, browser: Browser, action: str) -> bool:
        written = _ACTION.fullmatch(action)
        if written is None:
            return False
        verb, argument = written[1], written[2].strip()
        if verb == "press":
            return argument.lower() in KEYS and browser.press(argument.lower())
        name, _, text = argument.partition(",")
        element = self._named(name.strip())
        if element is None or (verb == "click" and text):
            return False
        return browser.click(element.ref) if verb == "click" else browser.type(element.ref, _typed(text))

    def _named(self, number: str) -> Element | None:
        wanted = number.removeprefix("[").removesuffix("]")
        return next((one for one in self._elements if str(one.number) == wanted), None)

    def _see(self, seen: dict[str, Any]) -> None:
        self._said = " ".join(str(seen["said"]).split())
        self._elements = elements(seen["body"])
        self._over = bool(seen["done"])
        self._reward = min(max(float(seen["reward"]), -1.0), 1.0) if self._over else 0.0

    def _told(self) -> str:
        if self._over:
            return "The page is done."
        return "\n".join(map(str, self._elements)) or "The page is empty."

    def _info(self, valid: bool) -> Info:
        info: Info = {
            "state": fingerprint(self.page, self.task, self._said, self._told(), self._reward),
            "grammar": GRAMMAR,
            "sample": self._samples(self._drawn),
            "valid": valid,
            "success": self._over and self._reward >= 1,
            "score": max(self._reward, 0.0),
        }
        if (
            self._expert is not None
            and not self._over
            and (action := self._expert(self._said, self._elements))
        ):
            info["expert"] = action
        return info

    def _drawn(self, draw: Draw) -> str:
        """A click on an element, words into one, or a key; twice as often a click as either."""
        verb = draw.one(("click", "click", "type", "press") if self._elements else ("press",))
        if verb == "press":
            return f"press[{draw.one([*KEYS])}]"
        number = draw.one(self._elements).number
        return f"click[{number}]" if verb == "click" else f"type[{number}, {draw.one(words(self._said))}]"


def _typed(text: str) -> str:
    """What is typed: the text without the blank after the comma, and without codes that a driver takes for keys."""
    return "".join(
        letter for letter in text.removeprefix(" ") if letter.isprintable() and not _is_key(letter)
    )


def _is_key(letter: str) -> bool:
    return "\ue000" <= letter <= "\uf8ff"


def _known(page: str) -> str:
    pages = sorted(path.stem for path in PAGES.glob("*.html"))
    if page in pages:
        return page
    near = difflib.get_close_matches(page[:100], pages, n=1, cutoff=0)
    raise UserError(f"MiniWoB++ has no page {page[:100]!r}; the nearest is {near[0]!r}")
