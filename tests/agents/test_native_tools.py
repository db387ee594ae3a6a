from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("httpx")
pytest.importorskip("transformers")

from tests.agents.expert_server import TOOLS
from tests.agents.servers import Reaction, completion, served, server, tells

from turngym import envs
from turngym.agents.engines.http import HTTPChat
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, Sampling
from turngym.agents.native_tools import ACT, NativeToolsAgent
from turngym.agents.parse import Invalid
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.core.errors import ConfigError
from turngym.core.types import Task
from turngym.envs.pool import Pool

ENV = "turngym/Library-v0"
DESK = {"split": "test", "brief": "request"}


def call(id: str, name: str, arguments: Any) -> dict[str, Any]:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": id, "type": "function", "function": {"name": name, "arguments": written}}


def calls(*made: dict[str, Any]) -> dict[str, Any]:
    return completion({"role": "assistant", "content": None, "tool_calls": list(made)})


def test_a_visit_is_won_with_native_calls_over_http() -> None:
    desk = envs.make(ENV, expert=True, **DESK)
    _, opening = desk.reset(seed=0, options={"task": 3})
    moves = [opening["expert"]]

    def librarian(number: int, asked: dict[str, Any]) -> Reaction:
        """Answers with the reference's next move, after hearing how the last one went."""
        move = json.loads(moves[-1])
        *_, info = desk.step(moves[-1])
        moves.append(info.get("expert", ""))
        if move["name"] == "respond":
            return tells(completion({"role": "assistant", "content": move["arguments"]["content"]}))
        return tells(calls(call(f"call-{number}", move["name"], move["arguments"])))

    async def collect(url: str) -> Any:
        engine = HTTPChat(url=url, model="librarian")
        with Pool(ENV, workers=0, slots=1, **DESK) as pool:
            sampler = Sampler(pool=pool, agent=NativeToolsAgent, engine=engine)
            return await sampler.collect([Task(env=ENV, seed=0, options={"task": 3})], 1, 0)

    with served(librarian) as (url, seen):
        (group,) = asyncio.run(collect(url))
    (episode,) = group.trajectories
    assert episode.success
    assert all(turn.valid for turn in episode.turns)
    assert seen[0]["tools"] == opening["tools"]
    assert seen[0]["messages"][0] == {"role": "system", "content": opening["policy"]}
    for asked in seen[1:]:
        *_, said, heard = asked["messages"]
        assert heard["role"] == "tool"
        assert heard["tool_call_id"] == said["tool_calls"][0]["id"]


def acted(
    answers: list[dict[str, Any]], turns: list[tuple[str, dict[str, Any]]]
) -> tuple[list[str], list[dict]]:
    agent = NativeToolsAgent()

    async def act(url: str) -> list[str]:
        llm = LLM(HTTPChat(url=url, model="m", retries=0), None, Sampling())
        return [await agent.act(obs, info, llm) for obs, info in turns]

    with server(*map(tells, answers)) as (url, seen):
        return asyncio.run(act(url)), seen


def test_every_call_of_a_message_is_answered_even_where_the_environment_refused_it() -> None:
    tools = [{"type": "function", "function": {"name": "find"}}]
    first = calls(call("a", "find", {"x": 1}), call("b", "find", "{no json"))
    results = [{"role": "tool", "tool_call_id": "a", "name": "find", "content": "found"}]
    turns = [("Hi.", {"tools": tools, "policy": "Be kind."}), ("Error: no JSON", {"tool_results": results})]
    actions, seen = acted([first, completion({"role": "assistant", "content": "Sorry."})], turns)
    assert json.loads(actions[0])["tool_calls"] == first["choices"][0]["message"]["tool_calls"]
    assert actions[1] == "Sorry."
    assert seen[1]["messages"][-2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "found"},
        {"role": "tool", "tool_call_id": "b", "content": "Error: no JSON"},
    ]


def test_an_environment_without_tools_is_played_by_one_tool() -> None:
    turns = [("A door.", {"admissible": ["push"]}), ("It opens.", {})]
    actions, seen = acted([calls(call("a", "act", {"action": " push "}))] * 2, turns)
    assert actions == ["push", "push"]
    assert seen[0]["tools"] == [ACT]
    assert seen[0]["messages"][0]["content"] == "A door.\n\nYou can do:\n- push"
    assert seen[1]["messages"][-1] == {"role": "tool", "tool_call_id": "a", "content": "It opens."}


@pytest.mark.parametrize(
    "answer",
    [
        completion({"role": "assistant", "content": "I push."}),
        calls(call("a", "dance", {})),
        calls(call("a", "act", {})),
        calls(call("a", "act", "{broken")),
        calls(call("a", "act", [1])),
        calls({"id": "a"}),
        {"choices": [{"message": {"content": None}, "finish_reason": "length"}]},
    ],
)
def test_a_reply_that_does_not_act_is_invalid(answer: dict[str, Any]) -> None:
    ((action,), _) = acted([answer], [("A door.", {})])
    assert isinstance(action, Invalid)


def test_a_token_engine_gets_the_tools_by_its_template(make_tokenizer: Callable[..., Any]) -> None:
    tokenizer = make_tokenizer(TOOLS)
    reply = '<tool_call>\n{"name": "act", "arguments": {"action": "push"}}\n</tool_call>'
    engine = ScriptedEngine([reply, reply], encode=tokenizer.encode, end_id=tokenizer.eos_token_id)
    llm = LLM(engine, Renderer(tokenizer), Sampling(max_tokens=200))
    agent = NativeToolsAgent()

    async def act() -> list[str]:
        return [await agent.act(obs, {}, llm) for obs in ("A door.", "It opens.")]

    assert asyncio.run(act()) == ["push", "push"]
    first, second = llm.take()
    assert '"name": "act"' in tokenizer.decode(first.prompt_ids)
    assert second.prompt_ids[: len(first.prompt_ids)] == first.prompt_ids


def test_a_template_that_hides_tools_is_refused(tokenizer: Any) -> None:
    llm = LLM(ScriptedEngine([]), Renderer(tokenizer), Sampling())
    with pytest.raises(ConfigError, match="does not show tools; use the agent 'tool'"):
        asyncio.run(NativeToolsAgent().act("A door.", {}, llm))
