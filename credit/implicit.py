"""OPRL / iStar: step rewards from an implicit process reward model that learns as the policy does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from turngym.credit import Credits
from turngym.credit.backbone import Backbone, Learner
from turngym.credit.implicit_model import ImplicitModel, Objective, sampled_rows, scored_turns
from turngym.credit.implicit_reward import (
    Combine,
    Form,
    Granularity,
    Lone,
    Norm,
    Statistics,
    advantages,
    step_rewards,
)
from turngym.credit.preference import Labels, Pairs, win_rate
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Bools, Floats, Ints, Steps


@dataclass(kw_only=True, eq=False)
class OPRL:
    """Online process reward learning, or iStar (Liu et al. 2025, arXiv 2509.19199).

    A language model pi_phi with weights of its own gives each turn the reward `beta * sum of log pi_phi / pi_old` over
    its tokens (equation 1), pi_old being the policy that sampled them. It learns from pairs of a better and a worse
    episode of one group (equation 2), and its rewards, compared within the group, are added to the advantage of
    the episode (equations 3 to 5). The defaults are the paper's; `docs/credit/oprl.md` says which switches give
    the released code.
    """

    backbone: Backbone = field(repr=False)
    beta: float = 0.05
    alpha: float = 1.0
    """Weight of the step part."""

    form: Form = "grpo"
    """How values are compared within a group."""
    combine: Combine = "sum"
    """`sum` of both advantages; `merged`: one advantage of outcome plus step reward; `process`: the step part alone."""
    scale: bool = True
    """`grpo` divides by the standard deviation."""
    statistics: Statistics = "all_steps"
    """Step rewards are compared with all turns of the group, or as released with one turn of each episode."""
    lone: Lone = "zero"
    """What a value that has none to compare with is worth: 0, or as released itself."""
    norm: Norm = "none"
    """`max_abs`, as released, divides step rewards by the largest of the batch."""
    granularity: Granularity = "turn"
    """`token`, as released for its token-level runs, leaves the last token of a turn out of its reward."""
    penalty: float = 0.0
    """Taken from the outcome of an invalid turn, never from its step reward; 0.1 in the published runs."""

    loss: Literal["dpo", "cross_entropy"] = "dpo"
    """`cross_entropy`: each turn's reward against its episode's outcome, as in the release's PRIME runs."""
    trajectory: Literal["sum", "mean"] = "sum"
    """An episode's score: the sum of its step rewards, or as released their mean."""
    outcome: Literal["return", "win_rate"] = "return"
    """What the threshold is for: the episode's return, or the share of its group's other episodes that it beats."""
    threshold: float | None = None
    """An episode above it is better than one that is not; 0, and 1/2 for win rates, unless said."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """The same by environment, for runs over several; others have `threshold`."""
    outcome_scale: float = 1.0
    """The return that `cross_entropy` takes for a certain success."""
    rewards: Literal["before", "after"] = "before"
    """Step rewards by the weights before this step's update, or at one more forward pass by those after it."""
    minibatch: int = 0
    """How many groups share an optimizer step; 0: all."""

    lr: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    max_grad_norm: float = 10.0

    def __post_init__(self) -> None:
        learner = Learner(
            self.backbone,
            lr=self.lr,
            betas=self.betas,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
        )
        self.model = ImplicitModel(learner=learner, beta=self.beta, minibatch=self.minibatch)

    def __call__(self, steps: Steps) -> Credits:
        return self._credits(steps, self.model.rewards(steps))

    def fit(self, steps: Steps) -> Credits:
        """One update from the turns, and their credit by the weights before it (or after, if `rewards` says so)."""
        reward, metrics = self.model.fit(steps, self._objective(steps), after=self.rewards == "after")
        return self._credits(steps, reward, metrics)

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimizer of the reward model."""
        return self.model.learner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`."""
        self.model.learner.load_state_dict(state)

    def _credits(self, steps: Steps, reward: Floats, metrics: dict[str, float] | None = None) -> Credits:
        row = sampled_rows(steps.samples)
        scored = scored_turns(reward, row, len(steps))
        known = np.where(scored[row], reward, 0.0)
        step = step_rewards(known, row, len(steps), granularity=self.granularity, norm=self.norm)
        credit = advantages(
            invalid_penalty(steps, self.penalty),
            step,
            scored,
            form=self.form,
            combine=self.combine,
            alpha=self.alpha,
            scale=self.scale,
            statistics=self.statistics,
            lone=self.lone,
        )
        return Credits(advantages=credit, metrics=(metrics or {}) | _spread(step, scored))

    def _objective(self, steps: Steps) -> Objective:
        if self.loss == "cross_entropy":
            label = np.clip(outcomes(steps)[steps.traj] / self.outcome_scale, 0.0, 1.0)
            alone = np.arange(len(steps))
            return Objective(unit=alone, share=np.ones(len(steps)), key=steps.traj, loss=Labels(label=label))
        turns = np.bincount(steps.traj)[steps.traj]
        return Objective(
            unit=steps.traj,
            share=1.0 / turns if self.trajectory == "mean" else np.ones(len(steps)),
            key=steps.group,
            loss=Pairs(group=episode_groups(steps), better=self._better(steps)),
        )

    def _better(self, steps: Steps) -> Bools:
        """Which episodes are better than those that are not. [M]"""
        value = outcomes(steps)
        if self.outcome == "win_rate":
            value = win_rate(value, episode_groups(steps))
        default = 0.5 if self.outcome == "win_rate" else 0.0
        threshold = default if self.threshold is None else self.threshold
        if not self.thresholds:
            return value > threshold
        environments = [trajectory.task.env for trajectory in steps.trajectories[: len(value)]]
        return value > np.array([self.thresholds.get(env, threshold) for env in environments])


def outcomes(steps: Steps) -> Floats:
    """The undiscounted return of each episode. [M]"""
    return np.bincount(steps.traj, steps.reward).astype(np.float64)


def episode_groups(steps: Steps) -> Ints:
    """The group of each episode. [M]"""
    groups = np.zeros(int(steps.traj.max(initial=-1)) + 1, dtype=np.int64)
    groups[steps.traj] = steps.group
    return groups


def _spread(step: Floats, scored: Bools) -> dict[str, float]:
    known = step[scored]
    found = (
        {"step_reward_mean": float(known.mean()), "step_reward_std": float(known.std())} if len(known) else {}
    )
    return found | {"unscored_turns": float((~scored).sum())}
