"""Shaping from a run file: another method that sees a shaped table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from turngym.core.config import build
from turngym.credit import Credits, registry
from turngym.credit.shape import length_penalty, scale_reward, turn_cost
from turngym.credit.steps import Steps


@dataclass(frozen=True, kw_only=True)
class Shaped:
    """A method behind the functions of `shape`, applied in the order of the fields below.

    `base` is a credit section of its own, `{name = "hgpo", depth = 2}`; it may not be a learned method.
    """

    base: dict[str, Any]
    reward_scale: float = 1.0
    turn_cost: float = 0.0
    token_cost: float = 0.0
    free_tokens: int = 0
    """How many tokens a turn may sample at no cost."""

    def __call__(self, steps: Steps) -> Credits:
        steps = scale_reward(steps, self.reward_scale)
        steps = turn_cost(steps, self.turn_cost)
        steps = length_penalty(steps, self.token_cost, free=self.free_tokens)
        credits: Credits = build(registry, self.base, "credit.base")(steps)
        return credits
