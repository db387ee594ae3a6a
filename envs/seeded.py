"""Splits of environments that make a task from any seed: ranges of seeds, the same for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from turngym.envs.tasks import UnknownTask, check_split

SEEDS = {"train": range(0, 100_000), "valid": range(100_000, 100_500), "test": range(100_500, 101_500)}
"""The seeds of each split. No seed is in two; whether two seeds may make the same task, the environment's page says."""


def chosen_seed(options: dict[str, Any] | None, split: str, random: np.random.Generator) -> int:
    """The seed of the task to make: `options["task"]`, an index in the split or the seed as text, or one drawn evenly.

    Raises `UnknownSplit`, and `UnknownTask` for a seed outside the split.
    """
    seeds = SEEDS[check_split(split, SEEDS)]
    task = (options or {}).get("task")
    if task is None:
        return seeds[int(random.integers(len(seeds)))]
    if isinstance(task, int) and not isinstance(task, bool) and 0 <= task < len(seeds):
        return seeds[task]
    if isinstance(task, str) and task.isascii() and task.isdecimal() and int(task[:20]) in seeds:
        return int(task)
    raise UnknownTask(
        f"there is no task {str(task)[:80]!r} in the split {split!r}: give a text from {str(seeds[0])!r} to"
        f" {str(seeds[-1])!r} or an index below {len(seeds)}"
    )
