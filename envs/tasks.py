"""A split as an explicit list of task ids: its content hash, and the task that a reset asks for."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from turngym.core.errors import UserError


class UnknownTask(UserError, ValueError):
    """A task id or index that the split does not have."""


class UnknownSplit(UserError, ValueError):
    """A split that the environment does not have."""


def digest(contents: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of a split, given as (task id, text that decides the task) in the split's order."""
    lines = (f"{id} {hashlib.sha256(text.encode()).hexdigest()}\n" for id, text in contents)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def split_of(content: str) -> str:
    """`train` or, for a quarter of all contents, `test`: told by the text that decides the task, so none is in both."""
    return "test" if hashlib.sha256(content.encode()).digest()[0] < 64 else "train"


def chosen(options: dict[str, Any] | None, ids: Sequence[str], random: np.random.Generator) -> int:
    """The index of the task to play: `options["task"]`, an id or an index, or else one drawn evenly.

    Raises `UnknownTask`, which suggests the nearest id.
    """
    task = (options or {}).get("task")
    if task is None:
        return int(random.integers(len(ids)))
    if isinstance(task, int) and not isinstance(task, bool):
        return _index(task, len(ids))
    if task in ids:
        return ids.index(task)
    near = difflib.get_close_matches(str(task)[:200], ids, n=1, cutoff=0)
    raise UnknownTask(
        f"there is no task {str(task)[:200]!r} among the {len(ids)}; the nearest is {near[0]!r}"
    )


def _index(task: int, count: int) -> int:
    if 0 <= task < count:
        return task
    raise UnknownTask(f"there is no task {task}: choose an index from 0 to {count - 1}")


def check_split(split: str, known: Iterable[str]) -> str:
    """`split` itself where it is known; raises `UnknownSplit` otherwise."""
    if split in (listed := list(known)):
        return split
    raise UnknownSplit(f"unknown split {split!r}: choose one of {', '.join(listed)}")


def one_of(name: str, value: str, known: Iterable[str]) -> str:
    """`value` itself, the argument called `name`, where it is known; raises `ValueError` otherwise."""
    if value in (listed := list(known)):
        return value
    raise ValueError(f"unknown {name} {value!r}: choose one of {', '.join(listed)}")
