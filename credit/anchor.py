"""Credit that compares turns taken in the same state: GiGPO, HGPO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from turngym.credit import Credits
from turngym.credit.group import relative
from turngym.credit.likeness import clusters
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Steps
from turngym.credit.toolbox import EPSILON, Bools, Floats, Ints, before, center, code, fraction, size


@dataclass(frozen=True, kw_only=True)
class GiGPO:
    """Group-in-Group Policy Optimization (Feng et al. 2025, arXiv 2505.10978).

    GRPO's advantage of the episode, plus `weight` times the advantage of the turn's return among all turns of
    the group that were taken in the same state. A state met once adds nothing.
    """

    gamma: float = 0.95
    weight: float = 1.0
    scale: bool = True
    """Divide both parts by their sample standard deviation (the paper's "w/ std")."""
    similarity: float | None = None
    """States count as the same from this `difflib` ratio of their texts on; `None`: only if equal."""
    cross_steps: bool = True
    """Statistics of the episode part over all turns, as released; off, as in the paper: over episodes."""
    penalty: float = 0.0
    """Taken from the score and the return of an invalid turn."""

    def __post_init__(self) -> None:
        fraction(gamma=self.gamma)
        if self.similarity is not None and not 0 < self.similarity < 1:
            raise ValueError(f"similarity is {self.similarity}; choose a number between 0 and 1")

    def __call__(self, steps: Steps) -> Credits:
        steps = invalid_penalty(steps, self.penalty)
        key = self.anchor(steps)
        episode = relative(steps, scale=self.scale, cross_steps=self.cross_steps)
        turn = center(steps.returns(self.gamma), key, std="sample" if self.scale else None)
        return Credits(advantages=episode + self.weight * turn, metrics=company(key))

    def anchor(self, steps: Steps) -> Ints:
        """The bucket of each turn: its state, or the cluster of its state's text, within its group. [N]"""
        if self.similarity is None:
            return code(steps.group, steps.state)
        return clusters(steps.group, steps.texts, self.similarity)


@dataclass(frozen=True, kw_only=True)
class HGPO:
    """Hierarchy-of-Groups Policy Optimization (He et al. 2026, arXiv 2602.22817).

    A turn is compared with the turns of its group that were taken in the same state after the same past k
    states, for k = 0 to `depth`; the deeper the shared past, the more the level weighs. There is no separate
    episode term: the outcome reaches a turn through its discounted return.
    """

    depth: int = 2
    """Past states a level may share; the number of past turns that the agent's prompt shows."""
    alpha: float = 1.0
    """Weights grow with this power of the depth; 0 is the plain mean of the levels."""
    gamma: float = 0.95
    scale: bool = True
    """Divide each level by its population standard deviation."""
    base: bool = False
    """Add GRPO's advantage of the episode as a shallowest level of its own."""
    variant: Literal["released", "paper"] = "released"
    """`released`: level k weighs (k+2)^alpha, and a level whose advantage is 0 leaves the mean.
    `paper`: level k weighs (k+1)^alpha, and every level where the turn has company counts."""
    penalty: float = 0.0
    """Taken from the score and the return of an invalid turn."""

    def __post_init__(self) -> None:
        fraction(gamma=self.gamma)
        if self.depth < 0:
            raise ValueError(f"depth is {self.depth}; choose 0 or more past states")
        if self.variant not in ("released", "paper"):
            raise ValueError(f"variant is {self.variant!r}; choose 'released' or 'paper'")
        if self.base and self.variant == "paper":
            raise ValueError("base belongs to variant 'released'; choose that, or leave base out")

    def __call__(self, steps: Steps) -> Credits:
        steps = invalid_penalty(steps, self.penalty)
        keys = list(histories(steps, self.depth))
        levels = self._levels(steps, keys)
        present = levels != 0 if self.variant == "released" else np.stack([size(key) > 1 for key in keys])
        weight = self._weights()[:, None] * present
        return Credits(
            advantages=(weight * levels).sum(axis=0) / (weight.sum(axis=0) + EPSILON),
            metrics=company(keys[0]) | {"levels": _mean(present.sum(axis=0))},
        )

    def _levels(self, steps: Steps, keys: list[Ints]) -> Floats:
        """The advantage at each level, the base level first where it is on. [levels, N]"""
        returns = steps.returns(self.gamma)
        levels = [center(returns, key, std="population" if self.scale else None) for key in keys]
        base = [relative(steps, scale=self.scale, cross_steps=True)] if self.base else []
        return np.stack(base + levels)

    def _weights(self) -> Floats:  # [levels]
        shallowest = 2 - self.base if self.variant == "released" else 1
        lengths = shallowest + np.arange(self.depth + 1 + self.base)
        return np.asarray(lengths.astype(np.float64) ** self.alpha)


def histories(steps: Steps, depth: int) -> Iterator[Ints]:
    """For k = 0 to `depth`: a key that turns of one group share if their last k + 1 states are equal. [N]

    Actions are not part of the past. A turn with fewer than k turns before it gets a key of its own.
    """
    previous = before(steps.traj)
    key = code(steps.group, steps.state)
    yield key
    nobody = len(key) + np.arange(len(key))
    for _ in range(depth):
        past = np.where(previous >= 0, key[previous], nobody)
        key = code(past, steps.state)
        yield key


def company(key: Ints) -> dict[str, float]:
    """How often turns share their state: the share of turns that do, and the mean size of their bucket."""
    return {"company": _mean(size(key) > 1), "bucket_size": _mean(size(key))}


def _mean(x: Ints | Bools) -> float:
    return float(np.mean(x)) if len(x) else 0.0
