"""Which goals are for training: the published cut of the shuffled goals, without overlap.

Of G goals in their shuffled order the first 500 are `test`, the next 1,000 `eval`, the rest `train`. A
catalogue with fewer than 3,000 goals gives a sixth and a third to `test` and `eval`. By `asin` all goals of a
product go to the first split that has room for them, in the order in which products first appear. A goal that
asks in the same words as one of an earlier split, but for the price limit, is in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from turngym.envs.tasks import UnknownTask, check_split, digest
from turngym.envs.webshop.goals import Drawn, Goal, Goals

SPLITS = ("test", "eval", "train")
BY = ("goal", "asin")

Ints = npt.NDArray[np.int64]


class Tasks(Sequence[str]):
    """The ids of a split's goals, in its order."""

    def __init__(self, goals: Goals, split: str, by: str = "goal") -> None:
        """`by` is `goal`, the published cut, or `asin`: then no product is wanted in two splits.

        Raises `UnknownSplit`.
        """
        self.split = check_split(split, SPLITS)
        self._goals = goals
        self.places = cut(goals.drawn, by)[SPLITS.index(split)]  # [T] among the shuffled goals

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        """The id of a task; no slices."""
        return self.goal(index).id

    def goal(self, index: int) -> Goal:
        """The goal of a task by its place in the split."""
        return self._goals[int(self.places[index])]

    def find(self, task: Any) -> Goal:
        """The goal of an id or an index. Raises `UnknownTask`."""
        index = task if isinstance(task, int) and not isinstance(task, bool) else self._place(str(task))
        if 0 <= index < len(self):
            return self.goal(index)
        raise UnknownTask(
            f"there is no task {str(task)[:80]!r} among the {len(self)} of split {self.split!r}: give an index, "
            f"or an id such as {self[0]!r}"
            if len(self)
            else f"split {self.split!r} has no goals: choose another one, or other goals"
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the ids and instructions, in order."""
        return digest((goal.id, goal.instruction) for goal in map(self.goal, range(len(self))))

    def _place(self, id: str) -> int:
        """-1 where the split does not have it."""
        row = self._goals.row(id.rpartition("-")[0])
        same = self._goals.drawn.rows[self.places] == row
        return next((index for index in np.flatnonzero(same).tolist() if self[index] == id), -1)


def cut(drawn: Drawn, by: str = "goal") -> list[Ints]:
    """The places of the goals of `test`, `eval` and `train` among the shuffled goals."""
    split = _split_of(drawn, by)
    parts = [np.flatnonzero(split == number) for number in range(len(SPLITS))]
    for number, later in enumerate(parts[1:], 1):
        known = drawn.wishes[np.concatenate(parts[:number])]
        parts[number] = later[~np.isin(drawn.wishes[later], known)]
    return parts


def _split_of(drawn: Drawn, by: str) -> Ints:
    """By goal 0, 1 or 2.  # [G]"""
    count = len(drawn.rows)
    ends = [min(500, count // 6), min(1500, count // 2)]
    if by == "goal":
        return np.searchsorted(ends, np.arange(count), side="right")
    _, first, product = np.unique(drawn.rows, return_index=True, return_inverse=True)
    sizes, split = np.bincount(product), np.empty(len(first), np.int64)
    room = [ends[0], ends[1] - ends[0], count]
    for one in np.argsort(first):  # products as they first appear
        split[one] = next(place for place, left in enumerate(room) if left >= sizes[one])
        room[split[one]] -= sizes[one]
    return split[product]
