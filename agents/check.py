"""The contract of an agent, as rules that an author can run one by one.

A rule takes the factory of an agent, that of an environment it can play, and a seed; it raises `Broken` with what it
saw, and returns a note where it did not apply. `check_agent` tries them all; the tests of an agent of one's own may
take them singly:

    @pytest.mark.parametrize("rule", rules)
    def test_my_agent_keeps_the_contract(rule):
        rule(MyAgent, Corridor, 0)

No model is needed: replies are drawn from a list of what models come to say (`turngym.agents.rehearsal`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

from turngym.agents import Agent
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import Completion, EngineFailure, Message, Sampling
from turngym.agents.rehearsal import END, LONGEST, ODDITIES, Acted, Bytes, Rehearsal, encode, together
from turngym.agents.rollout import Sampler
from turngym.core.rules import Broken, Verdict, brief, error_text, need, verdicts
from turngym.core.samples import pack
from turngym.core.types import Task
from turngym.envs.base import Factory
from turngym.envs.corridor import Corridor
from turngym.envs.pool import Pool

__all__ = ["Broken", "Rule", "Verdict", "check_agent", "rules"]

AgentFactory = Callable[[], Agent]
Rule = Callable[[AgentFactory, Factory, int], str | None]

HALL: Factory = partial(Corridor, length=9, expert=True)
"""What agents are tried in unless they need something else."""

EPISODES = 8
"""So many seeds are played, so that most replies come up."""

ROLES = ("system", "user", "assistant", "tool")


def check_agent(agent: AgentFactory, env: Factory = HALL, *, seed: int = 0) -> list[Verdict]:
    """Try every rule on an agent, given as what makes one for each episode.

    `env` makes an environment that it can play. A broken rule is a verdict, not an exception.
    """
    return verdicts(rules, agent, env, seed)


# What it is asked and what it answers


def is_made_afresh(agent: AgentFactory, env: Factory, seed: int) -> None:
    """The factory needs no arguments and makes another agent every time, with an `act`."""
    first, second = agent(), agent()
    need(first is not second, "the factory gave one agent twice; make one for each episode")
    need(callable(getattr(first, "act", None)), f"{brief(first)} has no act; write `async def act`")


def answers_with_a_string(agent: AgentFactory, env: Factory, seed: int) -> None:
    """`act` is awaited and answers a string, the action."""
    for acted in _episodes(agent, env, seed):
        text = isinstance(acted.action, str)
        need(text, f"act returned {brief(acted.action)} for {brief(acted.obs)}; return a str")


def survives_any_reply(agent: AgentFactory, env: Factory, seed: int) -> str | None:
    """Whatever the model says, `act` does not raise."""
    asked = 0
    for reply in ODDITIES:
        rehearsal = Rehearsal(agent(), env, seed, _saying(reply))
        try:
            asyncio.run(rehearsal.play())
        except Exception as error:
            if not rehearsal.chat.asked:
                raise
            raise Broken(f"act raised {error_text(error)} where the model said {brief(reply)}") from error
        asked += len(rehearsal.chat.asked)
    return None if asked else NO_MODEL


def asks_in_messages(agent: AgentFactory, env: Factory, seed: int) -> str | None:
    """The model is asked with messages that have a role and a content; the last is not the assistant's own."""
    asked = [messages for acted in _episodes(agent, env, seed) for messages in acted.asked]
    for messages in asked:
        need(bool(messages), "the model was asked with no message at all; say what it has to answer")
        for message in messages:
            need(_is_message(message), f"{brief(message)} is no message; write role and content")
        need(messages[-1]["role"] != "assistant", "the last message is the assistant's; end with a question")
    return None if asked else NO_MODEL


def leaves_info_alone(agent: AgentFactory, env: Factory, seed: int) -> None:
    """`act` changes nothing in the `info` that it is given."""
    rehearsal = Rehearsal(agent(), env, seed)

    async def watched() -> None:
        for _ in range(4):
            if rehearsal.over:
                return
            told = deepcopy(rehearsal.info)
            acted = await rehearsal.turn()
            changed = [key for key in {*told, *acted.info} if told.get(key) != acted.info.get(key)]
            need(not changed, f"act changed {', '.join(changed)} in the info it was given; work on a copy")

    asyncio.run(watched())


# What repeats, and what is kept apart


