"""A control: another method's advantages, dealt to the wrong turns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from turngym.core.config import build
from turngym.core.seeding import derive_seed
from turngym.credit import Credits, registry
from turngym.credit.steps import Steps


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """What remains of a method when its advantages no longer belong to their turns.

    The advantages keep their distribution and lose their meaning: a policy trained on them must not improve.
    `base` is a credit section of its own, `{name = "hgpo", depth = 2}`.
    """

    base: dict[str, Any] = field(default_factory=lambda: {"name": "grpo"})
    seed: int = 0

    def __call__(self, steps: Steps) -> Credits:
        credits: Credits = build(registry, self.base, "credit.base")(steps)
        # Drawn from the numbers themselves, so that a resumed run draws the same without keeping a generator.
        table = hashlib.sha256(credits.advantages.tobytes()).hexdigest()
        order = np.random.default_rng(derive_seed(self.seed, table)).permutation(len(credits.advantages))
        return replace(credits, advantages=credits.advantages[order])
