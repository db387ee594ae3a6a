"""PRIME: an implicit process reward per token, from a reward model that learns from outcomes alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from turngym.credit import Credits
from turngym.credit.backbone import Backbone, Learner
from turngym.credit.implicit import outcomes
from turngym.credit.implicit_model import ImplicitModel, Objective, Reference, sampled_rows, scored_turns
from turngym.credit.implicit_reward import Baseline, advantages, token_returns
from turngym.credit.preference import Labels
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Floats, Ints, Steps
from turngym.credit.toolbox import fraction, whiten


@dataclass(kw_only=True, eq=False)
class PRIME:
    """Process reinforcement through implicit rewards (Cui et al. 2025, arXiv 2502.01456), one advantage per token.

    A language model pi_phi gives each token the reward `beta * log pi_phi / pi_ref`. It learns by cross-entropy of
    the sigmoid of a response's summed rewards against its outcome (equation 4). A token's advantage is the rest
    of its response's rewards less a leave-one-out baseline, plus the outcome's leave-one-out advantage (equation 5).
    """

    backbone: Backbone = field(repr=False)
    beta: float = 0.05
    alpha: float = 1.0
    """Weight of the process part."""
    gamma: float = 1.0
    """Discount per sampled token."""
    response: Literal["episode", "turn"] = "episode"
    """What one outcome is for and rewards are summed over: all the episode sampled, or each turn for itself."""
    baseline: Baseline = "others"
    """What a token's reward is compared with: the paper's leave-one-out mean, or the released code's form of it."""
    whiten: bool = False
    """As released, advantages are whitened over all tokens of the batch."""
    reference: Reference = "old"
    """pi_ref: `old`, the rolling old policy, which costs no pass; `ref`, the trainer's frozen one, as in the paper."""
    outcome_scale: float = 1.0
    """The return that counts as a certain success; labels are clipped to 0 and 1."""
    rewards: Literal["before", "after"] = "before"
    """By the weights before this step's update, or at one more forward pass by those after it."""
    penalty: float = 0.0
    """Taken from the outcome of an invalid turn."""
    minibatch: int = 0
    """How many episodes share an optimizer step; 0: all."""

    lr: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    max_grad_norm: float = 10.0

    def __post_init__(self) -> None:
        fraction(gamma=self.gamma)
        learner = Learner(
            self.backbone,
            lr=self.lr,
            betas=self.betas,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
        )
        self.model = ImplicitModel(
            learner=learner, beta=self.beta, reference=self.reference, minibatch=self.minibatch
        )

    def __call__(self, steps: Steps) -> Credits:
        return self._credits(steps, self.model.rewards(steps))

    def fit(self, steps: Steps) -> Credits:
        """One update from the turns, and their credit by the weights before it (or after, if `rewards` says so)."""
        unit = self._responses(steps)
        label = np.zeros(int(unit.max(initial=-1)) + 1)
        label[unit] = np.clip(outcomes(steps)[steps.traj] / self.outcome_scale, 0.0, 1.0)
        objective = Objective(unit=unit, share=np.ones(len(steps)), key=steps.traj, loss=Labels(label=label))
        reward, metrics = self.model.fit(steps, objective, after=self.rewards == "after")
        return self._credits(steps, reward, metrics)

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimizer of the reward model."""
        return self.model.learner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`."""
        self.model.learner.load_state_dict(state)

    def _responses(self, steps: Steps) -> Ints:
        return steps.traj if self.response == "episode" else np.arange(len(steps))

    def _credits(self, steps: Steps, reward: Floats, metrics: dict[str, float] | None = None) -> Credits:
        row = sampled_rows(steps.samples)
        nothing, none = np.zeros(len(steps)), np.zeros(len(steps), dtype=np.bool_)
        charged = invalid_penalty(steps, self.penalty)
        outcome = advantages(charged, nothing, none, form="rloo", scale=False)
        response = self._responses(steps)[row]
        process = token_returns(reward, response, steps.group[row], self.gamma, baseline=self.baseline)
        credit = outcome[row] + self.alpha * process
        if self.whiten:
            credit = whiten(credit, np.ones(len(credit), dtype=np.int64))
        known = reward[np.isfinite(reward)]
        found = {"unscored_turns": float((~scored_turns(reward, row, len(steps))).sum())}
        if len(known):
            found |= {"token_reward_mean": float(known.mean()), "token_reward_std": float(known.std())}
        return Credits(advantages=credit, per="token", metrics=(metrics or {}) | found)
