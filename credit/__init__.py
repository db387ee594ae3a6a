"""Credit modules: from a table of turns to an advantage per turn or per token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from turngym.core.registry import Registry
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
    """Credit with parameters of its own, which learns from each step's turns as it credits them.

    The factory behind its name takes `backbone` (`turngym.credit.backbone.Backbone`), the model that it may train,
    and may take `seed`; whoever builds the run gives both. Everything that changes is in `state_dict`, tensors and
    plain values only, so that a run that is resumed goes on as one that never stopped.
    """

    def __call__(self, steps: Steps) -> Credits:
        """Credit by the parameters as they are; changes nothing."""
        ...

    def fit(self, steps: Steps) -> Credits:
        """Credit for the turns, and one update of the parameters from the same turns.

        Both may share one forward pass. The method says whether its credit is that of the parameters before the
        update or after it.
        """
        ...

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
registry.register("oprl", "turngym.credit.implicit:OPRL", extra="train")
registry.register("prime", "turngym.credit.implicit_tokens:PRIME", extra="train")
registry.register("spa", "turngym.credit.progress:Progress", extra="train")
registry.register("ppr", "turngym.credit.ppr:PPR")
registry.register("step_srpo", "turngym.credit.srpo:StepSRPO")
registry.register("spo", "turngym.credit.spo:SPO")
registry.register("first_error", "turngym.credit.first_error:FirstError")
registry.register("gae_positions", "turngym.credit.progress_tokens:PositionGAE")
