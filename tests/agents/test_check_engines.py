"""Each rule passes a plain engine and catches one that breaks it."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from turngym.agents.engines import check
from turngym.agents.engines.check import Broken, EngineFactory, Rule, check_engine, rules
from turngym.agents.engines.hf import HFEngine
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.engines.specimen import llama
from turngym.agents.llm import Completion, Engine, Sampling


class Plain:
    """Samples token by token, without a cache."""

    def __init__(self, model: Any, *, stop_ids: list[int]) -> None:
        self.model, self.stop_ids, self.version = model, stop_ids, 0

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        dice = torch.Generator().manual_seed(sampling.seed)
        ids: list[int] = []
        logprobs: list[float] = []
        while len(ids) < sampling.max_tokens and not (ids and ids[-1] in self.stop_ids):
            chances = self.chances([*prompt_ids, *ids], sampling)
            ids.append(self.draw(chances, sampling, dice))
            logprobs.append(float(chances[ids[-1]]))
        stop = "stop" if ids[-1] in self.stop_ids else "length"
        return self.said(Completion(token_ids=ids, logprobs=logprobs, stop=stop, version=self.version))

    def chances(self, ids: list[int], sampling: Sampling) -> torch.Tensor:
        with torch.no_grad():
            logits = self.model(torch.tensor([ids])).logits[0, -1].float()
        return torch.log_softmax(logits / (sampling.temperature or 1.0), -1)

    def draw(self, chances: torch.Tensor, sampling: Sampling, dice: torch.Generator) -> int:
        if sampling.temperature == 0:
            return int(chances.argmax())
        return int(torch.multinomial(chances.exp(), 1, generator=dice))

    def said(self, completion: Completion) -> Any:
        return completion

    def updated(self, version: int) -> None:
        self.version = version


class SaysText(Plain):
    def said(self, completion: Completion) -> Any:
        return str(completion.token_ids)


class ForgetsALogprob(Plain):
    def said(self, completion: Completion) -> Any:
        return replace(completion, logprobs=completion.logprobs[1:])


class SaysChances(Plain):
    def said(self, completion: Completion) -> Any:
        return replace(completion, logprobs=[2.718**logprob for logprob in completion.logprobs])


class Chatters(Plain):
    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        return await super().generate(prompt_ids, replace(sampling, max_tokens=sampling.max_tokens + 1))


class NeverEnds(Plain):
    def said(self, completion: Completion) -> Any:
        return replace(completion, stop="length")


class AddsToThePrompt(Plain):
    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        completion = await super().generate(prompt_ids, sampling)
        prompt_ids += completion.token_ids
        return completion


class DrawsAnywhere(Plain):
    def draw(self, chances: torch.Tensor, sampling: Sampling, dice: torch.Generator) -> int:
        return super().draw(chances, sampling, torch.Generator().manual_seed(torch.seed() % 2**63))


class DrawsAlike(Plain):
    def draw(self, chances: torch.Tensor, sampling: Sampling, dice: torch.Generator) -> int:
        return super().draw(chances, sampling, torch.Generator().manual_seed(0))


class NeverGreedy(Plain):
    def draw(self, chances: torch.Tensor, sampling: Sampling, dice: torch.Generator) -> int:
        return int(torch.multinomial(chances.exp(), 1, generator=dice))


class MixesPrompts(Plain):
    """Answers to the longest prompt that it has heard in a batch of six."""

    heard = 0

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        self.heard += 1
        return await super().generate(prompt_ids if self.heard <= 6 else [*prompt_ids, 9], sampling)


class ForgetfulSession(Plain):
    """In a session it sees the last ten tokens alone."""

    def session(self) -> Any:
        return nullcontext(Recent(self.model, stop_ids=self.stop_ids))


class Recent(Plain):
    def chances(self, ids: list[int], sampling: Sampling) -> torch.Tensor:
        return super().chances(ids[-10:], sampling)


class CountsFromTheReply(Plain):
    """Mixes up the first token of a reply: its chances are those after another prompt."""

    prompt = 0

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        self.prompt = len(prompt_ids)
        return await super().generate(prompt_ids, sampling)

    def chances(self, ids: list[int], sampling: Sampling) -> torch.Tensor:
        return super().chances([*ids, 5] if len(ids) == self.prompt else ids, sampling)


class SaysOtherChances(Plain):
    """Samples at twice the temperature that it reports."""

    def draw(self, chances: torch.Tensor, sampling: Sampling, dice: torch.Generator) -> int:
        return super().draw(torch.log_softmax(chances / 2, -1), sampling, dice)


class SlightlyOff(Plain):
    def said(self, completion: Completion) -> Any:
        return replace(completion, logprobs=[logprob - 0.01 for logprob in completion.logprobs])


class KeepsOldWeights(Plain):
    def __init__(self, model: Any, *, stop_ids: list[int]) -> None:
        super().__init__(deepcopy(model), stop_ids=stop_ids)


class KeepsItsVersion(Plain):
    def updated(self, version: int) -> None:
        """Does nothing."""


CASES: list[tuple[Rule, Any, str]] = [
    (check.answers_in_form, SaysText, "return a Completion"),
    (check.answers_in_form, ForgetsALogprob, r"\d token_ids came with \d logprobs"),
    (check.logprobs_are_logarithms, SaysChances, "give the natural logarithm of a chance"),
    (check.keeps_to_max_tokens, Chatters, "a reply of at most 1 tokens has 2"),
    (check.keeps_to_max_tokens, NeverEnds, "says 'length'"),
    (check.leaves_the_prompt_alone, AddsToThePrompt, "changed the ids of a prompt"),
    (check.repeats_by_seed, DrawsAnywhere, "two completions with one seed are"),
    (check.seeds_differ, DrawsAlike, "16 seeds gave one completion"),
    (check.greedy_ignores_the_seed, NeverGreedy, "two completions at temperature 0 are"),
    (check.requests_are_apart, MixesPrompts, "alone and among others"),
    (check.sessions_answer_alike, ForgetfulSession, "a completion in a session and one without"),
    (check.goes_on_from_its_own_words, CountsFromTheReply, "but asked again with"),
    (check.samples_as_it_says, SaysOtherChances, "though its chance is said to be"),
    (
        check.logprobs_are_the_models,
        SlightlyOff,
        "log-probabilities at temperature 0.7 are .* the model's are",
    ),
    (check.follows_the_weights, KeepsOldWeights, "the model's are"),
    (check.follows_the_weights, KeepsItsVersion, "of version 0"),
]


@pytest.mark.parametrize(("rule", "engine", "sentence"), CASES)
def test_a_rule_catches_who_breaks_it(rule: Rule, engine: EngineFactory, sentence: str) -> None:
    with pytest.raises(Broken, match=sentence):
        rule(engine, 0)


def test_every_rule_has_such_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(rules)


@pytest.mark.parametrize("rule", rules)
def test_every_rule_says_what_it_asks(rule: Rule) -> None:
    assert rule.__doc__
    assert len(rule.__doc__.splitlines()) == 1


@pytest.mark.parametrize(
    "engine", [HFEngine, Plain, partial(ScriptedEngine, [[5, 6, 7]] * 999)], ids=["hf", "plain", "scripted"]
)
def test_sound_engines_keep_the_contract(engine: EngineFactory) -> None:
    for seed in range(2):
        assert [verdict for verdict in check_engine(engine, seed=seed) if not verdict.passed] == []


def test_wrong_logprobs_are_caught_by_the_rule_that_says_so() -> None:
    broken = {verdict.rule for verdict in check_engine(SlightlyOff) if not verdict.passed}
    assert broken == {"logprobs_are_the_models", "follows_the_weights"}


def test_without_a_model_an_engine_is_held_against_itself() -> None:
    def closed(kind: type[Plain]) -> Engine:
        return kind(llama(0), stop_ids=[3, 4])

    notes = {verdict.rule: verdict.message for verdict in check_engine(partial(closed, Plain))}
    assert notes["logprobs_are_the_models"] == "it takes no model to compare with"
    broken = {
        verdict.rule for verdict in check_engine(partial(closed, SaysOtherChances)) if not verdict.passed
    }
    assert broken == {"samples_as_it_says"}
