"""What TextWorld can make: kinds of game, their levels, and the seeds of each split."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from turngym.core.errors import UserError, suggest

SPLITS: dict[str, range] = {
    "train": range(10_000),
    "valid": range(10_000, 10_100),
    "test": range(20_000, 20_100),
}
"""The generator's seeds. TextWorld draws all that a game is from its seed."""


class UnknownGame(UserError, ValueError):
    """A kind, level or setting that TextWorld cannot make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides a game: equal recipes make equal files with one version of TextWorld."""

    kind: str
    settings: str
    """The generator's settings as JSON with sorted keys."""
    seed: int

    @property
    def arguments(self) -> dict[str, Any]:
        """The settings by name."""
        settings: dict[str, Any] = json.loads(self.settings)
        return settings


class Kind(NamedTuple):
    """A kind of game: what a level means in the generator's settings."""

    levels: Sequence[int]
    usual: int
    """The level that is played where none is named."""
    settings: Callable[[int], dict[str, Any]]
    about: str


_COIN_LEVELS = (*range(1, 151), *range(201, 234))
"""Those of at most 100 rooms, which is what a .z8 file holds."""


def _coin(level: int) -> dict[str, Any]:
    return {"level": level}


def _cooking(level: int) -> dict[str, Any]:
    return {"open": True, "drop": False, "recipe_seed": 0, **_KITCHENS[level - 1]}


def _kitchen(*, ingredients: int, rooms: int, cut: bool, cook: bool) -> dict[str, Any]:
    return {"recipe": ingredients, "take": ingredients, "go": rooms, "cut": cut, "cook": cook}


_KITCHENS = (
    _kitchen(ingredients=1, rooms=1, cut=True, cook=False),
    _kitchen(ingredients=1, rooms=1, cut=True, cook=True),
    _kitchen(ingredients=1, rooms=9, cut=False, cook=False),
    _kitchen(ingredients=3, rooms=6, cut=True, cook=True),
    _kitchen(ingredients=5, rooms=12, cut=True, cook=True),
)


def _simple(level: int) -> dict[str, Any]:
    rewards, goal = (("dense", "detailed"), ("balanced", "brief"), ("sparse", "none"))[level - 1]
    return {"rewards": rewards, "goal": goal}


def _custom(level: int) -> dict[str, Any]:
    return {
        "nb_rooms": level + 1,
        "nb_objects": 2 * level + 2,
        "quest_length": level,
        "quest_breadth": 1,
        "nb_parallel_quests": 1,
    }


KINDS: dict[str, Kind] = {
    "coin": Kind(_COIN_LEVELS, 10, _coin, "find the coin: a chain of rooms, dead ends from level 101 on"),
    "treasure": Kind(range(1, 29), 5, _coin, "take the named thing; doors from 11, keys from 21 on"),
    "cooking": Kind(range(1, 6), 1, _cooking, "read the recipe, gather, cut and cook, eat"),
    "simple": Kind(range(1, 4), 1, _simple, "one house: find the food and put it on the stove"),
    "custom": Kind(range(1, 11), 3, _custom, "made up: as many steps as the level, one room more"),
}
"""Levels 1 to 4 of cooking have the sizes of the levels of Adhikari et al. (2020, arXiv 2002.09127)."""


def settings_of(kind: str, level: int | None, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The generator's settings of a level, some of them replaced. Raises `UnknownGame`."""
    if kind not in KINDS:
        raise UnknownGame(f"unknown kind of TextWorld game {kind!r}: {suggest(kind, [*KINDS])}")
    levels, usual, settings, _ = KINDS[kind]
    level = usual if level is None else level
    if level not in levels:
        raise UnknownGame(f"{kind} has no level {level!r}: choose one of {_spans(levels)}")
    usually = settings(level)
    unknown = [key for key in changes or {} if key not in usually]
    if unknown:
        raise UnknownGame(f"{kind} has no setting {unknown[0]!r}: {suggest(unknown[0], [*usually])}")
    return {**usually, **(changes or {})}


def _spans(numbers: Sequence[int]) -> str:
    """Sorted whole numbers with each run written as its ends."""
    firsts = [one for one in numbers if one - 1 not in numbers]
    lasts = [one for one in numbers if one + 1 not in numbers]
    return ", ".join(f"{first} to {last}" for first, last in zip(firsts, lasts, strict=True))


def recipe(kind: str, settings: Mapping[str, Any], split: str, seed: int) -> Recipe:
    """The recipe of one game; cooking and simple games of another split use other foods too."""
    given = dict(settings)
    if kind == "cooking":
        given["split"] = split
    if kind == "simple":
        given["test"] = split == "test"
    return Recipe(kind=kind, settings=json.dumps(given, sort_keys=True), seed=seed)


@lru_cache(maxsize=32)
def task_ids(kind: str, split: str) -> tuple[str, ...]:
    """The tasks of a split in order: kind and seed."""
    return tuple(f"{kind}-{seed:05}" for seed in SPLITS[split])
