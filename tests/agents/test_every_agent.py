"""Every agent plays the household for real: with a server that knows the way, and with weights that know nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

pytest.importorskip("httpx")
pytest.importorskip("transformers")

from tests.agents.expert_server import ENV, SEEDS, TOOLS, TURNS, Expert, in_tokens
from tests.agents.servers import Reaction, completion, served, tells

from turngym import agents
from turngym.agents.engines.http import HTTPChat, HTTPTokens
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.core.samples import pack
from turngym.core.types import Group, Status, Task
from turngym.envs.pool import Pool

PLAYERS: dict[str, dict[str, Any]] = {
    "chat": {"admissible": True},
    "window": {"window": 50},
    "react": {},
    "self_correct": {},
    "best_of_n": {"n": 3},
    "best_of_n by the model": {"n": 2, "judge": "model"},
    "native_tools": {},
    "reflexion": {},
}
ATTEMPTS = {"name": "attempts", "attempts": 2, "turns": TURNS}


def player(name: str) -> Callable[[], Any]:
    return partial(agents.registry.make, name.partition(" ")[0], **PLAYERS[name])


def play(name: str, engine: Any, renderer: Any = None, **limits: Any) -> list[Group]:
    wrap = [ATTEMPTS] if name == "reflexion" else []

    async def collect() -> list[Group]:
        with Pool(ENV, workers=0, slots=2, size="tiny", expert=True, wrap=wrap) as pool:
            sampler = Sampler(
                pool=pool,
                agent=player(name),
                engine=engine,
                renderer=renderer,
                **({"max_turns": 20} | limits),
            )
            return await sampler.collect([Task(env=ENV, seed=seed) for seed in SEEDS], 1, 0)

    return asyncio.run(collect())


class Brain:
    """The expert as a chat model, which gives an agent reason to reflect, to correct itself or to choose."""

    def __init__(self, name: str) -> None:
        self.name, self.expert = name, Expert()

    def react(self, number: int, asked: dict[str, Any]) -> Reaction:
        messages = asked["messages"]
        if asked.get("tools"):
            arguments = json.dumps({"action": self.expert.next_action(messages)})
            call = {
                "id": f"call-{number}",
                "type": "function",
                "function": {"name": "act", "arguments": arguments},
            }
            return tells(completion({"role": "assistant", "content": None, "tool_calls": [call]}, 10, 5))
        return tells(completion({"role": "assistant", "content": self.says(messages)}, 10, 5))

    def says(self, messages: Sequence[dict[str, Any]]) -> str:
        opening, last = str(messages[0]["content"]), str(messages[-1]["content"])
        if "Which is best?" in last:
            return "2"
        if "The attempt has failed." in last:
            return "I only looked around."
        if self.name == "reflexion" and "I only looked around." not in opening:
            return "Thought: hm\nAction: look"
        if self.name == "self_correct" and "before it counts" not in last:
            return "dance"
        return self.expert.says(messages)


@pytest.mark.parametrize("name", PLAYERS)
def test_an_agent_wins_over_http_where_the_server_knows_the_way(name: str) -> None:
    with served(Brain(name).react) as (url, seen):
        engine = HTTPChat(url=url, model="expert", input_price=1.0, output_price=1.0)
        groups = play(name, engine)
    episodes = [episode for group in groups for episode in group.trajectories]
    assert [(episode.status, episode.success) for episode in episodes] == [(Status.DONE, True)] * len(SEEDS)
    calls = [call for episode in episodes for turn in episode.turns for call in turn.calls]
    assert sum(call.sampled or 0 for call in calls) == 5 * len(seen) == engine.usage.tokens
    assert engine.cost == pytest.approx(15e-6 * len(seen))


@pytest.mark.parametrize("name", [name for name in PLAYERS if name != "native_tools"])
def test_an_agent_wins_over_http_in_exact_tokens(name: str, tokenizer: Any) -> None:
    complete = in_tokens(tokenizer, Brain(name).says)
    renderer = Renderer(tokenizer)
    with served(lambda number, asked: tells(complete(asked))) as (url, _):
        engine = HTTPTokens(url=url, model="expert", stop_ids=renderer.stop_ids)
        groups = play(name, engine, renderer, max_context=60_000, max_tokens=200)
    episodes = [episode for group in groups for episode in group.trajectories]
    assert [episode.success for episode in episodes] == [True] * len(SEEDS)
    trained = sum(sample.sampled for sample in pack(episodes))
    chosen = [c for e in episodes for turn in e.turns for c in turn.calls if c.chosen]
    assert trained == sum(len(call.action_ids) for call in chosen) > 0


@pytest.mark.parametrize("name", PLAYERS)
def test_an_agent_plays_with_weights_that_know_nothing(
    name: str, make_tokenizer: Callable[..., Any], tiny_llama: Callable[..., Any]
) -> None:
    hf = pytest.importorskip("turngym.agents.engines.hf")
    tokenizer = make_tokenizer(TOOLS)
    renderer = Renderer(tokenizer)
    engine = hf.HFEngine(tiny_llama(vocabulary=len(tokenizer)), stop_ids=renderer.stop_ids)
    groups = play(name, engine, renderer, max_context=20_000, max_tokens=6, max_turns=3)
    again = play(name, engine, renderer, max_context=20_000, max_tokens=6, max_turns=3)
    assert groups == again
    episodes = [episode for group in groups for episode in group.trajectories]
    assert all(len(episode.turns) == 3 and not episode.status.failed for episode in episodes)
    assert all(any(call.chosen for call in turn.calls) for episode in episodes for turn in episode.turns)
    assert pack(episodes)
