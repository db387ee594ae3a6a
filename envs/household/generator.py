"""Households from a seed: receptacles, objects and a task that is solvable by construction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from turngym.envs.draw import Draw
from turngym.envs.household.catalog import APPLIANCE, HOLDS, LAMP, LAMP_STANDS, OPENABLE
from turngym.envs.household.home import Goal, Home, layout, problem_text, sentence
from turngym.envs.household.sizes import Size, find, furniture, goals, sources, things
from turngym.envs.tasks import split_of

SPLITS = ("train", "test")

_TRIES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Game:
    """A household to be played: what a line of ALFWorld's games says."""

    id: str
    """Task folder and trial folder, as ALFWorld names them; the trial is the problem's digest."""
    task: str
    """The goal sentence, without the full stop."""
    task_type: str
    pddl_problem: str


def make_game(
    seed: int, size: str | Size = "small", *, task_types: Sequence[str] | None = None, split: str = "train"
) -> Game:
    """The household of this seed: equal arguments give equal bytes, in every process and on every machine.

    A quarter of all households, told by a digest of what is where and what is asked, belong to the split
    "test" and never come up in "train", whatever the seed: a panel is held out even where households are few.

    Raises:
        ValueError: an unknown size, split or task type, a task type that the size lacks, a negative seed, a
            size with so few households that none is in the split.
    """
    size = find(size)
    wanted = _wanted(size, task_types)
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; choose from {', '.join(SPLITS)}")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"a seed is a whole number of 0 or more, not {seed!r}")
    draw = Draw(seed, SPLITS.index(split))
    for _ in range(_TRIES):
        home = _home(size, wanted, draw)
        if _split_of(home) == split:
            return _game(home, draw)
    raise ValueError(
        f"none of {_TRIES} households of this size is in the split {split!r}; give the size more variety"
    )


def panel_digest(games: Iterable[Game]) -> str:
    """SHA-256 over the games' sentences and problems, in order: says whether two panels are the same."""
    total = hashlib.sha256()
    for game in games:
        total.update(f"{game.task}\0{game.pddl_problem}\0".encode())
    return total.hexdigest()


def _wanted(size: Size, task_types: Sequence[str] | None) -> tuple[str, ...]:
    if task_types is None:
        return size.task_types
    missing = [name for name in task_types if name not in size.task_types]
    if missing or not task_types:
        named = ", ".join(missing) or "(none given)"
        raise ValueError(f"this size has no task type {named}; it has {', '.join(size.task_types)}")
    return tuple(task_types)


def _split_of(home: Home) -> str:
    return split_of(layout(home))


def _game(home: Home, draw: Draw) -> Game:
    goal, problem = home.goal, problem_text(home)
    digest = hashlib.sha256(problem.encode()).hexdigest()
    return Game(
        id=f"{goal.task_type}-{goal.target}-None-{goal.place}-{goal.room}/trial_{digest[:12]}",
        task=sentence(goal, draw.below(2)),
        task_type=goal.task_type,
        pddl_problem=problem,
    )


def _home(size: Size, task_types: tuple[str, ...], draw: Draw) -> Home:
    by_room = goals(size, draw.one(task_types))
    goal = draw.one(by_room[draw.one(list(by_room))])
    places = _furnish(goal, size, draw)
    return Home(goal=goal, receptacles=tuple(places), objects=tuple(_stock(goal, places, size, draw)))


def _furnish(goal: Goal, size: Size, draw: Draw) -> list[str]:
    """Receptacle kinds: what the task needs, then any, so that the set share is openable."""
    most = furniture(size, goal.room)
    total = draw.between(size.receptacles)
    openable = round(size.closed * total)
    places = _needed(goal, list(most), draw)
    while len(places) < total:
        free = [kind for kind in most if places.count(kind) < most[kind]]
        if not free:
            break
        door = sum(kind in OPENABLE for kind in places) < openable
        places.append(draw.one([kind for kind in free if (kind in OPENABLE) == door] or free))
    return draw.some(places, len(places))


def _needed(goal: Goal, here: list[str], draw: Draw) -> list[str]:
    """Kinds for the goal's place or the lamp to stand on, the appliance, and the target to begin in."""
    needed = [here[draw.one(_stands(goal, here))] if goal.place == LAMP else goal.place]
    if goal.task_type in APPLIANCE:
        needed.append(APPLIANCE[goal.task_type])
    if not sources(goal.target, goal.place, needed):
        needed.append(draw.one(sources(goal.target, goal.place, here)))
    return needed


def _stock(goal: Goal, places: list[str], size: Size, draw: Draw) -> list[tuple[str, int]]:
    """Objects and the index of where each begins; of the target's kind none begins in the goal's place."""
    homes = {
        kind: [i for i, place in enumerate(places) if kind in HOLDS[place]]
        for kind in things(size, goal.room)
    }
    homes[goal.target] = [i for i in homes[goal.target] if places[i] != goal.place]
    targets = [goal.target] * (2 if goal.task_type == "pick_two_obj_and_place" else 1)
    spare = [kind for kind, at in homes.items() if at for _ in range(size.copies - targets.count(kind))]
    kinds = targets + draw.some(spare, draw.between(size.objects) - len(targets))
    stocked = [(kind, draw.one(homes[kind])) for kind in draw.some(kinds, len(kinds))]
    lamp = [(LAMP, draw.one(_stands(goal, places)))] if goal.place == LAMP else []
    return lamp + stocked


def _stands(goal: Goal, places: list[str]) -> list[int]:
    """Indices of the receptacles that a lamp can stand on."""
    return [i for i, place in enumerate(places) if place in LAMP_STANDS[goal.room]]
