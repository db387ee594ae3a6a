"""Step rewards from log-ratios of tokens, and the advantages they are combined to. Arrays in, arrays out."""

from __future__ import annotations

from typing import Literal

import numpy as np

from turngym.credit.steps import Bools, Floats, Ints, Steps
from turngym.credit.toolbox import EPSILON, after, center, discount, position, size, whiten

Form = Literal["grpo", "rloo", "reinforce_pp_baseline"]
Combine = Literal["sum", "merged", "process"]
Statistics = Literal["all_steps", "first_rows"]
Lone = Literal["zero", "keep"]
Norm = Literal["none", "max_abs"]
Granularity = Literal["turn", "token"]
Baseline = Literal["others", "released"]


def step_rewards(
    ratio: Floats, row: Ints, rows: int, *, granularity: Granularity = "turn", norm: Norm = "none"
) -> Floats:
    """The reward of each turn from beta times the log-ratio of each token [T], whose turn is `row` [T]. [rows]

    At `granularity="token"` the last token of a turn is left out, as in the release. `max_abs` divides by the
    largest absolute reward, or at token granularity by the largest absolute sum from a token to its turn's end.
    """
    kept = ratio if granularity == "turn" else np.where(after(row) >= 0, ratio, 0.0)
    reward = np.bincount(row, kept, minlength=rows).astype(np.float64)
    if norm == "none":
        return reward
    size_of_sums = reward if granularity == "turn" else discount(kept, row, 1.0)
    return np.asarray(reward / (np.abs(size_of_sums).max(initial=0.0) + EPSILON), dtype=np.float64)


def episode_scores(reward: Floats, traj: Ints, *, mean: bool = False) -> Floats:
    """The sum of each episode's step rewards, or their mean. [M] by number of the episode"""
    total = np.bincount(traj, reward).astype(np.float64)
    return total / np.maximum(np.bincount(traj), 1) if mean else total


def advantages(
    steps: Steps,
    reward: Floats,
    scored: Bools,
    *,
    form: Form = "grpo",
    combine: Combine = "sum",
    alpha: float = 1.0,
    scale: bool = True,
    statistics: Statistics = "all_steps",
    lone: Lone = "zero",
) -> Floats:
    """One advantage per turn from its episode's outcome and its own step reward. [N]

    `sum` is f(outcome) + alpha f(reward), `merged` f(outcome + alpha reward), `process` f(reward), where f compares
    within the group by `form`. The outcome's statistics take one value per episode; those of the step reward all
    `scored` turns or the first of each episode. A turn that is not scored gets no step part.
    """
    step = np.where(scored, reward, 0.0)
    first = position(steps.traj) == 0
    among = first & scored if statistics == "first_rows" else scored

    def f(x: Floats, among: Bools) -> Floats:
        return _compared(x, steps, among, form=form, scale=scale, lone=lone)

    of_outcome = f(steps.score(), first)
    if combine == "merged":
        return np.where(scored, f(steps.score() + alpha * step, among), of_outcome)
    of_step = np.where(scored, f(step, among), 0.0)
    return of_step if combine == "process" else of_outcome + alpha * of_step


def token_returns(
    reward: Floats, unit: Ints, group: Ints, gamma: float, *, baseline: Baseline = "others"
) -> Floats:
    """Process advantage of each token: its discounted rest of `reward` less what others of its group earn. [T]

    `unit` [T] is the response that the token belongs to, `group` [T] that response's group. What others earn a token
    is the mean over the group's other responses of each one's mean reward (PRIME, arXiv 2502.01456, equation 5). The
    `released` baseline is the mean over all n responses, and n/(n-1) scales what is left, which is the same for
    a response of one token only. A response without others gets 0. A token of unknown reward (NaN) makes its whole
    response 0 and no baseline.
    """
    known = np.isfinite(reward)
    units = int(unit.max(initial=-1)) + 1
    whole = np.bincount(unit, ~known, minlength=units) == 0
    length = np.maximum(np.bincount(unit, minlength=units), 1)
    mean = np.bincount(unit, np.where(known, reward, 0.0), minlength=units) / length  # [units]
    group_of = np.zeros(units, dtype=np.int64)
    group_of[unit] = group
    present = (np.bincount(unit, minlength=units) > 0) & whole
    total = np.bincount(group_of, np.where(present, mean, 0.0))[group_of]
    others = np.bincount(group_of, present)[group_of] - present
    compared = present & (others > 0)
    scale = 1 + 1 / np.maximum(others, 1) if baseline == "released" else np.ones(units)
    expected = (total - mean * (baseline == "others")) / np.maximum(others, 1)
    centered = np.where(compared[unit], np.where(known, reward, 0.0) * scale[unit] - expected[unit], 0.0)
    return discount(centered, unit, gamma)


def _compared(x: Floats, steps: Steps, among: Bools, *, form: Form, scale: bool, lone: Lone) -> Floats:
    n = size(steps.group, among)
    std: Literal["sample"] | None = "sample" if scale and form == "grpo" else None
    alone = np.zeros_like(x) if lone == "zero" else x / (1 + EPSILON if std else 1)
    centered = np.where(n > 1, center(x, steps.group, std=std, among=among), alone)
    if form == "rloo":
        return np.where(n > 1, centered * n / np.maximum(n - 1, 1), centered)
    return whiten(centered, steps.tokens) if form == "reinforce_pp_baseline" else centered
