"""The hf engine sampling from a copy while the model that it copies is being changed."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from turngym.agents.engines.check import rules
from turngym.agents.engines.hf import HFEngine
from turngym.agents.engines.specimen import STOP_IDS, become, llama, logprobs
from turngym.agents.llm import Completion, Sampling

TEMPERATURE = 0.7
Exchange = tuple[list[int], Completion]


async def episode(engine: Any, number: int) -> list[Exchange]:
    """Three turns of a conversation that its number decides."""
    rng = random.Random(number)
    prompt_ids = [rng.randrange(5, 100) for _ in range(rng.randrange(1, 20))]
    exchanges = []
    with engine.session() as bound:
        for turn in range(3):
            sampling = Sampling(seed=number * 100 + turn, max_tokens=24, temperature=TEMPERATURE)
            completion = await bound.generate(prompt_ids, sampling)
            exchanges.append((prompt_ids, completion))
            prompt_ids = [*prompt_ids, *completion.token_ids, rng.randrange(5, 100)]
    return exchanges


async def play(engine: Any) -> list[Exchange]:
    played = await asyncio.gather(*(episode(engine, number) for number in range(6)))
    return [exchange for one in played for exchange in one]


def versions(completion: Completion) -> list[int]:
    return completion.versions or [completion.version] * len(completion.token_ids)


def check_every_token_is_of_the_version_that_it_claims(exchanges: list[Exchange]) -> None:
    """Version v is the model of seed v: one plain forward pass of it must give the token's log-probability."""
    for prompt_ids, completion in exchanges:
        for version in set(versions(completion)):
            wanted = logprobs(llama(version), prompt_ids, completion.token_ids, TEMPERATURE)
            for claimed, said, true in zip(versions(completion), completion.logprobs, wanted, strict=True):
                assert claimed != version or said == pytest.approx(true, abs=1e-4)


def engine_that_is_pushed_to(every: int) -> HFEngine:
    """New weights come in the middle of every n-th forward pass."""
    model, passes = llama(0), 0

    def push(*_: object) -> None:
        nonlocal passes
        passes += 1
        if passes % every == 0:
            become(model, engine.version + 1)
            engine.updated(engine.version + 1)

    model.register_forward_pre_hook(push)
    engine = HFEngine(model, stop_ids=STOP_IDS, own_weights=True, gather_s=0.0)
    return engine


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_a_push_in_the_middle_of_a_reply_counts_from_the_next_token_on(every):
    exchanges = asyncio.run(play(engine_that_is_pushed_to(every)))
    check_every_token_is_of_the_version_that_it_claims(exchanges)
    spanning = [completion for _, completion in exchanges if completion.versions]
    assert spanning
    for completion in spanning:
        assert completion.versions == sorted(completion.versions)
        assert completion.version == completion.versions[0] < completion.versions[-1]


def test_no_weights_are_torn_by_a_trainer_that_changes_them_all_the_time():
    model, ended = llama(0), Event()
    engine = HFEngine(model, stop_ids=STOP_IDS, own_weights=True, gather_s=0.0)

    def train() -> None:
        while not ended.is_set():
            become(model, engine.version + 1)
            engine.updated(engine.version + 1)

    trainer = Thread(target=train)
    trainer.start()
    try:
        exchanges = asyncio.run(play(engine))
    finally:
        ended.set()
        trainer.join()
    check_every_token_is_of_the_version_that_it_claims(exchanges)
    assert engine.version > 1


def test_weights_that_change_are_not_sampled_from_before_they_are_published():
    model = llama(0)
    engine = HFEngine(model, stop_ids=STOP_IDS, own_weights=True)
    before = asyncio.run(play(engine))
    become(model, 1)
    assert asyncio.run(play(engine)) == before
    engine.updated(1)
    after = asyncio.run(play(engine))
    assert {version for _, completion in after for version in versions(completion)} == {1}
    check_every_token_is_of_the_version_that_it_claims(after)


def test_a_reply_of_one_version_carries_one_number():
    engine = HFEngine(llama(0), stop_ids=STOP_IDS, own_weights=True)
    assert all(completion.versions is None for _, completion in asyncio.run(play(engine)))


@pytest.mark.parametrize("rule", rules, ids=lambda rule: rule.__name__)
def test_the_contract_of_engines_holds_with_weights_of_its_own(rule):
    rule(partial(HFEngine, own_weights=True), 0)
