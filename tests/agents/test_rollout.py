from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.llm import LLM, Completion, Message, Sampling
from turngym.agents.parse import Invalid
from turngym.agents.rollout import Sampler, TooManyFailures
from turngym.agents.scripted import RandomAgent
from turngym.core.types import Group, Info, Status, Task
from turngym.envs.base import EnvFailure, Step
from turngym.envs.pool import Pool


class Door:
    """Opens at the `length`-th push (task option); may misbehave as the options say."""

    def __init__(self, attempts: dict[str, int]) -> None:
        self.attempts = attempts

    async def reset(self, *, seed: int, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        self.options, self.pushes = options or {}, 0
        name = str(sorted(self.options.items()))
        self.attempts[name] = self.attempts.get(name, 0) + 1
        self.attempt = self.attempts[name]
        return "A door.", {"state": ("door", 0)}

    async def step(self, action: str) -> Step:
        self.pushes += 1
        if self.attempt <= self.options.get("breaks", 0):
            raise EnvFailure("Door raised in step: hinge", "Traceback: hinge.py")
        await asyncio.sleep(self.options.get("delay", 0.0))
        done = self.pushes >= self.options.get("length", 3)
        info: Info = {"success": done, "valid": action == "push", "state": ("door", self.pushes)}
        return f"Pushed {self.pushes}.", float(done), done, self.pushes >= self.options.get("cut", 99), info


class Doors:
    """Lends doors without any process."""

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Door]:
        yield Door(self.attempts)


class Push:
    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        return "push"


