"""Generalized advantage estimation: credit from a critic, turn by turn or token by token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from turngym.credit import Credits
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Steps
from turngym.credit.toolbox import Floats, Ints, after, discount, fraction, whiten


@dataclass(frozen=True, kw_only=True)
class GAE:
    """Generalized advantage estimation (Schulman et al. 2016, arXiv 1506.02438, equation 16), for PPO.

    An episode that was cut off ends in the critic's value of what it left, a finished one in 0. `returns` is
    advantage plus value, which the critic is fitted to. Raises `ValueError` where the values are missing.
    """

    gamma: float = 1.0
    """Discount per turn, or per sampled token at `level="token"`."""
    lam: float = 1.0
    """0 trusts the critic's next value alone, 1 the rewards to the end of the episode alone."""
    level: Literal["turn", "token", "bilevel"] = "turn"
    """`turn`: one advantage per turn, from `Steps.value`. `token`: one per sampled token, from
    `Steps.token_value`; other tokens are skipped: a turn's last is followed by the next turn's first.
    `bilevel`: turn by turn first, then within each turn token by token towards what the turn was worth."""
    token_gamma: float = 1.0
    """Discount per sampled token within a turn, at `level="bilevel"`."""
    token_lam: float = 1.0
    """`lam` within a turn, at `level="bilevel"`."""
    whiten: bool = False
    """Advantages over the batch's tokens get mean 0 and deviation 1; the critic's targets stay as they are."""
    penalty: float = 0.0
    """Taken from the reward of an invalid turn; the critic learns to expect it."""

    def __post_init__(self) -> None:
        fraction(gamma=self.gamma, lam=self.lam, token_gamma=self.token_gamma, token_lam=self.token_lam)
        if self.level not in ("turn", "token", "bilevel"):
            raise ValueError(f"level is {self.level!r}; choose 'turn', 'token' or 'bilevel'")

    def __call__(self, steps: Steps) -> Credits:
        steps = invalid_penalty(steps, self.penalty)
        reward = np.asarray(steps.reward - steps.penalty)
        final = _final_values(steps)
        if self.level == "token":
            return self._per_token(steps, reward, final)
        value = _values(steps, "value")
        advantages = estimate(reward, value, final, steps.traj, self.gamma, self.lam)
        if self.level == "bilevel":
            return self._within_turns(steps, advantages + value)
        return self._credits(advantages, value, steps.tokens, "turn")

    def _per_token(self, steps: Steps, reward: Floats, final: Floats) -> Credits:
        traj = np.repeat(steps.traj, steps.tokens)
        value, last = _values(steps, "token_value"), last_tokens(steps)
        ends = _at(last, reward, len(traj)), value, _at(last, final, len(traj))
        return self._credits(estimate(*ends, traj, self.gamma, self.lam), value, np.ones_like(traj), "token")

    def _within_turns(self, steps: Steps, worth: Floats) -> Credits:
        """Token by token towards what each turn was worth [N], which is as a reward at its last token."""
        row = np.repeat(np.arange(len(steps)), steps.tokens)
        value = _values(steps, "token_value")
        reward = np.where(after(row) >= 0, 0.0, worth[row])
        advantages = estimate(reward, value, np.zeros_like(value), row, self.token_gamma, self.token_lam)
        return self._credits(advantages, value, np.ones_like(row), "token")

    def _credits(
        self, advantages: Floats, value: Floats, weight: Ints, per: Literal["turn", "token"]
    ) -> Credits:
        returns = advantages + value
        scaled = whiten(advantages, weight) if self.whiten else advantages
        return Credits(advantages=scaled, per=per, returns=returns, metrics=_fit(value, returns))


def estimate(reward: Floats, value: Floats, final: Floats, traj: Ints, gamma: float, lam: float) -> Floats:
    """The discounted sum of surprises from each row to the end of its trajectory. [N]

    `final` is what is left after a trajectory's last row, and is read there alone.
    """
    following = after(traj)
    upcoming = np.where(following >= 0, value[following], final) if len(value) else value
    return discount(reward + gamma * upcoming - value, traj, gamma * lam)


def last_tokens(steps: Steps) -> Ints:
    """Each turn's last sampled token, or where it sampled none the last before it; -1 if none is. [N]"""
    last = np.cumsum(steps.tokens) - 1
    owner = np.append(np.repeat(steps.traj, steps.tokens), -1)  # so that index -1 belongs to nobody
    return np.where(owner[last] == steps.traj, last, -1)


def _at(place: Ints, x: Floats, length: int) -> Floats:
    """The values summed at their places; those at -1 are lost: no sampled token led to them."""
    placed = place >= 0
    return np.bincount(place[placed], x[placed], minlength=length).astype(np.float64)


def _final_values(steps: Steps) -> Floats:
    """What an episode is worth after its last turn: 0 unless it was cut off. [N]"""
    if not steps.bootstrap.any():
        return np.zeros(len(steps))
    return np.where(steps.bootstrap, _values(steps, "final_value"), 0.0)


def _values(steps: Steps, name: str) -> Floats:
    values: Floats | None = getattr(steps, name)
    if values is None:
        raise ValueError(
            f"GAE needs Steps.{name} from a critic; train with one, or choose a credit such as grpo"
        )
    return values


def _fit(value: Floats, returns: Floats) -> dict[str, float]:
    """The share of the returns' variance that the critic explains: 1 is all of it, 0 none."""
    spread = float(returns.var()) if len(returns) else 0.0
    return {"explained_variance": 1 - float((returns - value).var()) / spread} if spread else {}
