"""`turngym/Library-v0`: the desk of a city library."""

from __future__ import annotations

import json
from functools import cached_property, lru_cache

from turngym.envs.tasks import check_split, digest
from turngym.envs.tools.database import Database
from turngym.envs.tools.domain import Request
from turngym.envs.tools.env import ToolEnv
from turngym.envs.tools.library.rules import POLICY
from turngym.envs.tools.library.stock import LEVELS
from turngym.envs.tools.library.tools import toolbox
from turngym.envs.tools.library.visits import tables_of, visit
from turngym.envs.tools.tool import Toolbox
from turngym.envs.tools.users import Model

COUNT = {"train": 10_000, "test": 200}
"""How many visits a split has where nothing else is asked."""


class Desk:
    """The visits of one level and split; number n is the same visit however many there are."""

    closing: frozenset[str] = frozenset()
    policy = POLICY

    def __init__(self, level: str, split: str, count: int) -> None:
        self.level = level
        self.split = split
        self.ids = [f"{level}-{split}-{number:06}" for number in range(count)]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the visits."""
        return digest((id, _told(self.request(number))) for number, id in enumerate(self.ids))

    def request(self, number: int) -> Request:
        """The visit of that number."""
        return visit(self.level, self.split, number)

    def database(self, request: Request) -> Database:
        """The branch of the visit."""
        return Database(tables_of(self.level, self.split, int(request.id[-6:])))

    def toolbox(self, database: Database) -> Toolbox:
        """The library's tools."""
        return toolbox(database)


def _told(request: Request) -> str:
    """All that decides a visit, as text."""
    calls = [[call.name, call.arguments] for call in request.calls]
    return json.dumps([request.instruction, calls, request.outputs], sort_keys=True)


@lru_cache(maxsize=16)
def desk(level: str, split: str, count: int) -> Desk:
    """A desk, shared by the environments of this process."""
    return Desk(level, split, count)


class Library(ToolEnv):
    """A city library's desk: twelve tools, nine rules, visitors whose wishes may have to be refused.

    Args:
        level: `easy` (one wish, 12 titles), `medium` (two, 40) or `hard` (three or four, 120).
        split: `train` or `test`, which share no branch of the library.
        count: how many visits there are to draw from; 10,000 to train on and 200 to test where `None`.
        user, expert, brief, state: as `ToolEnv` says.

    A wish that a rule forbids must leave the records alone and be refused by the rule's number; no other rule may
    be named.

    Raises:
        ValueError: an argument that names nothing known, or a count that is not from 1 to 1,000,000.
    """

    def __init__(
        self,
        level: str = "easy",
        split: str = "train",
        count: int | None = None,
        user: str | Model = "solo",
        expert: bool = False,
        brief: str = "full",
        state: str = "world",
    ) -> None:
        if level not in LEVELS:
            raise ValueError(f"level={level!r} is not known; choose one of {', '.join(LEVELS)}")
        visits = COUNT[check_split(split, COUNT)] if count is None else count
        if not 1 <= visits <= 1_000_000:
            raise ValueError(f"count={count} is out of range; give 1 to 1,000,000 visits")
        super().__init__(desk(level, split, visits), user=user, expert=expert, brief=brief, state=state)
