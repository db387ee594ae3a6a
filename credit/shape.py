"""Shaping: functions from `Steps` to `Steps`, composed before any credit method.

A *penalty* touches one turn only: it is taken from the turn's own score and return, after discounting, so no
earlier turn is blamed for it. A change of *reward* is discounted back to earlier turns like any reward.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from turngym.credit.steps import Steps


def invalid_penalty(steps: Steps, cost: float) -> Steps:
    """Charge `cost` to every turn whose reply was malformed or refused (0.1 in GiGPO's and HGPO's runs)."""
    return steps.charge(np.where(steps.valid, 0.0, cost))


def length_penalty(steps: Steps, cost: float, *, free: int = 0) -> Steps:
    """Charge `cost` for every token that a turn sampled beyond its first `free`."""
    return steps.charge(cost * np.maximum(steps.tokens - free, 0))


def overlong_penalty(steps: Steps, cost: float, *, limit: int, margin: int) -> Steps:
    """Charge nothing up to `limit - margin` tokens, `cost` from `limit` on, linearly between.

    DAPO's soft overlong punishment (Yu et al. 2025, arXiv 2503.14476, equation 13), per turn.
    """
    excess = (steps.tokens - (limit - margin)) / margin
    return steps.charge(cost * np.clip(excess, 0.0, 1.0))


def turn_cost(steps: Steps, cost: float) -> Steps:
    """Take `cost` from every turn's reward, so that longer episodes are worth less."""
    return replace(steps, reward=steps.reward - cost)


def scale_reward(steps: Steps, factor: float) -> Steps:
    """Multiply every reward: 10 turns a success of 1 into the 10 of the published runs."""
    return replace(steps, reward=steps.reward * factor)
