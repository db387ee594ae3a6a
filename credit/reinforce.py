"""REINFORCE++: scores whitened over all tokens of the batch, with or without a group baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turngym.credit import Credits
from turngym.credit.group import relative
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Steps
from turngym.credit.toolbox import Floats, Ints, fraction, whiten


@dataclass(frozen=True, kw_only=True)
class ReinforcePP:
    """REINFORCE++ (Hu 2025, arXiv 2501.03262): one advantage per sampled token, whitened over the batch.

    A turn's score stands at its last token and is discounted back over the tokens of that turn alone.
    """

    token_gamma: float = 1.0
    """Discount per token, not per turn."""
    penalty: float = 0.0
    """Taken from the score of an invalid turn."""

    def __post_init__(self) -> None:
        fraction(token_gamma=self.token_gamma)

    def __call__(self, steps: Steps) -> Credits:
        score = invalid_penalty(steps, self.penalty).score()
        returns = np.repeat(score, steps.tokens) * self.token_gamma ** tokens_left(steps.tokens)
        once = np.ones(len(returns), dtype=np.int64)
        return Credits(advantages=whiten(returns, once), per="token", metrics=_spread(returns))


@dataclass(frozen=True, kw_only=True)
class ReinforcePPBaseline:
    """REINFORCE++ with a baseline: the score less its group's mean, whitened over the tokens of the batch.

    All tokens of a turn share their advantage, so one number per turn is given.
    """

    penalty: float = 0.0
    """Taken from the score of an invalid turn."""

    def __call__(self, steps: Steps) -> Credits:
        steps = invalid_penalty(steps, self.penalty)
        centered = relative(steps, scale=False, cross_steps=True)
        return Credits(advantages=whiten(centered, steps.tokens), metrics=_spread(centered))


def tokens_left(tokens: Ints) -> Ints:
    """For each sampled token, how many tokens its turn sampled after it. [T]"""
    ends = np.repeat(np.cumsum(tokens), tokens)
    return np.asarray(ends - 1 - np.arange(len(ends)), dtype=np.int64)


def _spread(x: Floats) -> dict[str, float]:
    return {"mean": float(x.mean()), "std": float(x.std())} if len(x) else {}