def repeats(agent: AgentFactory, env: Factory, seed: int) -> None:
    """One seed and the same replies give the same episode; chance comes from `llm.seed`."""
    for number in range(seed, seed + EPISODES):
        once, again = (_told(asyncio.run(Rehearsal(agent(), env, number).play())) for _ in range(2))
        _same(once, again, "two episodes with one seed and the same replies")


def episodes_are_apart(agent: AgentFactory, env: Factory, seed: int) -> None:
    """An agent acts alone as it does beside another one of its kind."""
    for number in range(seed, seed + EPISODES):
        alone = asyncio.run(Rehearsal(agent(), env, number).play())
        beside = together(Rehearsal(agent(), env, number), Rehearsal(agent(), env, number + EPISODES))
        _same(_told(alone), _told(beside), "an episode alone and one beside another")


# What the rollout relies on


def tells_engine_failures(agent: AgentFactory, env: Factory, seed: int) -> str | None:
    """Where the engine fails, `act` lets its `EngineFailure` through and does not act without an answer."""
    rehearsal = Rehearsal(agent(), env, seed, _Failing())
    try:
        asyncio.run(rehearsal.play())
    except EngineFailure:
        return None
    except Exception as error:
        if not rehearsal.chat.asked:
            raise
        raise Broken(f"act turned an EngineFailure into {error_text(error)}; let it through") from error
    need(not rehearsal.chat.asked, "act went on after an EngineFailure; let it through")
    return NO_MODEL


def plays_in_a_rollout(agent: AgentFactory, env: Factory, seed: int) -> str:
    """The sampler plays a group of four episodes without a failure, and every token of a chosen reply is kept."""
    with Pool(env, workers=0, slots=4) as pool:
        model: dict[str, Any] = {"engine": _saying("left"), "renderer": Bytes()}
        sampler = Sampler(pool=pool, agent=agent, **model, max_context=100 * LONGEST, max_turns=8)
        try:
            (group,) = asyncio.run(sampler.collect([Task(env="checked", seed=seed)], 4, seed))
        except Exception as error:
            raise Broken(f"act raised {error_text(error)} in the sampler, which stops a run") from error
    need(not group.failed, f"an episode failed: {group.failed and group.failed[0].error}")
    turns = [turn for trajectory in group.trajectories for turn in trajectory.turns]
    sampled = sum(len(call.action_ids) for turn in turns for call in turn.calls if call.chosen)
    samples = pack(group.trajectories)
    kept = sum(sample.sampled for sample in samples)
    need(kept == sampled, f"{kept} of {sampled} sampled tokens are in the training sequences")
    return f"{len(samples)} training sequences from {len(turns)} turns of 4 episodes"


rules: tuple[Rule, ...] = (
    is_made_afresh,
    answers_with_a_string,
    survives_any_reply,
    asks_in_messages,
    leaves_info_alone,
    repeats,
    episodes_are_apart,
    tells_engine_failures,
    plays_in_a_rollout,
)

NO_MODEL = "it asks no model"


class _Failing:
    """An engine that cannot be reached."""

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
        raise ConnectionError("the engine is switched off, as the contract has it")


def _saying(reply: str) -> ScriptedEngine:
    """A model that says one thing."""
    return ScriptedEngine(lambda prompt_ids, sampling: reply, encode=encode, end_id=END)


def _episodes(agent: AgentFactory, env: Factory, seed: int) -> list[Acted]:
    """The turns of several episodes."""
    numbers = range(seed, seed + EPISODES)
    return [acted for number in numbers for acted in asyncio.run(Rehearsal(agent(), env, number).play())]


def _is_message(message: Message) -> bool:
    content: Any = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, str | list) and message.get("role") in ROLES


def _told(played: list[Acted]) -> list[tuple[list[list[Message]], Any]]:
    return [(acted.asked, acted.action) for acted in played]


def _same(one: list[Any], other: list[Any], what: str) -> None:
    for number, (left, right) in enumerate(zip(one, other, strict=False), start=1):
        need(left[0] == right[0], f"{what} differ in what is asked in turn {number}")
        need(left[1] == right[1], f"{what} differ in turn {number}: {brief(left[1])} and {brief(right[1])}")
    need(len(one) == len(other), f"{what} differ in length: {len(one)} and {len(other)} turns")
