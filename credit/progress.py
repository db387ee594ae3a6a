"""SPA: a turn is rewarded with what it contributed to the outcome, as an estimator says that learns it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from turngym.core.config import build
from turngym.credit import Credit, Credits, registry
from turngym.credit.backbone import Backbone
from turngym.credit.progress_estimator import HeadKind
from turngym.credit.progress_fit import Estimator, Regress
from turngym.credit.progress_reward import (
    leave_one_out,
    not_refused,
    redistributed,
    remaining,
    step_rewards,
    whole_episodes,
)
from turngym.credit.steps import Bools, Floats, Steps

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Progress:
    """Stepwise Progress Attribution (Wang et al. 2025, arXiv 2505.20732).

    An estimator reads a contribution c at the last token of each turn; it learns to make their sum over an episode
    the episode's outcome. The reward alpha * c + beta * g, with g = 1 for an action that the environment executed,
    then stands in place of the environment's, and `base` makes advantages of it.
    """

    backbone: Backbone = field(repr=False)
    base: dict[str, Any] = field(default_factory=lambda: {"name": "gae"})
    """A credit section of its own; it may not learn. What asks for an episode's sum alone (`grpo`) loses the steps."""
    alpha: float = 1.0
    beta: float = 0.5
    progress: Literal["estimator", "leave_one_out", "none"] = "estimator"
    """`leave_one_out`, as released: every turn gets the outcome less the mean of the group's others. `none`: turns keep
    what the environment paid."""
    grounding: Literal["environment", "nothing_happens"] = "environment"
    """Whether an action was executed: as the environment says, or, as released, unless `Nothing happens` follows."""
    regress: Regress = "episode"
    """What is regressed on the outcome: an episode's sum, as in the paper, or the sum of every beginning of it, so that
    a contribution is the change of the expected outcome. The paper's lets the number of a turn pass for its worth where
    winning ends an episode: `docs/credit/spa.md`."""
    step_weight: Literal["one", "remaining"] = "one"
    """`remaining`, as released: the reward of turn k of n is multiplied by n - 1 - k."""
    head: HeadKind = "mlp"
    """`logits`, as released: linear on the vocabulary's logits. `hidden`: linear on the hidden state."""
    intercept: bool = False
    """A learned number in the sum that belongs to no turn: what the released code's scored "OK" turn amounts to."""
    rewards: Literal["before", "after"] = "before"
    """Contributions by the estimator as it was just before it learned from the episode, which costs no further pass
    and cannot know the outcome; or, as in the paper's stages, once more when it has learned."""
    context: int | None = None
    """How many tokens of a sequence the estimator reads; an episode with a turn beyond keeps the environment's
    rewards."""
    lr: float = 3e-6
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    minibatch: int = 16
    """Episodes per step of the optimizer."""
    epochs: int = 1
    seed: int = 0
    estimator: Estimator = field(init=False, repr=False)
    method: Credit = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check()
        self.method = build(registry, self.base, "credit.base")
        self.estimator = Estimator(
            backbone=self.backbone,
            head=self.head,
            intercept=self.intercept,
            context=self.context,
            regress=self.regress,
            lr=self.lr,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
            minibatch=self.minibatch,
            epochs=self.epochs,
            seed=self.seed,
        )

    def _check(self) -> None:
        for name in ("minibatch", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; choose 1 or more")
        if self.regress not in ("episode", "prefixes"):
            raise ValueError(f"regress is {self.regress!r}; choose 'episode' or 'prefixes'")
        if self.context is not None and self.context < 1:
            raise ValueError(f"context is {self.context}; choose 1 or more tokens, or leave it out")

    def __call__(self, steps: Steps) -> Credits:
        """Credit by the estimator as it is."""
        return self.credit(steps, self.contributions(steps))

    def fit(self, steps: Steps) -> Credits:
        """Credit, and `epochs` passes of the estimator over the episodes."""
        if self.progress != "estimator":
            return self(steps)
        contribution, learned = self.learn(steps)
        if self.rewards == "after":
            contribution = self.contributions(steps)
        credits = self.credit(steps, contribution)
        return replace(credits, metrics=credits.metrics | learned)

    def learn(self, steps: Steps) -> tuple[Floats, dict[str, float]]:
        """Fit the estimator alone; gives each turn's contribution as it was read before [N], and metrics."""
        outcome = outcomes(steps)
        lost = _tell_unknown(outcome)
        contribution, metrics = self.estimator.fit(steps, outcome)
        return contribution, metrics | {"spa_unknown_outcomes": float(lost)}

    def contributions(self, steps: Steps) -> Floats:
        """What each turn contributed; not a number where that is not known. [N]"""
        if self.progress == "none":
            return steps.reward
        if self.progress == "estimator":
            return self.estimator.contributions(steps)
        first = np.unique(steps.traj, return_index=True)
        relative = np.full(1 + steps.traj.max(initial=-1), np.nan)
        relative[first[0]] = leave_one_out(outcomes(steps)[first[0]], steps.group[first[1]])
        return relative[steps.traj]

    def redistribute(self, steps: Steps, contribution: Floats) -> Steps:
        """The table with SPA's rewards; episodes that could not be read keep the environment's."""
        whole = self._whole(steps, contribution)
        silent = ~np.isfinite(contribution) & (steps.tokens == 0)  # such turns take no part in the sum
        reward = step_rewards(
            contribution if self.progress == "none" else np.where(silent, 0.0, contribution),
            grounded(steps, self.grounding),
            alpha=self.alpha,
            beta=self.beta,
            weight=remaining(steps.traj) if self.step_weight == "remaining" else 1.0,
        )
        table = redistributed(steps, reward, whole)
        return replace(table, bootstrap=steps.bootstrap) if self.progress == "none" else table

    def _whole(self, steps: Steps, contribution: Floats) -> Bools:
        if self.progress == "none":
            return np.ones(len(steps), dtype=np.bool_)
        return whole_episodes(contribution, steps.traj, steps.tokens)

    def credit(self, steps: Steps, contribution: Floats) -> Credits:
        """The base's credit for SPA's rewards."""
        credits = self.method(self.redistribute(steps, contribution))
        return replace(credits, metrics=credits.metrics | self._told(steps, contribution))

    def _told(self, steps: Steps, contribution: Floats) -> dict[str, float]:
        whole = self._whole(steps, contribution)
        kept = len(np.unique(steps.traj[~whole]))
        if kept:
            log.warning("%d episodes could not be read turn by turn and keep the environment's rewards", kept)
        told = {"spa_unread_episodes": float(kept)}
        if len(known := contribution[np.isfinite(contribution)]):
            told |= {"spa_contribution": float(known.mean()), "spa_contribution_std": float(known.std())}
        if len(executed := grounded(steps, self.grounding)):
            told["spa_grounded"] = float(executed.mean())
        return told

    def state_dict(self) -> dict[str, Any]:
        """Backbone, head and optimizer of the estimator."""
        return self.estimator.learner.state_dict() if self.progress == "estimator" else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`."""
        if self.progress == "estimator":
            self.estimator.learner.load_state_dict(state)


def outcomes(steps: Steps) -> Floats:
    """What each episode earned; not a number where a reward of it is none. [E]"""
    return np.bincount(steps.traj, steps.reward).astype(np.float64)


def grounded(steps: Steps, rule: Literal["environment", "nothing_happens"]) -> Bools:
    """Whether the environment executed each turn's action. [N]

    Raises `ValueError` where the rule reads texts and the table has none.
    """
    if rule == "environment":
        return steps.valid
    texts = [
        text
        for episode in steps.trajectories
        for text in [*(turn.obs for turn in episode.turns[1:]), None][: len(episode.turns)]
    ]
    if len(texts) != len(steps):
        raise ValueError(
            f"grounding 'nothing_happens' reads observations, but the table has {len(texts)} of {len(steps)} turns; "
            "give it the trajectories, or choose grounding 'environment'"
        )
    return not_refused(texts)


def _tell_unknown(outcome: Floats) -> int:
    """Say what the estimator cannot learn from; gives how many outcomes are no number."""
    known = outcome[np.isfinite(outcome)]
    if len(known) < len(outcome):
        log.warning(
            "%d episodes have an outcome that is no number and teach nothing", len(outcome) - len(known)
        )
    if len(known) > 1 and not np.ptp(known):
        log.warning(
            "all %d episodes earned %g: their sum can be learned, not who deserves it", len(known), known[0]
        )
    return len(outcome) - len(known)
