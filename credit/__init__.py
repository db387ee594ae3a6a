"""Credit modules: from a table of turns to an advantage per turn or per token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from turngym.core.registry import Registry
from turngym.core.types import Group
from turngym.credit.steps import Floats, Steps

__all__ = ["Credit", "Credits", "Learned", "Steps", "registry"]


@dataclass(frozen=True, kw_only=True)
class Credits:
    """What a credit module answers."""

    advantages: Floats  # [N] one per turn, or [T] one per sampled token, rows in order
    per: Literal["turn", "token"] = "turn"
    returns: Floats | None = None  # same shape: what a critic should have predicted
    metrics: dict[str, float] = field(default_factory=dict)


class Credit(Protocol):
    """A credit method: a frozen dataclass of its hyperparameters with one `__call__`."""

    def __call__(self, steps: Steps) -> Credits: ...


@runtime_checkable
class Learned(Protocol):
    """Credit with parameters of its own, fitted on each step's groups before it is asked."""

    def __call__(self, steps: Steps) -> Credits: ...

    def fit(self, groups: Sequence[Group]) -> dict[str, float]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


registry = Registry("credit")
registry.register("grpo", "turngym.credit.group:GRPO")
registry.register("dr_grpo", "turngym.credit.group:dr_grpo")
registry.register("rloo", "turngym.credit.group:RLOO")
registry.register("reinforce_pp", "turngym.credit.reinforce:ReinforcePP")
registry.register("reinforce_pp_baseline", "turngym.credit.reinforce:ReinforcePPBaseline")
registry.register("gigpo", "turngym.credit.anchor:GiGPO")
registry.register("hgpo", "turngym.credit.anchor:HGPO")
registry.register("gae", "turngym.credit.gae:GAE")
registry.register("shuffled", "turngym.credit.control:Shuffled")
registry.register("shaped", "turngym.credit.shaped:Shaped")
