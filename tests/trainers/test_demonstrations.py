"""Demonstrations and a warm start alone, on environments that list no actions and tell no vocabulary."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from turngym.agents.chat import ChatAgent
from turngym.agents.llm import LLM, Sampling
from turngym.core.config import Table
from turngym.core.errors import ConfigError
from turngym.core.types import Info
from turngym.trainers.demonstrations import Demonstrator, Dictation
from turngym.trainers.models import pretrained
from turngym.trainers.run import train_run
from turngym.trainers.setup import texts
from turngym.trainers.tokenizer import byte_tokenizer

SEARCH: Table = {
    "env": {"name": "turngym/SearchQA-v0", "split": "train"},
    "pool": {"workers": 0, "slots": 8},
    "agent": {"name": "window", "window": 0, "reply": "plain", "admissible": False, "longest": 120},
    "sampler": {"max_turns": 6, "max_tokens": 12},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64, "pieces": 800},
    "warm_start": {"episodes": 12, "noise": 0.3},
    "credit": {"name": "grpo"},
    "trainer": {"name": "policy"},
    "loop": {"steps": 0, "tasks_per_step": 1, "group_size": 2},
    "eval": {"tasks": 2, "greedy": False},
}


def act(told: list[tuple[str, Info]], noise: float) -> list[str]:
    """What a demonstrator does after each observation."""
    tokenizer = byte_tokenizer()
    encode = partial(tokenizer.encode, add_special_tokens=False)
    demonstrator = Demonstrator(ChatAgent(), encode, tokenizer.eos_token_id, noise=noise)

    async def actions() -> list[str]:
        from turngym.agents.renderer import Renderer

        llm = LLM(Dictation(token_ids=[]), Renderer(tokenizer), Sampling())
        return [await demonstrator.act(obs, info, llm) for obs, info in told]

    return asyncio.run(actions())


def test_a_detour_is_drawn_as_the_random_agent_draws_it() -> None:
    assert act([("", {"expert": "right", "sample": ["left"], "admissible": ["back"]})], noise=1.0) == ["left"]


def test_a_detour_may_call_a_tool_that_was_told_when_the_expert_moved() -> None:
    tools = [{"function": {"name": "ring", "parameters": {"type": "object", "properties": {}}}}]
    told: list[tuple[str, Info]] = [
        ("", {"expert": "right", "tools": tools}),
        *[("", {"expert": "right"})] * 30,
    ]
    assert set(act(told, noise=0.5)) == {"right", '{"name": "ring", "arguments": {}}'}


def test_where_nothing_can_be_drawn_the_expert_moves() -> None:
    assert act([("", {"expert": "right"})], noise=1.0) == ["right"]


def test_an_expert_without_a_move_is_told_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"set warm_start\.noise to 0"):
        act([("", {"admissible": ["left"]})], noise=0.0)


def test_texts_are_what_an_expert_hears_and_does() -> None:
    heard = texts({"name": "turngym/Corridor-v0"}, episodes=2)
    assert {"left", "right"} <= {*heard}
    assert heard == texts({"name": "turngym/Corridor-v0"}, episodes=2)


def test_a_warm_start_alone_leaves_a_model_that_speaks_in_pieces_and_can_be_played(tmp_path: Path) -> None:
    train_run(SEARCH, tmp_path / "run")
    policy = pretrained(path=str(tmp_path / "run/checkpoints/step-000000/policy"))
    assert len(policy.tokenizer) == 805
    obs = "A collection of 482 pages can be searched and read."
    assert policy.tokenizer.decode(policy.tokenizer.encode(obs, add_special_tokens=False)) == obs
    assert len(policy.tokenizer.encode(obs, add_special_tokens=False)) < len(obs) / 2
