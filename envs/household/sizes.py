"""Graded sizes of generated households, and the tasks that each size has room for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from turngym.envs.household.catalog import (
    APPLIANCE,
    FURNITURE,
    HOLDS,
    LAMP,
    LAMP_STANDS,
    OBJECT_FACTS,
    REQUIREMENT,
    SINGLE,
    THINGS,
)
from turngym.envs.household.games import TASK_TYPES
from turngym.envs.household.home import Goal


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How large and how varied households are. Pairs are the least and the most, both included.

    Raises:
        ValueError: an unknown room or task type, or numbers that leave no room for a task.
    """

    rooms: tuple[str, ...] = tuple(FURNITURE)
    """Rooms that a household is drawn from."""
    task_types: tuple[str, ...] = TASK_TYPES
    """Tasks that may be asked."""
    receptacles: tuple[int, int]
    """Receptacles in the room."""
    objects: tuple[int, int]
    """Objects one can carry: one or two targets, the rest distractors. A room that holds fewer has fewer."""
    closed: float
    """Share of the receptacles that are openable, and so begin closed."""
    furniture: int
    """Receptacle kinds in use, from the front of the room's list."""
    kinds: int
    """Object kinds in use, from the front of the room's list."""
    alike: int
    """Most receptacles of one kind; the room's own limit holds too."""
    copies: int
    """Most objects of one kind."""

    def __post_init__(self) -> None:
        _check_known("room", self.rooms, tuple(FURNITURE))
        _check_known("task type", self.task_types, TASK_TYPES)
        if self.receptacles[0] < 3 or self.objects[0] < 2 or self.copies < 2:
            raise ValueError("a household needs 3 receptacles, 2 objects and 2 copies of a kind at the least")
        for task_type in self.task_types:
            if not goals(self, task_type):
                raise ValueError(f"no {task_type} fits this size; give it more rooms, furniture or kinds")


def _check_known(what: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = set(names) - set(known)
    if unknown or not names:
        raise ValueError(
            f"unknown {what} {', '.join(sorted(unknown)) or '(none given)'}; choose from {', '.join(known)}"
        )


def find(size: str | Size) -> Size:
    """The size of that name; a `Size` is returned as it is."""
    if isinstance(size, Size):
        return size
    if size not in SIZES:
        raise ValueError(f"unknown size {size!r}; choose from {', '.join(SIZES)} or give a Size")
    return SIZES[size]


def furniture(size: Size, room: str) -> dict[str, int]:
    """Receptacle kinds of the room in this size, with the most of each."""
    kinds = list(FURNITURE[room].items())[: size.furniture]
    return {kind: min(most, size.alike) for kind, most in kinds}


def things(size: Size, room: str) -> tuple[str, ...]:
    """Object kinds of the room in this size."""
    return THINGS[room][: size.kinds]


@lru_cache(maxsize=256)
def goals(size: Size, task_type: str) -> dict[str, tuple[Goal, ...]]:
    """Room to all that can be asked there; rooms where nothing can be asked are left out."""
    found = {room: tuple(_goals_in(size, task_type, room)) for room in size.rooms}
    return {room: listed for room, listed in found.items() if listed}


def _goals_in(size: Size, task_type: str, room: str) -> list[Goal]:
    here = furniture(size, room)
    if APPLIANCE.get(task_type, next(iter(here))) not in here:
        return []
    return [
        Goal(room=room, task_type=task_type, target=target, place=place)
        for target in things(size, room)
        if _suits(target, task_type)
        for place in _places(room, task_type, target, list(here))
        if sources(target, place, list(here))
    ]


def _suits(target: str, task_type: str) -> bool:
    return task_type not in REQUIREMENT or target in OBJECT_FACTS[REQUIREMENT[task_type]]


def _places(room: str, task_type: str, target: str, here: list[str]) -> list[str]:
    """Where the target may be asked to go: never into the appliance itself, nor two into a place for one."""
    if task_type == "look_at_obj_in_light":
        return [LAMP] if LAMP_STANDS.get(room, frozenset()).intersection(here) else []
    excluded = SINGLE if task_type == "pick_two_obj_and_place" else {APPLIANCE.get(task_type)}
    return [place for place in here if target in HOLDS[place] and place not in excluded]


def sources(target: str, place: str, here: list[str]) -> list[str]:
    """Receptacle kinds the target may begin in: any that holds it but the one it is to be put in."""
    return [kind for kind in here if target in HOLDS[kind] and kind != place]


_KITCHEN = tuple(task_type for task_type in TASK_TYPES if task_type != "look_at_obj_in_light")

SIZES: dict[str, Size] = {
    "tiny": Size(
        rooms=("kitchen",),
        task_types=_KITCHEN,
        receptacles=(3, 3),
        objects=(4, 4),
        closed=0.65,
        furniture=6,
        kinds=6,
        alike=2,
        copies=2,
    ),
    "compact": Size(
        rooms=("kitchen",),
        task_types=_KITCHEN,
        receptacles=(5, 5),
        objects=(5, 5),
        closed=0.65,
        furniture=6,
        kinds=6,
        alike=2,
        copies=2,
    ),
    "small": Size(
        rooms=("kitchen",),
        task_types=_KITCHEN,
        receptacles=(6, 6),
        objects=(8, 8),
        closed=0.65,
        furniture=8,
        kinds=10,
        alike=2,
        copies=2,
    ),
    "medium": Size(
        receptacles=(9, 11), objects=(16, 20), closed=0.5, furniture=10, kinds=14, alike=4, copies=3
    ),
    "large": Size(
        receptacles=(14, 18), objects=(26, 32), closed=0.5, furniture=12, kinds=22, alike=8, copies=3
    ),
    "full": Size(
        receptacles=(16, 28), objects=(36, 50), closed=0.5, furniture=13, kinds=33, alike=16, copies=4
    ),
}
"""From what fits a test (`tiny`) or a tiny transformer (`small`) to ALFWorld's scale (`full`)."""
