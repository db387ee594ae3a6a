"""SPA's step rewards: what each turn contributed to the outcome, and whether the environment executed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from turngym.credit.steps import Bools, Floats, Ints, Steps
from turngym.credit.toolbox import position, size

REFUSAL = "Nothing happens"
"""What ALFWorld and VirtualHome answer an action they cannot execute; the released rule looks for it."""


def step_rewards(
    contribution: Floats,
    grounded: Bools,
    *,
    alpha: float = 1.0,
    beta: float = 0.5,
    weight: Floats | float = 1.0,
) -> Floats:
    """The reward of each turn, `weight * (alpha * c + beta * g)` (Wang et al. 2025, arXiv 2505.20732). [N]

    The outcome is not added again: the contributions, whose sum was fitted to it, stand in its place.
    """
    return np.asarray(weight * (alpha * contribution + beta * grounded), dtype=np.float64)


def remaining(traj: Ints) -> Floats:
    """How many turns of its episode follow each turn: the weight that the released trainer gives rewards. [N]

    The last turn weighs 0, so its own reward is lost.
    """
    return np.asarray(size(traj) - 1 - position(traj), dtype=np.float64)


def not_refused(following: Sequence[str | None]) -> Bools:
    """The released grounding: a turn counts as executed unless the text after it says `Nothing happens`. [N]

    `None` is a turn with no text after it, which counts as executed, whatever became of it.
    """
    return np.array([text is None or REFUSAL not in text for text in following], dtype=np.bool_)


def leave_one_out(outcome: Floats, task: Ints) -> Floats:
    """Each episode's outcome less the mean of the task's other episodes, or its own if it is the only one. [E]

    What the released script puts in the place of every contribution of the episode. `task` counts from 0. An outcome
    that is no number is left out of the others' means and stays what it is.
    """
    known = np.isfinite(outcome)
    counted = np.where(known, outcome, 0.0)
    others = size(task, known) - known
    rest = np.bincount(task, counted)[task] - counted
    return np.asarray(outcome - rest / np.maximum(others, 1), dtype=np.float64)


def whole_episodes(contribution: Floats, traj: Ints, tokens: Ints) -> Bools:
    """True on the turns of episodes in which every turn that sampled tokens, and at least one, has a number. [N]"""
    known, sampled = np.isfinite(contribution), tokens > 0
    missing = np.bincount(traj, sampled & ~known)
    present = np.bincount(traj, known)
    return np.asarray((missing == 0) & (present > 0))[traj]


def redistributed(steps: Steps, reward: Floats, whole: Bools) -> Steps:
    """The table with the turns' rewards in place of the environment's where the episode is `whole`.

    There, nothing is left to bootstrap: the contributions account for the outcome of an episode that was cut off too.
    Raises `ValueError` where a reward is no number.
    """
    paid = np.where(whole, reward, steps.reward)
    if not np.isfinite(paid).all():
        row = int(np.flatnonzero(~np.isfinite(paid))[0])
        raise ValueError(
            f"turn {steps.t[row]} of episode {steps.traj[row]} was paid {paid[row]} and has no contribution to put in "
            "its place; mend the environment's reward"
        )
    return replace(steps, reward=paid, bootstrap=steps.bootstrap & ~whole)
