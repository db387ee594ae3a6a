from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("transformers")

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, Sampling
from turngym.agents.reflexion import LESSONS, ReflexionAgent
from turngym.agents.renderer import Renderer
from turngym.core.errors import ConfigError
from turngym.core.samples import pack
from turngym.core.types import Call, Task, Trajectory, Turn


def play(
    agent: ReflexionAgent, tokenizer: Any, replies: Sequence[str], turns: Sequence[tuple[str, int]]
) -> tuple[list[str], list[list[Call]]]:
    """Actions and calls of turns, each an observation and the number of its attempt."""

    def encode(text: str) -> list[int]:
        token_ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return token_ids

    engine = ScriptedEngine(replies, encode=encode, end_id=tokenizer.eos_token_id)
    llm = LLM(engine, Renderer(tokenizer), Sampling(max_tokens=100))

    async def act() -> tuple[list[str], list[list[Call]]]:
        actions, calls = [], []
        for obs, attempt in turns:
            actions.append(await agent.act(obs, {"attempt": attempt}, llm))
            calls.append(llm.take())
        return actions, calls

    return asyncio.run(act())


def act(name: str) -> str:
    return f"Thought: hm\nAction: {name}"


def test_a_reflection_closes_a_failed_attempt_and_opens_the_next(tokenizer: Any) -> None:
    replies = [act("push"), "I should have pulled.", act("pull")]
    actions, calls = play(
        ReflexionAgent(), tokenizer, replies, [("A door.", 1), ("It stays shut.\n\nAttempt 1 has failed.", 2)]
    )
    assert actions == ["push", "pull"]
    (pushed,), (reflected, pulled) = calls
    assert (
        reflected.prompt_ids[: len(pushed.prompt_ids + pushed.action_ids)]
        == pushed.prompt_ids + pushed.action_ids
    )
    asked = tokenizer.decode(reflected.prompt_ids)
    assert "It stays shut." in asked
    assert "what went wrong" in asked
    opening = tokenizer.decode(pulled.prompt_ids)
    assert f"{LESSONS}\n- I should have pulled." in opening
    assert "Observation: A door." in opening
    assert "It stays shut." not in opening
    turns = [Turn(obs="", action="", reward=0.0, calls=part) for part in calls]
    samples = pack([Trajectory(task=Task(env="e", seed=0), member=0, turns=turns)])
    assert [sample.token_ids for sample in samples] == [
        reflected.prompt_ids + reflected.action_ids,
        pulled.prompt_ids + pulled.action_ids,
    ]


def test_only_the_last_reflections_are_remembered(tokenizer: Any) -> None:
    replies = [act("a"), "first", act("b"), "second", act("c"), "third", act("d")]
    _, calls = play(ReflexionAgent(memory=2), tokenizer, replies, [("A door.", n) for n in (1, 2, 3, 4)])
    opening = tokenizer.decode(calls[3][-1].prompt_ids)
    assert "- second\n- third" in opening
    assert "first" not in opening


def test_an_environment_of_one_attempt_is_told_how_to_give_more(tokenizer: Any) -> None:
    llm = LLM(ScriptedEngine([]), Renderer(tokenizer), Sampling())
    with pytest.raises(ConfigError, match=r"wrap = \[\{name = \"attempts\""):
        asyncio.run(ReflexionAgent().act("A door.", {}, llm))


def test_a_memory_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="memory is 0"):
        ReflexionAgent(memory=0)
