"""What playing costs: `python -m turngym.benchmarks.speed.rollout PART SETTINGS`, one part of the suite.

The model is random, so every reply has exactly `reply` tokens and every episode `turns` turns, whoever plays.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turngym import envs
from turngym.agents.chat import ChatAgent, listing
from turngym.agents.llm import Completion, Sampling
from turngym.agents.rollout import Sampler
from turngym.benchmarks.speed.measure import Spent, peak_memory, spent
from turngym.core.samples import pack
from turngym.core.types import Task, Trajectory
from turngym.envs.pool import Pool

ENV = "turngym/Household-v0"
SIZE = {"size": "compact"}
Settings = dict[str, Any]
Numbers = dict[str, Any]


def ours(settings: Settings) -> Numbers:
    """Our sampler and engine: growing conversations, each environment and episode at its own pace."""
    from turngym.agents.renderer import Renderer

    engine, tokenizer = _engine(settings)
    # In this process, whose CPU time is measured.
    pool = Pool(ENV, SIZE, workers=0, slots=settings["episodes"])

    def play(turns: int) -> list[Trajectory]:
        sampler = Sampler(
            pool=pool,
            agent=lambda: ChatAgent(admissible=True),
            engine=engine,
            renderer=Renderer(tokenizer),
            max_turns=turns,
            max_tokens=settings["reply"],
            max_context=8192,
        )
        tasks = [Task(env=ENV, seed=seed) for seed in range(settings["episodes"])]
        groups = asyncio.run(sampler.collect(tasks, 1, 0))
        return [episode for group in groups for episode in group.trajectories]

    play(1)
    engine.generated = 0
    took = spent(lambda: play(settings["turns"]), settings["device"])
    used = sum(sample.sampled for sample in pack(took.gave))
    steps = sum(len(episode.turns) for episode in took.gave)
    return _told(took, used, steps) | {"waste": engine.generated - used}


def lockstep(settings: Settings) -> Numbers:
    """The loop that one writes first: every turn computed from its beginning by `generate`, all episodes in step."""
    import torch

    model, tokenizer = _model(settings)
    model = model.to(torch.bfloat16) if settings["precision"] == "bf16" else model

    def play(turns: int) -> tuple[int, int]:
        made = [envs.make(ENV, **SIZE) for _ in range(settings["episodes"])]
        talks: list[list[dict[str, str]]] = []
        for seed, env in enumerate(made):
            obs, info = env.reset(seed=seed)
            talks.append([{"role": "user", "content": content(obs, info)}])
        for _ in range(turns):
            replies = _generate(model, tokenizer, talks, settings)
            for env, talk, reply in zip(made, talks, replies, strict=True):
                obs, _, _, _, info = env.step(reply)
                talk += [
                    {"role": "assistant", "content": reply},
                    {"role": "user", "content": content(obs, info)},
                ]
        return len(made) * turns * settings["reply"], len(made) * turns

    play(1)
    took = spent(lambda: play(settings["turns"]), settings["device"])
    return _told(took, *took.gave)


def decode(settings: Settings) -> Numbers:
    """Our engine alone: `episodes` prompts of 128 random tokens and replies of 32, and the share of their prompts."""
    engine, _ = _engine(settings)
    prompts = random_prompts(settings)

    def answer(length: int) -> list[Completion]:
        async def together() -> list[Completion]:
            asked = (
                engine.generate(prompt, Sampling(seed=seed, max_tokens=length))
                for seed, prompt in enumerate(prompts)
            )
            return list(await asyncio.gather(*asked))

        return asyncio.run(together())

    answer(2)
    return decoding(answer, settings)


def decoding(answer: Callable[[int], Any], settings: Settings) -> Numbers:
    """Tokens per second after the first token, and of prompts, the better of several runs."""
    runs = range(settings["repeats"])
    first = min((spent(lambda: answer(1), settings["device"]) for _ in runs), key=lambda run: run.seconds)
    whole = min((spent(lambda: answer(33), settings["device"]) for _ in runs), key=lambda run: run.seconds)
    return {
        "tokens_per_second": settings["episodes"] * 32 / (whole.seconds - first.seconds),
        "tokens_per_wall_second": settings["episodes"] * 32 / (whole.wall - first.wall),
        "prompt_tokens_per_second": settings["episodes"] * 128 / first.seconds,
        "peak_mib": peak_memory(),
    }


def random_prompts(settings: Settings) -> list[list[int]]:
    """The same for every engine."""
    import random

    draw = random.Random(0)
    return [
        [draw.randrange(300, settings["vocabulary"]) for _ in range(128)] for _ in range(settings["episodes"])
    ]


def content(obs: str, info: dict[str, Any]) -> str:
    """What a player is told, as `ChatAgent(admissible=True)` puts it."""
    return f"{obs}\n\n{listing(info)}"


def _told(took: Spent, tokens: int, steps: int) -> Numbers:
    return {
        "seconds": took.seconds,
        "sampled": tokens,
        "tokens_per_second": tokens / took.seconds,
        "steps_per_second": steps / took.seconds,
        "peak_mib": peak_memory(),
    }


def _model(settings: Settings) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = Path(settings["folder"]) / "model"
    model = AutoModelForCausalLM.from_pretrained(folder).to(settings["device"]).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def _engine(settings: Settings) -> tuple[Any, Any]:
    from turngym.agents.engines.hf import HFEngine

    class Counting(HFEngine):
        """Counts what it samples."""

        generated = 0

        async def submit(self, *request: Any) -> Completion:
            completion = await super().submit(*request)
            self.generated += len(completion.token_ids)
            return completion

    model, tokenizer = _model(settings)
    autocast = "bfloat16" if settings["precision"] == "bf16" else None
    return Counting(model, stop_ids=[], gather_s=math.inf, autocast=autocast), tokenizer


def _generate(model: Any, tokenizer: Any, talks: list[Any], settings: Settings) -> list[str]:
    texts = [
        tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True) for talk in talks
    ]
    given = tokenizer(texts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False)
    asked = {name: given[name].to(model.device) for name in ("input_ids", "attention_mask")}
    output = model.generate(
        **asked,
        do_sample=True,
        top_k=0,
        min_new_tokens=settings["reply"],
        max_new_tokens=settings["reply"],
        pad_token_id=0,
    )
    replies: list[str] = tokenizer.batch_decode(
        output[:, asked["input_ids"].shape[1] :], skip_special_tokens=True
    )
    return replies


PARTS: dict[str, Callable[[Settings], Numbers]] = {each.__name__: each for each in (ours, lockstep, decode)}


def main() -> None:
    """Measure one part and print it."""
    import torch

    settings = json.loads(sys.argv[2])
    if settings["device"] == "cpu":
        torch.set_num_threads(settings["threads"])
    print(json.dumps(PARTS[sys.argv[1]](settings)))


if __name__ == "__main__":
    main()
