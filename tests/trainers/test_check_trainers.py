"""Each rule passes the built-in trainer and catches a trainer that breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from turngym.agents.engines.hf import HFEngine
from turngym.agents.llm import Completion, Sampling
from turngym.core.samples import Sample
from turngym.trainers import check
from turngym.trainers.batch import batches
from turngym.trainers.check import Broken, Rule, TrainerFactory, check_trainer, rules
from turngym.trainers.forward import hidden_states, token_logits, token_logprobs
from turngym.trainers.policy import PolicyTrainer


class Plain:
    """REINFORCE with Adam."""

    def __init__(self, model: Any, engine: HFEngine, *, seed: int = 0, lr: float = 1e-2) -> None:
        self.model, self.engine, self.version = model, engine, 0
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def score(self, samples: Sequence[Sample]) -> Any:
        """Needs nothing."""

    def update(self, samples: Sequence[Sample]) -> Any:
        if not samples:
            return {}
        tokens = sum(sample.sampled for sample in samples)
        self.optimizer.zero_grad()
        for batch in batches(samples, 4096):
            logits = token_logits(self.model, hidden_states(self.model, batch))
            loss = -(batch.advantages * token_logprobs(logits, batch.target)).sum() / tokens
            loss.backward()
        self.optimizer.step()
        self.version += 1
        return {"loss": float(loss.detach())}

    def publish(self) -> Any:
        self.engine.updated(self.version)
        return self.engine

    def state_dict(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer.state_dict(), "version": self.version}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.version = state["version"]


class PublishesItself(Plain):
    def publish(self) -> Any:
        return self


class ScoresTooMuch(Plain):
    def score(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            sample.advantages = [0.0] * len(sample.token_ids)


class ScoresTheSampled(Plain):
    """One number for each sampled token only."""

    def score(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            sample.old_logprobs = [-1.0] * sample.sampled


class TellsATensor(Plain):
    def update(self, samples: Sequence[Sample]) -> Any:
        return {name: torch.tensor(number) for name, number in super().update(samples).items()}


class NeedsSamples(Plain):
    def update(self, samples: Sequence[Sample]) -> Any:
        return {"mean": sum(sample.sampled for sample in samples) / len(samples)} | super().update(samples)


class Ascends(Plain):
    """Minimises what it ought to maximise."""

    def __init__(self, model: Any, engine: HFEngine, *, seed: int = 0) -> None:
        super().__init__(model, engine)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, maximize=True)


class KeepsTheEngineStale(Plain):
    """Updates weights that the engine does not see."""

    def __init__(self, model: Any, engine: HFEngine, *, seed: int = 0) -> None:
        super().__init__(deepcopy(model), engine)


class LearnsContext(Plain):
    """Takes every token for a sampled one."""

    def update(self, samples: Sequence[Sample]) -> Any:
        for sample in samples:
            sample.row = [max(row, 0) for row in sample.row]
        return super().update(samples)


class CountsNothing(Plain):
    def publish(self) -> Any:
        self.engine.updated(0)
        return self.engine


class Rolls(Plain):
    def update(self, samples: Sequence[Sample]) -> Any:
        told = super().update(samples)
        with torch.no_grad():
            for weight in self.model.parameters():
                weight += 1e-2 * torch.randn_like(weight)
        return told


class StoresItself(Plain):
    def state_dict(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer, "version": self.version}


class ForgetsItsMoments(Plain):
    """Restores the version alone, so Adam begins anew."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.version = state["version"]


class ForgetsItsVersion(Plain):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state["optimizer"])


class Exhausted:
    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        raise RuntimeError("out of memory")


class BreaksTheEngine(Plain):
    """Publishes what fails, once it has learned."""

    def publish(self) -> Any:
        return Exhausted() if self.version else super().publish()


CASES: list[tuple[Rule, Any, str]] = [
    (check.publishes_an_engine, PublishesItself, "which has no generate"),
    (check.scores_in_place, ScoresTooMuch, "score changed a sample's advantages"),
    (check.scores_in_place, ScoresTheSampled, r"old_logprobs has \d+ numbers for \d+ tokens"),
    (check.gives_finite_metrics, TellsATensor, r"the metric 'loss' is tensor\("),
    (check.survives_an_empty_step, NeedsSamples, "a step without samples raised ZeroDivisionError"),
    (check.follows_the_advantages, Ascends, "check the sign of the loss"),
    (check.follows_the_advantages, KeepsTheEngineStale, r"moved by \+0; .* has the new weights"),
    (check.context_teaches_nothing, LearnsContext, "advantages on context tokens changed the policy"),
    (check.versions_rise, CountsNothing, "an update took the version from 0 to 0"),
    (check.repeats, Rolls, "two trainers with one seed learned differently"),
    (check.state_is_plain, StoresItself, "state_dict does not read back"),
    (check.state_restores, ForgetsItsMoments, "after 1 more updates the trainer that was resumed differs"),
    (check.state_restores, ForgetsItsVersion, "the versions are 1 and 0 after a resume"),
    (check.runs_in_the_loop, BreaksTheEngine, "the loop stopped: 16 of 16 episodes failed"),
]


@pytest.mark.parametrize(("rule", "trainer", "sentence"), CASES)
def test_a_rule_catches_who_breaks_it(rule: Rule, trainer: TrainerFactory, sentence: str) -> None:
    with pytest.raises(Broken, match=sentence):
        rule(trainer, 0)


def test_every_rule_has_such_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(rules)


@pytest.mark.parametrize("rule", rules)
def test_every_rule_says_what_it_asks(rule: Rule) -> None:
    assert rule.__doc__
    assert len(rule.__doc__.splitlines()) == 1


@pytest.mark.parametrize(
    "trainer",
    [
        Plain,
        PolicyTrainer,
        partial(PolicyTrainer, lr=1e-2, kl_coef=0.1, critic="own", epochs=2, minibatch=3),
        partial(PolicyTrainer, lr=1e-2, normalise="turn", ratio="turn", recompute=False),
    ],
    ids=["plain", "policy", "critic", "turn"],
)
def test_sound_trainers_keep_the_contract(trainer: TrainerFactory) -> None:
    assert [verdict for verdict in check_trainer(trainer, seed=1) if not verdict.passed] == []


def test_a_state_that_does_not_restore_is_caught_by_the_rule_that_says_so() -> None:
    broken = {verdict.rule for verdict in check_trainer(ForgetsItsMoments) if not verdict.passed}
    assert broken == {"state_restores"}