class Speaker:
    """Says what the model says."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        self.messages.append({"role": "user", "content": obs})
        reply = await llm(self.messages)
        self.messages.append(reply.message)
        return reply.text


class Bytes:
    """A chat template in which a token is a character."""

    append_safe = True

    def render(self, messages: Sequence[Message]) -> list[int]:
        return [ord(letter) for message in messages for letter in message["content"]]

    def extend(self, new: Sequence[Message], stop: str) -> list[int]:
        return self.render(new)

    def text(self, token_ids: Sequence[int]) -> str:
        return "".join(chr(token) for token in token_ids)


def task(number: int = 0, **options: Any) -> Task:
    return Task(env="Door", seed=number, options={"number": number, **options})


def collect(
    sampler: Sampler, tasks: Sequence[Task], size: int = 1, seed: int = 0, **more: Any
) -> list[Group]:
    return asyncio.run(sampler.collect(tasks, size, seed, **more))


def speaking(engine: Any, **limits: Any) -> Sampler:
    return Sampler(pool=Doors(), agent=Speaker, engine=engine, renderer=Bytes(), **limits)


def script(line: str = "push") -> ScriptedEngine:
    return ScriptedEngine([line] * 100, encode=lambda text: [ord(letter) for letter in text])


def test_an_episode_keeps_what_was_seen_and_done_before_each_action() -> None:
    (group,) = collect(Sampler(pool=Doors(), agent=Push), [task(length=2)])
    (episode,) = group.trajectories
    assert [(turn.obs, turn.action, turn.reward, turn.state) for turn in episode.turns] == [
        ("A door.", "push", 0.0, ("door", 0)),
        ("Pushed 1.", "push", 1.0, ("door", 1)),
    ]
    assert (episode.final_obs, episode.status, episode.success) == ("Pushed 2.", Status.DONE, True)


def test_a_turn_holds_the_calls_that_chose_its_action() -> None:
    (group,) = collect(speaking(script(), max_tokens=4), [task(length=2)])
    first, second = (turn.calls for turn in group.trajectories[0].turns)
    assert [len(first), len(second)] == [1, 1]
    assert second[0].prompt_ids == [*first[0].prompt_ids, *first[0].action_ids, *map(ord, "Pushed 1.")]


def test_the_turn_limit_ends_an_episode_without_failing_it() -> None:
    (group,) = collect(Sampler(pool=Doors(), agent=Push, max_turns=2), [task(length=9)])
    (episode,) = group.trajectories
    assert (episode.status, len(episode.turns), episode.success) == (Status.TURN_LIMIT, 2, False)


def test_an_environment_that_truncates_counts_as_a_turn_limit() -> None:
    (group,) = collect(Sampler(pool=Doors(), agent=Push), [task(length=9, cut=2)])
    assert group.trajectories[0].status is Status.TURN_LIMIT
    assert group.trajectories[0].turns[-1].truncated


def test_a_cut_off_episode_keeps_the_prompt_that_would_have_come_next() -> None:
    (group,) = collect(speaking(script(), max_tokens=4, max_turns=2, next_prompts=True), [task(length=9)])
    (episode,) = group.trajectories
    (last,) = episode.turns[-1].calls
    assert episode.next_ids == [*last.prompt_ids, *last.action_ids, *map(ord, episode.final_obs)]
    assert len(episode.turns) == 2


@pytest.mark.parametrize(
    ("limits", "length"),
    [
        ({"max_turns": 2}, 9),  # nobody wants it
        ({"max_turns": 2, "next_prompts": True}, 2),  # the episode was finished
        ({"max_turns": 2, "next_prompts": True, "max_context": 30}, 9),  # it would not fit
    ],
)
def test_there_is_no_next_prompt_where_none_is_wanted_needed_or_possible(limits, length) -> None:
    (group,) = collect(speaking(script(), max_tokens=4, **limits), [task(length=length)])
    assert len(group.trajectories[0].turns) == 2
    assert group.trajectories[0].next_ids == []


def test_an_agent_that_asks_no_model_is_not_asked_for_a_next_prompt() -> None:
    (group,) = collect(Sampler(pool=Doors(), agent=Push, max_turns=2, next_prompts=True), [task(length=9)])
    assert group.trajectories[0].next_ids == []


def test_the_token_limit_keeps_the_turns_so_far() -> None:
    (group,) = collect(speaking(script(), max_tokens=4, max_context=30), [task(length=9)])
    (episode,) = group.trajectories
    assert (episode.status, len(episode.turns)) == (Status.TOKEN_LIMIT, 2)
    assert "raise max_context" in (episode.error or "")


def test_a_broken_environment_is_counted_and_the_episode_played_again() -> None:
    (group,) = collect(Sampler(pool=Doors(), agent=Push), [task(breaks=1)])
    assert [episode.status for episode in group.trajectories] == [Status.DONE]
    (failed,) = group.failed
    assert failed.status is Status.ENV_ERROR
    assert failed.error == "Door raised in step: hinge\nTraceback: hinge.py"


def test_an_episode_is_given_up_after_its_retries() -> None:
    groups = collect(Sampler(pool=Doors(), agent=Push, retries=2), [task(0, breaks=9), task(1)])
    assert [len(group.trajectories) for group in groups] == [0, 1]
    assert [len(group.failed) for group in groups] == [3, 0]


def test_a_second_attempt_repeats_the_first() -> None:
    def say(prompt_ids: list[int], sampling: Sampling) -> list[int]:
        return [97 + sampling.seed % 26]

    calm = collect(speaking(ScriptedEngine(say)), [task()], 2, 7)
    stormy = collect(speaking(ScriptedEngine(say)), [task()], 2, 7)
    assert calm == stormy
    assert calm[0].trajectories[0].turns != calm[0].trajectories[1].turns
    assert calm != collect(speaking(ScriptedEngine(say)), [task()], 2, 8)


def test_a_slow_episode_times_out_and_says_how_long_it_had() -> None:
    sampler = Sampler(pool=Doors(), agent=Push, timeout=0.01, retries=0, max_failed=1.0)
    (group,) = collect(sampler, [task(delay=5)])
    assert [(e.status, e.error) for e in group.failed] == [
        (Status.TIMEOUT, "the episode took longer than 0.01 s")
    ]


def test_a_timeout_inside_the_agent_is_not_the_clock() -> None:
    class Impatient:
        async def act(self, obs: str, info: Info, llm: LLM) -> str:
            raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        collect(Sampler(pool=Doors(), agent=Impatient, timeout=60), [task()])


def test_an_engine_that_fails_is_an_engine_error() -> None:
    class Broken:
        async def generate(self, prompt_ids: list[int], sampling: Sampling) -> Completion:
            raise ConnectionError("gone")

    (group,) = collect(speaking(Broken(), retries=0, max_failed=1.0), [task()])
    (failed,) = group.failed
    assert failed.status is Status.ENGINE_ERROR
    assert (failed.error or "").startswith("ConnectionError: gone\nTraceback")


def test_an_agent_that_raises_stops_the_run_with_its_traceback() -> None:
    class Buggy:
        async def act(self, obs: str, info: Info, llm: LLM) -> str:
            return {}["forgotten"]

    with pytest.raises(KeyError, match="forgotten") as caught:
        collect(Sampler(pool=Doors(), agent=Buggy), [task(number) for number in range(3)], 2)
    assert caught.traceback[-1].name == "act"


def test_too_many_failures_stop_the_run_and_list_the_distinct_errors() -> None:
    sampler = Sampler(pool=Doors(), agent=Push, retries=0)
    tasks = [task(number, breaks=9) for number in range(3)] + [task(3)]
    with pytest.raises(TooManyFailures, match=r"3 of 4 episodes failed.*0\.5:\n3 x env_error: Door raised"):
        collect(sampler, tasks)


def test_recovered_failures_do_not_count_as_lost() -> None:
    tasks = [task(number, breaks=1) for number in range(3)]
    groups = collect(Sampler(pool=Doors(), agent=Push, max_failed=0.0), tasks)
    assert [len(group.failed) for group in groups] == [1, 1, 1]


def test_groups_come_as_they_finish_and_collected_ones_in_the_order_of_the_tasks() -> None:
    tasks = [task(0, delay=0.05), task(1)]
    sampler = Sampler(pool=Doors(), agent=Push)

    async def finished() -> list[int]:
        return [group.task.seed async for group in sampler.groups(tasks, 2, 0)]

    assert asyncio.run(finished()) == [1, 0]
    assert [group.task.seed for group in collect(sampler, tasks, 2)] == [0, 1]


def test_a_slow_episode_delays_only_its_group() -> None:
    async def first() -> Group:
        sampler = Sampler(pool=Doors(), agent=Push)
        async for group in sampler.groups([task(0, delay=3600), task(1)], 2, 0):
            return group
        raise AssertionError

    assert asyncio.run(first()).task.seed == 1


def test_members_stay_in_order() -> None:
    (group,) = collect(Sampler(pool=Doors(), agent=Push), [task()], 5)
    assert [episode.member for episode in group.trajectories] == list(range(5))


def test_collecting_may_stop_after_enough_informative_groups() -> None:
    def say(prompt_ids: list[int], sampling: Sampling) -> str:
        return "push" if sampling.seed % 2 else "pull"

    class Judged(Door):
        async def step(self, action: str) -> Step:
            obs, _, _, truncated, info = await super().step(action)
            return obs, float(action == "push"), True, truncated, info

    class JudgedDoors(Doors):
        @asynccontextmanager
        async def lease(self) -> AsyncIterator[Door]:
            yield Judged(self.attempts)

    sampler = speaking(ScriptedEngine(say, encode=lambda text: [ord(letter) for letter in text]))
    sampler.pool = JudgedDoors()
    tasks = [task(number) for number in range(6)] + [task(6, delay=3600)]
    groups = collect(sampler, tasks, 8, enough=2)
    assert sum(group.informative for group in groups) >= 2
    assert all(group.task.seed < 6 for group in groups)


@pytest.mark.parametrize(("counted", "valid"), [(True, [True, False, False]), (False, [True, True, False])])
def test_a_turn_is_invalid_where_the_form_or_the_environment_says_so(
    counted: bool, valid: list[bool]
) -> None:
    class Odd:
        def __init__(self) -> None:
            self.actions = iter(["push", "pull", Invalid("push")])

        async def act(self, obs: str, info: Info, llm: LLM) -> str:
            return next(self.actions)

    (group,) = collect(Sampler(pool=Doors(), agent=Odd, env_validity=counted), [task(length=3)])
    turns = group.trajectories[0].turns
    assert [turn.valid for turn in turns] == valid
    assert {type(turn.action) for turn in turns} == {str}


def test_killing_a_worker_costs_a_counted_failure_and_nothing_else() -> None:
    tasks = [Task(env="turngym/Corridor-v0", seed=seed) for seed in range(4)]
    with Pool("turngym/Corridor-v0", workers=1, slots=4) as pool:
        sampler = Sampler(pool=pool, agent=RandomAgent, max_turns=10)
        calm = collect(sampler, tasks, 2, 3)

        class Murderer(RandomAgent):
            struck = False

            async def act(self, obs: str, info: Info, llm: LLM) -> str:
                if not Murderer.struck:
                    Murderer.struck = True
                    os.kill(pool.pids[0], signal.SIGKILL)
                return await super().act(obs, info, llm)

        sampler.agent = Murderer
        stormy = collect(sampler, tasks, 2, 3)
    failed = [episode for group in stormy for episode in group.failed]
    assert failed
    assert {episode.status for episode in failed} == {Status.ENV_ERROR}
    assert [group.trajectories for group in stormy] == [group.trajectories for group in calm]
