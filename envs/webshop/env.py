"""`turngym/WebShop-v0`: the web shop of Yao et al. (2022, arXiv 2207.01206) as text pages."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.tasks import check_split
from turngym.envs.webshop.expert import next_action, one_line, plan, writable
from turngym.envs.webshop.goals import KINDS
from turngym.envs.webshop.pages import SEARCH
from turngym.envs.webshop.session import Session, Shop
from turngym.envs.webshop.splits import BY, SPLITS
from turngym.envs.webshop.store import catalogue

OBSERVATIONS = ("text", "text_rich")
GRAMMAR = "search[<words>] or click[<label>]"


class WebShop(TextEnv):
    """A web shop: search, compare and buy what an instruction asks for; the reward says how well it fits.

    The episode ends with the purchase; its reward, from 0 to 1, is the published score, and success is a score
    of 1. `search[words]` works on every page, `click[label]` for what the page shows; anything else does nothing.

    `reset(options={"task": ...})` plays the goal of that id, or of that index in the split; without it a goal
    is drawn evenly with the seed.

    `info` has `state` (a fingerprint of the page, with the options chosen and the products visited), `admissible`
    (the clicks; on the first page, a search for the instruction), `grammar`, `valid`, `score`, `success`, `goal`
    (the id), after the purchase `purchase` (what the score is made of), and if asked for, `expert`.

    Args:
        data: folder of WebShop's own files, or one that `turngym data webshop` made; the generated catalogue that
            comes with turngym if `None`.
        observation: `text`, the page's texts joined by ` [SEP] `, or `text_rich`, a line each with buttons marked.
        goals: `synthetic`, made of products and their options, or `human`, written by people.
        split: `train`, `eval` or `test`, see `turngym.envs.webshop.splits`.
        split_by: `goal`, the published splits, or `asin`: no product is wanted in two splits.
        price_seed: of the draw of price limits, and of prices between two given ones.
        page_limit: actions, each of which shows a page, until an episode is cut off; no limit if `None`, as in the
            original.
        expert: put the next action of a purchase of the wanted product into `info["expert"]`.

    Raises:
        ValueError: an argument that names nothing known.
        UserError: files that are missing or cannot be read.
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        observation: str = "text",
        goals: str = "synthetic",
        split: str = "train",
        split_by: str = "goal",
        price_seed: int = 0,
        page_limit: int | None = None,
        expert: bool = False,
    ) -> None:
        _check("observation", observation, OBSERVATIONS)
        _check("goals", goals, KINDS)
        _check("split_by", split_by, BY)
        check_split(split, SPLITS)
        if page_limit is not None and page_limit < 1:
            raise ValueError(f"page_limit is {page_limit}: give at least 1, or None for no limit")
        self.observation = observation
        self.page_limit = page_limit
        self.expert = expert
        self.shop = Shop(catalogue(None if data is None else Path(data), price_seed))
        self.tasks = self.shop.catalogue.tasks(goals, split, split_by)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Enter the shop; the first page shows the instruction. Raises `UnknownTask`."""
        super().reset(seed=seed)
        task = (options or {}).get("task")
        self.goal = self.tasks.find(self._drawn() if task is None else task)
        self.session = self.shop.start(self.goal)
        self._plan = plan(self.shop, self.goal) if self.expert else None
        self._pages = 0
        return self._observed(), self._info(valid=True)

    def step(self, action: str) -> Step:
        """Search or click. What the page does not offer changes nothing; after the end nothing does."""
        if self.session.done or self._cut_off():
            return self._observed(), 0.0, self.session.done, self._cut_off(), self._info(valid=False)
        before, self.session = self.session, self.shop.act(self.session, action)
        self._pages += 1
        info = self._info(valid=self.session is not before)
        return self._observed(), info["score"], self.session.done, self._cut_off(), info

    def _drawn(self) -> int:
        return int(self.np_random.integers(max(1, len(self.tasks))))

    def _cut_off(self) -> bool:
        return not self.session.done and self.page_limit is not None and self._pages >= self.page_limit

    def _observed(self) -> str:
        page = self.session.page
        return page.text if self.observation == "text" else page.text_rich

    def _info(self, valid: bool) -> Info:
        score = self.session.purchase.reward if self.session.purchase else 0.0
        info: Info = {
            "state": _fingerprint(self.session.page.text_rich),
            "admissible": _admissible(self.session),
            "grammar": GRAMMAR,
            "valid": valid,
            "success": score == 1.0,
            "score": score,
            "goal": self.goal.id,
        }
        if self.session.purchase:
            info["purchase"] = self.session.purchase.parts()
        action = next_action(self.session, self._plan, self.goal) if self._plan else None
        return info if action is None else {**info, "expert": action}


def _admissible(session: Session) -> list[str]:
    if session.at == "index":
        return [f"search[{one_line(session.goal.instruction)}]"]
    return [f"click[{label}]" for label in session.page.labels if label != SEARCH.lower() and writable(label)]


def _fingerprint(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _check(argument: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"unknown {argument} {value!r}: choose one of {', '.join(known)}")
