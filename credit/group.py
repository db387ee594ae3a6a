"""Credit that compares whole episodes of a group: GRPO, Dr. GRPO, RLOO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turngym.credit import Credits
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Steps
from turngym.credit.toolbox import Bools, Floats, center, position, size


@dataclass(frozen=True, kw_only=True)
class GRPO:
    """Group Relative Policy Optimization (Shao et al. 2024, arXiv 2402.03300).

    Every turn of an episode gets the episode's reward, centred by the group's mean and divided by its sample
    standard deviation. A group of one row keeps its raw score.
    """

    scale: bool = True
    """Divide by the standard deviation; off gives Dr. GRPO's advantage."""
    cross_steps: bool = True
    """Statistics over all turns, as released, so long episodes weigh more; off: one value per episode."""
    penalty: float = 0.0
    """Taken from the score of an invalid turn."""

    def __call__(self, steps: Steps) -> Credits:
        steps = invalid_penalty(steps, self.penalty)
        advantages = relative(steps, scale=self.scale, cross_steps=self.cross_steps)
        return Credits(advantages=advantages, metrics={"flat_groups": flat_groups(steps)})


def dr_grpo(*, cross_steps: bool = True, penalty: float = 0.0) -> GRPO:
    """Dr. GRPO (Liu et al. 2025, arXiv 2503.20783): GRPO that does not divide by the standard deviation."""
    return GRPO(scale=False, cross_steps=cross_steps, penalty=penalty)


@dataclass(frozen=True, kw_only=True)
class RLOO:
    """REINFORCE leave-one-out (Ahmadian et al. 2024, arXiv 2402.14740).

    The score less the mean of the others: of n values, `(score - mean) * n / (n - 1)`. A group of one keeps
    its raw score.
    """

    cross_steps: bool = True
    """The others are all other turns, as released; off: one value per episode gives the mean and n."""
    penalty: float = 0.0
    """Taken from the score of an invalid turn."""

    def __call__(self, steps: Steps) -> Credits:
        steps = invalid_penalty(steps, self.penalty)
        n = size(steps.group, counted(steps, self.cross_steps))
        advantages = relative(steps, scale=False, cross_steps=self.cross_steps)
        return Credits(
            advantages=advantages * np.where(n > 1, n / np.maximum(n - 1, 1), 1.0),
            metrics={"flat_groups": flat_groups(steps)},
        )


def relative(steps: Steps, *, scale: bool, cross_steps: bool) -> Floats:
    """The score relative to the group's; a group with one value keeps its raw score. [N]"""
    score, among = steps.score(), counted(steps, cross_steps)
    centered = center(score, steps.group, std="sample" if scale else None, among=among)
    return np.where(size(steps.group, among) > 1, centered, score)


def counted(steps: Steps, cross_steps: bool) -> Bools | None:
    """The rows that enter a group's statistics: all of them (`None`), or the first of each episode."""
    return None if cross_steps else position(steps.traj) == 0


def flat_groups(steps: Steps) -> float:
    """The share of groups in which every turn has the same score, so that nothing can be learned."""
    moving = np.bincount(steps.group, center(steps.score(), steps.group) != 0)
    present = np.bincount(steps.group) > 0
    return float(np.mean(moving[present] == 0)) if present.any() else 0.0
