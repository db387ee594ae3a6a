"""Each rule passes sound agents and catches one that breaks it."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from turngym import agents, envs
from turngym.agents import check
from turngym.agents.chat import ChatAgent
from turngym.agents.check import HALL, AgentFactory, Broken, Rule, check_agent, rules
from turngym.agents.llm import LLM, EngineFailure
from turngym.agents.scripted import ExpertAgent, RandomAgent
from turngym.agents.window import WindowAgent
from turngym.core.types import Info

alone = ChatAgent()


class Mute:
    async def act(self, obs: str, info: Info, llm: LLM) -> Any:
        return None


class NotAsync:
    def act(self, obs: str, info: Info, llm: LLM) -> str:
        return "left"


class NoAct:
    """Speaks of acting."""


class Brittle(ChatAgent):
    """Takes what follows `Action:` without a look whether there is one."""

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        return (await super().act(obs, info, llm)).split("Action:")[1]


class AsksText:
    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        return (await llm([{"role": "user", "text": obs}])).text


class AnswersItself:
    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        question = {"role": "user", "content": obs}
        return (await llm([question, {"role": "assistant", "content": "I "}])).text


class EatsTheList(RandomAgent):
    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        return str(info["admissible"].pop())


class Gambler:
    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        return random.choice(info["admissible"])


class Crowd:
    """All agents of the class count their turns together."""

    turns: list[str] = []  # noqa: RUF012

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        self.turns.append(obs)
        return "left" if len(self.turns) % 3 else "right"


class Optimist(ChatAgent):
    """Acts at random where the model cannot be reached."""

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        try:
            return await super().act(obs, info, llm)
        except EngineFailure:
            return str(info["admissible"][0])


class Renames(ChatAgent):
    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        try:
            return await super().act(obs, info, llm)
        except EngineFailure as failure:
            raise RuntimeError("no model") from failure


class GivesUp(ChatAgent):
    """Stops the run in its third turn."""

    turns = 0

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        self.turns += 1
        if self.turns == 3:
            raise RuntimeError("enough")
        return await super().act(obs, info, llm)


CASES: list[tuple[Rule, Any, str]] = [
    (check.is_made_afresh, lambda: alone, "gave one agent twice"),
    (check.is_made_afresh, NoAct, "has no act"),
    (check.answers_with_a_string, Mute, "act returned None for 'You are in cell"),
    (check.answers_with_a_string, NotAsync, "act returned 'left' without being awaited"),
    (check.survives_any_reply, Brittle, "act raised IndexError: .* where the model said ''"),
    (check.asks_in_messages, AsksText, r"\{'role': 'user', 'text': .* is no message; write role"),
    (check.asks_in_messages, AnswersItself, "the last message is the assistant's"),
    (check.leaves_info_alone, EatsTheList, "act changed admissible in the info"),
    (check.repeats, Gambler, "one seed and the same replies differ in turn"),
    (check.episodes_are_apart, Crowd, "one beside another differ in turn"),
    (check.tells_engine_failures, Optimist, "act went on after an EngineFailure"),
    (check.tells_engine_failures, Renames, "act turned an EngineFailure into RuntimeError: no model"),
    (check.plays_in_a_rollout, GivesUp, "act raised RuntimeError: enough in the sampler"),
]


@pytest.mark.parametrize(("rule", "agent", "sentence"), CASES)
def test_a_rule_catches_who_breaks_it(rule: Rule, agent: AgentFactory, sentence: str) -> None:
    rule(ChatAgent, HALL, 0)
    with pytest.raises(Broken, match=sentence):
        rule(agent, HALL, 0)


def test_every_rule_has_such_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(rules)


@pytest.mark.parametrize("rule", rules)
def test_every_rule_says_what_it_asks(rule: Rule) -> None:
    assert rule.__doc__
    assert len(rule.__doc__.splitlines()) == 1


@pytest.mark.parametrize(
    "agent",
    [
        *map(agents.registry.get, ["best_of_n", "chat", "expert", "native_tools", "random", "react"]),
        *map(agents.registry.get, ["self_correct", "window"]),
        partial(WindowAgent, reply="tags", window=0),
    ],
)
def test_built_in_agents_keep_the_contract(agent: AgentFactory) -> None:
    for seed in range(2):
        assert [verdict for verdict in check_agent(agent, seed=seed) if not verdict.passed] == []


def test_an_agent_is_tried_in_the_environment_that_it_needs() -> None:
    desk = envs.factory("Library-v0", brief="request")
    assert all(verdict.passed for verdict in check_agent(agents.registry.get("tool"), desk))
    refused = check_agent(agents.registry.get("tool"))
    assert "needs an environment with tools" in refused[1].message


def test_an_agent_of_many_attempts_is_tried_where_there_are_many() -> None:
    hall = envs.factory("Corridor-v0", wrap=[{"name": "attempts", "attempts": 2, "turns": 3}])
    assert [v for v in check_agent(agents.registry.get("reflexion"), hall) if not v.passed] == []


def test_an_agent_that_answers_none_gets_its_verdict() -> None:
    broken = {verdict.rule for verdict in check_agent(Mute) if not verdict.passed}
    assert broken == {"answers_with_a_string"}


def test_what_does_not_apply_is_noted() -> None:
    notes = {verdict.rule: verdict.message for verdict in check_agent(ExpertAgent)}
    assert notes["asks_in_messages"] == notes["tells_engine_failures"] == "it asks no model"
    assert notes["plays_in_a_rollout"].startswith("0 training sequences from ")
