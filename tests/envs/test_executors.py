"""One table of failures and one set of episodes, wherever the environments run."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.envs.served import Served

from turngym.agents import LLM
from turngym.agents.rollout import Sampler
from turngym.agents.scripted import RandomAgent
from turngym.core.config import ConfigError, override
from turngym.core.registry import UnknownName
from turngym.core.types import Group, Info, Status, Task, Trajectory
from turngym.envs import EnvFailure, Lender, PoolError, executors

BROKEN = "tests/Broken-v0"
HOUSE = "turngym/Household-v0"
EXECUTORS = ["processes", "openenv", "ray"]
PACKAGES = {"openenv": "openenv", "ray": "ray"}


@dataclass
class Servers:
    """One server for each environment, started when it is first asked for."""

    running: dict[str, Served] = field(default_factory=dict)

    def url(self, env: str) -> str:
        if env not in self.running:
            name = f"broken_ids:{env}" if env == BROKEN else env
            options = ["env.timeout=0.7", "env.workers=1", "env.variants=3"]
            self.running[env] = Served(name, *options)
        return self.running[env].url


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    for served in servers.running.values():
        served.stop()


@pytest.fixture(scope="module", autouse=True)
def _everybody_finds_the_broken_environments() -> Iterator[None]:
    sys.path.insert(0, str(Path(__file__).parent))
    import_module("broken_ids")
    yield
    sys.path.remove(str(Path(__file__).parent))


Make = Callable[..., Lender]


@pytest.fixture(params=EXECUTORS)
def make(request: pytest.FixtureRequest, servers: Servers) -> Make:
    """Builds a pool of the executor under test: one process with `slots` environments."""
    if request.param in PACKAGES:
        pytest.importorskip(PACKAGES[request.param])
    return partial(pool, request.param, servers)


def pool(name: str, servers: Servers, env: str = BROKEN, slots: int = 1, **arguments: Any) -> Lender:
    own: dict[str, Any] = (
        {"urls": [servers.url(env)]} if name == "openenv" else {"workers": 1, "timeout": 0.7}
    )
    made: Lender = executors.registry.get(name)(env, arguments, slots=slots, **own)
    return made


class Says:
    """An agent that says what it was given."""

    def __init__(self, *actions: str) -> None:
        self.actions = iter(actions)

    async def act(self, obs: str, info: Info, llm: LLM) -> str:
        return next(self.actions)


def episode(pool: Lender, actions: Sequence[str], options: dict[str, Any] | None = None) -> Trajectory:
    """The first attempt at an episode of these actions."""
    sampler = Sampler(
        pool=pool, agent=partial(Says, *actions), max_turns=len(actions), retries=0, max_failed=1.0
    )
    task = Task(env=BROKEN, seed=5, options=options)
    (group,) = asyncio.run(sampler.collect([task], 1, 0))
    return (group.trajectories + group.failed)[0]


def sentence(trajectory: Trajectory) -> str:
    """The error without its traceback and, for a server, without the address."""
    return re.sub(r" \(at http://[\d.:]+\)$", "", (trajectory.error or "").partition("\n")[0])


TABLE = {
    "raises": (["hello", "raise"], None, r"raised in step: ValueError: told to"),
    "dies": (["hello", "die"], None, r"died in step \((exit code 7|ActorDiedError)\)"),
    "hangs": (["hello", "hang"], None, r"did not answer step in 0\.7s"),
    "a bad reset": (["hello"], {"do": "raise"}, r"raised in reset: ValueError: told to"),
    "dies in the reset": (["hello"], {"do": "die"}, r"died in reset \((exit code 7|ActorDiedError)\)"),
    "an unknown task": (["hello"], {"task": "nowhere"}, r"raised in reset: KeyError: 'do'"),
    "a secret": (["secret"], None, r"returned info\['secret'\], which cannot be sent between processes: .*"),
}


@pytest.mark.parametrize("failure", TABLE)
def test_a_failure_is_an_episode_of_its_own_and_the_next_plays(make: Make, failure: str) -> None:
    actions, options, error = TABLE[failure]
    with make() as pool:
        assert episode(pool, ["hello"]).status is Status.TURN_LIMIT
        failed = episode(pool, actions, options)
        assert failed.status is Status.ENV_ERROR
        assert re.fullmatch(rf"{BROKEN} {error}", sentence(failed))
        after = episode(pool, ["hello", "hello"])
        assert (after.status, after.error, after.final_obs) == (Status.TURN_LIMIT, None, "5: hello")


def test_a_slow_queue_is_no_hang(make: Make) -> None:
    with make(slots=4) as pool:
        sampler = Sampler(pool=pool, agent=partial(Says, "dawdle"), max_turns=1)
        (group,) = asyncio.run(sampler.collect([Task(env=BROKEN, seed=1)], 4, 0))
        assert [one.final_obs for one in group.trajectories] == ["1: dawdle"] * 4
        assert group.failed == []
        assert pool.restarts == 0


def test_an_environment_that_cannot_be_built_says_why(make: Make) -> None:
    with make(kind="Unbuildable") as pool:
        for _ in range(7):
            failed = episode(pool, ["hello"])
            assert failed.status is Status.ENV_ERROR
            assert sentence(failed) == f"{BROKEN} could not be built: OSError: no such house"
        assert pool.restarts == 0


def test_a_hang_costs_no_episode_of_another_environment_its_result(make: Make) -> None:
    async def both(pool: Lender) -> list[Any]:
        async with pool.lease() as first, pool.lease() as other:
            await first.reset(seed=1)
            await other.reset(seed=2)
            asked = asyncio.gather(first.step("hang"), other.step("hello"), return_exceptions=True)
            answers = [str(answer) for answer in await asked]
            return [*answers, (await first.reset(seed=3))[0], (await other.reset(seed=4))[0]]

    with make(slots=2) as pool:
        hung, neighbour, *after = asyncio.run(both(pool))
    assert f"{BROKEN} did not answer step in 0.7s" in hung
    assert "lost its process: another environment in it hung" in neighbour
    assert after == ["seed 3", "seed 4"]


def test_a_cancelled_episode_leaves_no_answer_for_the_next(make: Make) -> None:
    async def cancelled(pool: Lender) -> None:
        async with pool.lease() as env:
            await env.reset(seed=1)
            await env.step("dawdle")

    async def episodes(pool: Lender) -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cancelled(pool), 0.15)
        async with pool.lease() as env:
            assert (await env.reset(seed=2))[0] == "seed 2"
            assert (await env.step("hello"))[0] == "2: hello"

    with make() as pool:
        asyncio.run(episodes(pool))
        assert pool.restarts == 0


def test_a_step_before_a_reset_is_refused(make: Make) -> None:
    async def early(pool: Lender) -> None:
        async with pool.lease() as env:
            with pytest.raises(EnvFailure, match="has to be reset before a step"):
                await env.step("hello")

    with make() as pool:
        asyncio.run(early(pool))


def test_an_environment_that_kills_its_process_again_and_again_stops_the_run(make: Make) -> None:
    failures: list[str] = []

    def play() -> None:
        for _ in range(8):
            failures.append(sentence(episode(pool, ["hello"])))

    with (
        make(kind="Fatal") as pool,
        pytest.raises(PoolError, match="died 5 times in a row without one answer"),
    ):
        play()
    assert {re.sub(r"\(.*\)", "(...)", failure) for failure in failures[:5]} == {
        f"{BROKEN} died in reset (...)"
    }


def test_closing_a_pool_ends_those_who_wait(make: Make) -> None:
    async def wait(pool: Lender) -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            await env.step("dawdle")

    async def closed() -> list[Any]:
        pool = make()
        async with pool.lease() as env:
            await env.reset(seed=0)
        tasks = [asyncio.create_task(wait(pool)) for _ in range(2)]
        await asyncio.sleep(0.15)
        pool.close()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in asyncio.run(closed())] == [PoolError] * 2


def household(make: Make, **arguments: Any) -> list[Group]:
    with make(HOUSE, slots=4, **arguments) as pool:
        sampler = Sampler(pool=pool, agent=RandomAgent, max_turns=12)
        tasks = [Task(env=HOUSE, seed=seed) for seed in range(5)]
        return asyncio.run(sampler.collect(tasks, 3, 7))


@pytest.mark.parametrize(
    "arguments", [{"size": "tiny"}, {"size": "tiny", "wrap": [{"name": "scale_reward", "factor": 3.0}]}]
)
def test_the_episodes_are_the_same_wherever_they_are_played(
    make: Make, servers: Servers, arguments: dict[str, Any]
) -> None:
    arguments = {"size": "tiny", "expert": True, **arguments}
    assert household(make, **arguments) == household(partial(pool, "processes", servers), **arguments)


@pytest.mark.slow
def test_a_training_run_is_the_same_on_every_executor(make: Make, servers: Servers, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.trainers.test_run import CORRIDOR

    from turngym.trainers.run import train_run

    run = override(CORRIDOR, ["loop.steps=2", "loop.threads=1", "env.name=Corridor-v0"])
    train_run(run, tmp_path / "here")
    section: dict[str, Any] = {"name": make.args[0], "slots": 16}  # type: ignore[attr-defined]
    if section["name"] == "openenv":
        section["urls"] = [servers.url("turngym/Corridor-v0")]
    train_run(run | {"pool": section}, tmp_path / "there")
    assert _episodes(tmp_path / "there") == _episodes(tmp_path / "here")


def _episodes(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]
    assert lines
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_an_unknown_executor_and_a_wrong_key_are_told_in_one_sentence() -> None:
    with pytest.raises(UnknownName, match="no plug-in for executors is called 'rai'; did you mean 'ray'"):
        executors.pool({"name": "rai"}, "turngym/Corridor-v0", {})
    with pytest.raises(ConfigError, match=r"\[pool\] has no key 'worker'; did you mean 'workers'"):
        executors.pool({"worker": 2}, "turngym/Corridor-v0", {})


def test_an_argument_of_the_environment_may_be_called_as_one_of_the_pools() -> None:
    with executors.pool({"workers": 0}, BROKEN, {"kind": "Obedient", "timeout": 3.0}) as pool:
        assert episode(pool, ["hello"]).final_obs == "5: hello"
