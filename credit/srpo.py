"""Step-SRPO: one reward for how an episode was begun, another for what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from turngym.core.errors import ConfigError
from turngym.credit import Credits
from turngym.credit.judging.arrays import sums
from turngym.credit.steps import Steps
from turngym.credit.toolbox import Bools, Floats, Ints, center, fraction, position


@dataclass(frozen=True, kw_only=True)
class StepSRPO:
    """Step-SRPO's two-span credit (Zhan et al. 2025, arXiv 2507.08297): GRPO of a first decision and of the answer.

    An episode begins with a choice of mode, such as to plan or not. The mode in which the episodes of its group score
    higher on average is the right one (the cheaper one where they tie). The header takes the group-relative advantage
    of the decision's reward, the rest that of the score. The paper names the idea and not the formulas: those here
    are a reading.
    """

    mode: str = r"(?i)<think>"
    """A regular expression; an episode is in the costly mode where its first action matches."""
    header: int = 1
    """How many turns, or sampled tokens at `level="token"`, the decision takes."""
    level: Literal["turn", "token"] = "turn"
    mix: float = 0.5
    """The decision's reward is (1 - mix) * right mode + mix * the episode's score."""
    scale: bool = True
    """Divide by the group's sample standard deviation."""

    def __post_init__(self) -> None:
        fraction(mix=self.mix)
        if self.header < 1:
            raise ValueError(f"header is {self.header}; the decision takes at least 1")
        if self.level not in ("turn", "token"):
            raise ValueError(f"level is {self.level!r}; choose 'turn' or 'token'")
        try:
            re.compile(self.mode)
        except re.error as error:
            raise ValueError(f"mode {self.mode!r} is no regular expression: {error}") from error

    def __call__(self, steps: Steps) -> Credits:
        first = np.flatnonzero(position(steps.traj) == 0)  # the rows that open an episode
        score = sums(steps.traj, steps.reward)[steps.traj[first]]  # [episodes]
        group, costly = steps.group[first], self._costly(steps)
        decided, told = decision_reward(score, costly, group, self.mix)
        spans = two_spans(decided, score, group, scale=self.scale)  # [2, episodes]
        owner = np.repeat(np.arange(len(first)), np.bincount(steps.traj)[steps.traj[first]])
        if self.level == "token":
            owner = np.repeat(owner, steps.tokens)
        header = position(owner) < self.header
        decision, rest = spans[:, owner]
        advantages = np.where(header, decision, rest)
        return Credits(advantages=advantages, per=self.level, metrics=told | {"costly_mode": _mean(costly)})

    def _costly(self, steps: Steps) -> Bools:  # [episodes]
        if len(steps) and not steps.trajectories:
            raise ConfigError("Step-SRPO reads the mode from the episodes, and these steps hold none")
        played = [trajectory for trajectory in steps.trajectories if trajectory.turns]
        return np.array([bool(re.search(self.mode, one.turns[0].action)) for one in played], dtype=np.bool_)


def decision_reward(score: Floats, costly: Bools, group: Ints, mix: float) -> tuple[Floats, dict[str, float]]:
    """(1 - mix) * [the mode is the right one] + mix * score, per episode. [episodes]

    Right is the mode of the higher mean score in the group; the cheap one where they are equal. Where a group tried
    one mode only, nobody knows: its decisions are rewarded by the score alone.
    """
    cheap_mean, cheap_tried = _by_mode(score, group, ~costly)
    costly_mean, costly_tried = _by_mode(score, group, costly)
    right = costly == (costly_mean > cheap_mean)[group]
    both = ((cheap_tried > 0) & (costly_tried > 0))[group]
    reward = np.where(both, (1 - mix) * right + mix * score, score)
    return reward, {"right_mode": _mean(right[both]), "groups_of_one_mode": 1.0 - _mean(both)}


def _by_mode(score: Floats, group: Ints, mode: Bools) -> tuple[Floats, Floats]:
    """The mean score of a mode in each group, and how many episodes are in it. [groups]"""
    tried = sums(group, mode)
    return sums(group, mode * score) / np.maximum(tried, 1), tried


def two_spans(decided: Floats, score: Floats, group: Ints, *, scale: bool) -> Floats:
    """The group-relative advantages of both rewards, one number per episode. [2, episodes]"""
    std: Literal["sample"] | None = "sample" if scale else None
    return np.stack([center(reward, group, std=std) for reward in (decided, score)])


def _mean(x: Bools | Floats) -> float:
    return float(np.mean(x)) if len(x) else 0.0
