"""How fast the `hf` engine decodes beside transformers' own `generate`, in one run.

    python -m turngym.benchmarks.speed.decode [EPISODES [TURNS]]

Plays the same conversations twice on one thread with a tiny Llama (hidden 128, 4 layers): random observations
and replies of a fixed length, so that both sides sample equally many tokens. `generate` computes the whole
conversation in every turn, left-padded, as a rollout without a cache between the turns has to.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from turngym.agents.engines.hf import HFEngine
from turngym.agents.llm import Sampling

VOCABULARY, PROMPT, REPLY = 150, 60, 5
OBSERVATION = (8, 24)
"""Fewest and most tokens of an observation."""

Seen = list[list[list[int]]]
"""[episode][turn] -> the tokens that the environment adds before the turn."""


def tiny_llama(kv_heads: int) -> Any:
    """A random model of 0.7 to 0.9 million parameters."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=kv_heads,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def observations(episodes: int, turns: int) -> Seen:
    """Random tokens: a prompt, then short observations."""
    rng = np.random.default_rng(0)
    return [
        [
            rng.integers(3, VOCABULARY, PROMPT if turn == 0 else rng.integers(*OBSERVATION)).tolist()
            for turn in range(turns)
        ]
        for _ in range(episodes)
    ]


def with_engine(model: Any, seen: Seen) -> int:
    """Play through the engine, every episode a coroutine; the number of sampled tokens."""
    engine = HFEngine(model, stop_ids=[], gather_s=math.inf)

    async def play(number: int, episode: list[list[int]]) -> int:
        prompt_ids: list[int] = []
        with engine.session() as session:
            for turn, new in enumerate(episode):
                prompt_ids = prompt_ids + new
                sampling = Sampling(seed=1000 * number + turn, max_tokens=REPLY)
                prompt_ids += (await session.generate(prompt_ids, sampling)).token_ids
        return len(episode) * REPLY

    async def play_all() -> list[int]:
        return await asyncio.gather(*(play(number, episode) for number, episode in enumerate(seen)))

    return sum(asyncio.run(play_all()))


def with_generate(model: Any, seen: Seen) -> int:
    """Play in lockstep through `model.generate`; the number of sampled tokens."""
    histories: list[list[int]] = [[] for _ in seen]
    for turn in range(len(seen[0])):
        histories = [history + episode[turn] for history, episode in zip(histories, seen, strict=True)]
        width = max(map(len, histories))
        ids = torch.tensor([[0] * (width - len(history)) + history for history in histories])
        mask = torch.tensor([[0] * (width - len(history)) + [1] * len(history) for history in histories])
        output = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=True,
            top_k=0,
            min_new_tokens=REPLY,
            max_new_tokens=REPLY,
            pad_token_id=0,
        )
        replies = output[:, width:].tolist()
        histories = [history + reply for history, reply in zip(histories, replies, strict=True)]
    return sum(REPLY * len(episode) for episode in seen)


def measured(play: Callable[[Any, Seen], int], model: Any, seen: Seen) -> tuple[float, float]:
    """Sampled tokens per second of wall time and of CPU time, after a warm-up of two turns."""
    play(model, [episode[:2] for episode in seen])
    wall, cpu = time.perf_counter(), time.process_time()
    tokens = play(model, seen)
    return tokens / (time.perf_counter() - wall), tokens / (time.process_time() - cpu)


def main(episodes: int = 64, turns: int = 12) -> None:
    """Print one line per kind of model and player."""
    torch.set_num_threads(1)
    seen = observations(episodes, turns)
    sampled = episodes * turns * REPLY
    print(f"{episodes} episodes x {turns} turns x {REPLY} tokens = {sampled} sampled tokens, one thread")
    for kv_heads in (4, 1):
        rates = {}
        for attention in ("turngym", "sdpa", "eager"):
            model = tiny_llama(kv_heads)
            if attention != "turngym":
                model.set_attn_implementation(attention)
            play = with_engine if attention == "turngym" else with_generate
            wall, cpu = rates[attention] = measured(play, model, seen)
            ratio = rates["turngym"][1] / cpu
            name = "hf engine" if attention == "turngym" else f"generate, {attention}"
            speed = f"{wall:7.0f} tokens/s wall, {cpu:7.0f} per CPU second, x {ratio:.1f}"
            print(f"{kv_heads} key/value heads, {name:16}: {speed}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
