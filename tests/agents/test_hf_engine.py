from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers

from turngym.agents import engines
from turngym.agents.engines.decoder import draw
from turngym.agents.engines.hf import HFEngine
from turngym.agents.llm import Completion, Sampling

TEMPERATURES = (1.0, 0.7, 0.0)
Exchange = tuple[list[int], Sampling, Completion]


@dataclass
class Watch:
    """What went through a model: tokens of each forward pass."""

    passes: list[int]

    @property
    def tokens(self) -> int:
        return sum(self.passes)


@contextmanager
def watched(model: Any) -> Iterator[Watch]:
    watch = Watch([])
    hook = model.register_forward_pre_hook(
        lambda _, __, kwargs: watch.passes.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    yield watch
    hook.remove()


def fresh(model: Any, prompt_ids: list[int], completion: Completion, temperature: float) -> list[float]:
    """Log-probabilities by one full forward pass over the whole sequence."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt_ids + completion.token_ids])).logits[0, len(prompt_ids) - 1 : -1]
    logprobs = torch.log_softmax(logits.float() / (temperature or 1.0), -1)
    return [logprobs[place, token].item() for place, token in enumerate(completion.token_ids)]


def check(model: Any, exchanges: list[Exchange]) -> None:
    for prompt_ids, sampling, completion in exchanges:
        expected = fresh(model, prompt_ids, completion, sampling.temperature)
        assert completion.logprobs == pytest.approx(expected, abs=1e-5)


async def episode(engine: Any, number: int, turns: int = 4, common: int = 0) -> list[Exchange]:
    """A conversation of random lengths, decided by its number."""
    rng = random.Random(number)
    prompt_ids = [9] * common + [rng.randrange(5, 100) for _ in range(rng.randrange(1, 20))]
    exchanges = []
    with engine.session() as bound:
        for turn in range(rng.randrange(1, turns + 1)):
            sampling = Sampling(
                seed=number * 100 + turn,
                max_tokens=rng.randrange(1, 12),
                temperature=TEMPERATURES[number % len(TEMPERATURES)],
            )
            completion = await bound.generate(prompt_ids, sampling)
            exchanges.append((prompt_ids, sampling, completion))
            seen = [rng.randrange(5, 100) for _ in range(rng.randrange(1, 9))]
            prompt_ids = prompt_ids + completion.token_ids + seen
    return exchanges


def play(engine: Any, numbers: list[int], **options: Any) -> list[Exchange]:
    async def together() -> list[list[Exchange]]:
        return await asyncio.gather(*(episode(engine, number, **options) for number in numbers))

    return [exchange for exchanges in asyncio.run(together()) for exchange in exchanges]


def ask(engine: Any, *prompts: list[int], session: bool = True, **sampling: Any) -> list[Completion]:
    """One completion after another, in one session."""

    async def answers() -> list[Completion]:
        with engine.session() as bound:
            return [
                await (bound if session else engine).generate(ids, Sampling(**sampling)) for ids in prompts
            ]

    return asyncio.run(answers())


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_logprobs_of_ragged_many_turn_batches_equal_a_fresh_forward_pass(
    tiny_llama: Any, kv_heads: int
) -> None:
    model = tiny_llama(kv_heads=kv_heads)
    exchanges = play(HFEngine(model, stop_ids=[3, 4, 5]), list(range(24)), common=3)
    check(model, exchanges)
    assert {completion.stop for _, _, completion in exchanges} == {"stop", "length"}


def small(kind: str, **more: Any) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=100,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        **more,
    )
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval()


@pytest.mark.parametrize(
    "model",
    [
        lambda: small("Qwen2"),
        lambda: small("Qwen3"),
        lambda: small("Mistral", sliding_window=8),
        lambda: small("Gemma", hidden_activation="gelu_pytorch_tanh"),
    ],
    ids=["qwen2", "qwen3", "mistral with a window", "gemma"],
)
def test_other_architectures_are_exact_too(model: Callable[[], Any]) -> None:
    built = model()
    check(built, play(HFEngine(built, stop_ids=[3]), list(range(8))))


def test_an_architecture_that_cannot_be_run_exactly_is_refused() -> None:
    engine = HFEngine(small("Gemma2"), stop_ids=[3])
    with pytest.raises(ValueError, match="Gemma2Attention caps scores"):
        ask(engine, [7, 8])


def test_a_request_gives_the_same_tokens_alone_and_in_a_crowd(tiny_llama: Any) -> None:
    numbers = list(range(12))
    crowd = play(HFEngine(tiny_llama(), stop_ids=[3]), numbers)
    alone = [
        exchange for number in numbers for exchange in play(HFEngine(tiny_llama(), stop_ids=[3]), [number])
    ]
    assert [completion.token_ids for _, _, completion in crowd] == [
        completion.token_ids for _, _, completion in alone
    ]


def test_the_order_of_arrival_changes_nothing(tiny_llama: Any) -> None:
    numbers = list(range(12))
    forwards = play(HFEngine(tiny_llama(), stop_ids=[3], gather_s=math.inf), numbers)
    backwards = play(HFEngine(tiny_llama(), stop_ids=[3], gather_s=math.inf), numbers[::-1])
    assert sorted(forwards, key=lambda exchange: exchange[1].seed) == sorted(
        backwards, key=lambda exchange: exchange[1].seed
    )


def test_a_seed_decides_the_completion(tiny_llama: Any) -> None:
    engine = HFEngine(tiny_llama(), stop_ids=[])
    one, again = ask(engine, [7, 8], seed=1), ask(engine, [7, 8], seed=1)
    assert one == again
    assert one != ask(engine, [7, 8], seed=2)


def test_temperature_zero_takes_the_likeliest_token_at_its_plain_probability(tiny_llama: Any) -> None:
    model = tiny_llama()
    (completion,) = ask(HFEngine(model, stop_ids=[]), [7, 8], temperature=0.0, max_tokens=5)
    sequence = [7, 8]
    for token in completion.token_ids:
        assert token == model(torch.tensor([sequence])).logits[0, -1].argmax().item()
        sequence.append(token)
    assert completion.logprobs == pytest.approx(fresh(model, [7, 8], completion, 1.0), abs=1e-5)


def test_only_new_tokens_are_computed(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[])
    first, second = list(range(5, 35)), [*range(5, 35)]

    async def converse() -> Watch:
        with engine.session() as bound:
            reply = await bound.generate(first, Sampling(max_tokens=4))
            with watched(model) as watch:
                await bound.generate(second + reply.token_ids + [7, 8, 9], Sampling(max_tokens=4))
            return watch

    # The last sampled token was never run, three are new; then one a pass.
    assert asyncio.run(converse()).passes == [4, 1, 1, 1]


def test_a_prompt_shared_by_new_episodes_is_computed_once(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[], gather_s=math.inf)

    async def one(seed: int) -> Exchange:
        sampling = Sampling(seed=seed, max_tokens=3)
        with engine.session() as bound:
            return [7, 8, 9], sampling, await bound.generate([7, 8, 9], sampling)

    async def together() -> list[Exchange]:
        return await asyncio.gather(*map(one, range(6)))

    with watched(model) as watch:
        exchanges = asyncio.run(together())
    assert watch.passes == [3, 6, 6]
    check(model, exchanges)


def test_a_prompt_that_does_not_continue_the_last_is_computed_from_where_it_differs(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[])
    prompts = [[7, 8, 9, 10, 11], [7, 8, 20, 21], [30], [30], [30, 31]]
    with watched(model) as watch:
        answers = ask(engine, *prompts, max_tokens=1)
    assert watch.passes == [5, 2, 1, 1, 1]
    check(model, [(ids, Sampling(), answer) for ids, answer in zip(prompts, answers, strict=True)])


def test_the_cache_stays_within_its_bound_and_forgets_without_harm(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[3], max_cached_tokens=512)
    exchanges = play(engine, list(range(20)), turns=6)
    assert engine._decoder.cache.reserved <= 512
    check(model, exchanges)


def test_long_prompts_are_computed_in_pieces(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[3], prefill_tokens=16)
    check(model, play(engine, list(range(8)), common=10))


def test_a_request_longer_than_the_cache_is_refused_before_it_runs(tiny_llama: Any) -> None:
    engine = HFEngine(tiny_llama(), stop_ids=[], max_cached_tokens=64)
    with pytest.raises(
        ValueError, match="a request of 70 tokens does not fit a cache of 64; raise max_cached_tokens"
    ):
        ask(engine, [7] * 60, max_tokens=10)
    with pytest.raises(ValueError, match="the prompt is empty"):
        ask(engine, [])
    assert len(ask(engine, [7, 8], max_tokens=2)) == 1


def test_new_weights_are_used_at_once_and_stamped(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[])

    async def converse() -> list[Completion]:
        with engine.session() as bound:
            before = await bound.generate([7, 8, 9], Sampling(max_tokens=2))
            with torch.no_grad():
                for weight in model.parameters():
                    weight.mul_(0.9)
            engine.updated(5)
            return [before, await bound.generate([7, 8, 9, *before.token_ids], Sampling(max_tokens=2))]

    before, after = asyncio.run(converse())
    assert (before.version, after.version) == (0, 5)
    check(model, [([7, 8, 9, *before.token_ids], Sampling(), after)])


def test_the_model_is_left_as_it_was(tiny_llama: Any) -> None:
    model = tiny_llama().train()
    attention = model.config._attn_implementation
    (completion,) = ask(HFEngine(model, stop_ids=[]), [7, 8], max_tokens=3)
    assert model.training
    assert model.config._attn_implementation == attention
    loss = model(torch.tensor([[7, 8, *completion.token_ids]])).logits.sum()
    loss.backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_broken_weights_are_named_and_do_not_outlive_their_repair(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[])
    kept = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight.fill_(math.nan)
    with pytest.raises(FloatingPointError, match="weights hold NaN or infinity"):
        ask(engine, [7, 8, 9, 10])
    model.load_state_dict(kept)
    engine.updated(1)
    (completion,) = ask(engine, [7, 8], max_tokens=4)
    check(model, [([7, 8], Sampling(), completion)])


def test_a_batch_starts_when_every_live_episode_has_asked(tiny_llama: Any) -> None:
    engine = HFEngine(tiny_llama(), stop_ids=[], gather_s=math.inf)
    order: list[str] = []

    async def ask_after(name: str, seconds: float) -> None:
        with engine.session() as bound:
            await asyncio.sleep(seconds)
            order.append(f"{name} asks")
            await bound.generate([7, 8], Sampling(max_tokens=2))
            order.append(f"{name} is answered")

    async def together() -> None:
        await asyncio.gather(ask_after("quick", 0.0), ask_after("slow", 0.2))

    asyncio.run(together())
    assert order == ["quick asks", "slow asks", "quick is answered", "slow is answered"]


def test_a_silent_episode_is_not_waited_for_longer_than_the_gather_time(tiny_llama: Any) -> None:
    engine = HFEngine(tiny_llama(), stop_ids=[], gather_s=0.01)

    async def beside_a_silent_one() -> Completion:
        with engine.session(), engine.session() as bound:
            return await asyncio.wait_for(bound.generate([7, 8], Sampling(max_tokens=2)), 30)

    assert len(asyncio.run(beside_a_silent_one()).token_ids) == 2


def test_an_episode_that_ends_or_is_cancelled_is_no_longer_waited_for(tiny_llama: Any) -> None:
    engine = HFEngine(tiny_llama(), stop_ids=[], gather_s=math.inf)

    async def stays() -> Completion:
        with engine.session() as bound:
            return await bound.generate([7, 8], Sampling(max_tokens=2))

    async def leaves() -> None:
        with engine.session():
            await asyncio.sleep(0.05)

    async def gives_up(bound: Any) -> None:
        await bound.generate([9], Sampling(max_tokens=2))

    async def together() -> Completion:
        with engine.session() as bound:
            asker = asyncio.create_task(gives_up(bound))
            waiting = asyncio.gather(stays(), leaves(), leaves())
            await asyncio.sleep(0.01)
            asker.cancel()
        return (await waiting)[0]

    assert len(asyncio.run(together()).token_ids) == 2


def test_two_questions_at_once_in_one_episode_are_answered_one_after_the_other(tiny_llama: Any) -> None:
    model = tiny_llama()
    engine = HFEngine(model, stop_ids=[], gather_s=math.inf)

    async def both() -> list[Completion]:
        with engine.session() as bound:
            sampling = Sampling(seed=1, max_tokens=3)
            return await asyncio.gather(bound.generate([7, 8], sampling), bound.generate([9], sampling))

    first, second = asyncio.run(both())
    check(model, [([7, 8], Sampling(), first), ([9], Sampling(), second)])


def test_one_engine_serves_one_event_loop_after_another(tiny_llama: Any) -> None:
    engine = HFEngine(tiny_llama(), stop_ids=[3])
    assert play(engine, [1, 2]) == play(engine, [1, 2])


def test_requests_outside_a_session_are_answered_too(tiny_llama: Any) -> None:
    engine = HFEngine(tiny_llama(), stop_ids=[])
    assert asyncio.run(engine.generate([7, 8], Sampling(seed=1))) == ask(engine, [7, 8], seed=1)[0]


def test_autocast_computes_in_half_precision_close_to_the_full(tiny_llama: Any) -> None:
    model = tiny_llama()
    (completion,) = ask(HFEngine(model, stop_ids=[], autocast="bfloat16"), [7, 8, 9], max_tokens=6)
    expected = fresh(model, [7, 8, 9], completion, 1.0)
    assert completion.logprobs == pytest.approx(expected, abs=0.3)
    assert completion.logprobs != pytest.approx(expected, abs=1e-5)


def test_the_draw_inverts_the_distribution_function() -> None:
    probabilities = [0.5, 0.0, 0.2, 0.3]
    logits = torch.tensor(probabilities).log().expand(10, 4)
    levels = (np.arange(10) + 0.5) / 10
    tokens, logprobs = draw(logits, [1.0] * 10, levels.tolist())
    assert tokens.tolist() == [0, 0, 0, 0, 0, 2, 2, 3, 3, 3]
    assert logprobs.exp().tolist() == pytest.approx([probabilities[token] for token in tokens.tolist()])


def test_the_draw_follows_each_row_s_own_temperature() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]]).expand(3, 3)
    tokens, logprobs = draw(logits, [0.0, 1.0, 2.0], [0.999, 0.999, 0.999])
    assert tokens.tolist() == [1, 2, 2]
    plain, flat = torch.log_softmax(logits[0], -1), torch.log_softmax(logits[0] / 2, -1)
    assert logprobs.tolist() == pytest.approx([plain[1].item(), plain[2].item(), flat[2].item()])


def test_the_engine_is_made_by_name(tiny_llama: Any) -> None:
    assert isinstance(engines.registry.make("hf", model=tiny_llama(), stop_ids=[3]), HFEngine)


@pytest.mark.gpu
def test_a_gpu_samples_what_it_scores(tiny_llama: Any) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    model = tiny_llama().to("cuda")
    exchanges = play(HFEngine(model, stop_ids=[3]), list(range(12)))
    check(model.cpu(), exchanges)
