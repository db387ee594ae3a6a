"""Trainers: backends that learn from samples, and the loop that drives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from turngym.agents.llm import Engine
from turngym.core.registry import Registry
from turngym.core.samples import Sample


class Trainer(Protocol):
    """A backend: scores samples under the policy as it is, learns from them, and publishes what samples next."""

    def score(self, samples: Sequence[Sample]) -> None:
        """Fill old and reference logprobs and values where the backend needs them; may do nothing."""

    def update(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Learn from one step's samples, whose advantages are set; gives metrics."""
        ...

    def publish(self) -> Engine:
        """The engine that samples from the new policy."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


registry = Registry("trainers")
registry.register("policy", "turngym.trainers.policy:PolicyTrainer", extra="train")
registry.register("trl", "turngym.trainers.trl:TRLTrainer", extra="trl")
registry.register("dpo", "turngym.trainers.preference:PreferenceTrainer", extra="train")
registry.register("rft", "turngym.trainers.rejection:RejectionTrainer", extra="train")
