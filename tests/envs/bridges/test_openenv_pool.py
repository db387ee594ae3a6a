"""Several servers as one pool: some die, freeze, come back, refuse or are full."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs turngym[openenv]")

from tests.envs.served import Served

from turngym.agents.rollout import Sampler
from turngym.agents.scripted import ExpertAgent
from turngym.core.types import Status, Task
from turngym.envs import EnvFailure, PoolError
from turngym.envs.bridges.openenv_pool import OpenEnvPool
from turngym.envs.bridges.openenv_protocol import ServerError
from turngym.envs.bridges.openenv_server import serving

CORRIDOR = "turngym/Corridor-v0"


@pytest.fixture(scope="module")
def pair() -> Iterator[list[Served]]:
    started = [Served(CORRIDOR, "env.workers=1", "env.variants=1") for _ in range(2)]
    yield started
    for served in started:
        served.stop()


def pool(*served: Served, **options: Any) -> OpenEnvPool:
    return OpenEnvPool(
        CORRIDOR,
        {"length": 9, "expert": True},
        urls=[one.url for one in served],
        **{"slots": 2, "give_up": 30.0} | options,
    )


def play(made: OpenEnvPool, episodes: Callable[[OpenEnvPool], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with made:
            return await episodes(made)

    return asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


def test_leases_spread_over_the_servers(pair: list[Served]) -> None:
    async def episodes(made: OpenEnvPool) -> None:
        async with made.lease() as one, made.lease() as other:
            assert one._slot.host is not other._slot.host

    play(pool(*pair), episodes)


def test_a_dead_server_fails_its_episodes_while_the_others_go_on_until_it_is_back(pair: list[Served]) -> None:
    async def episodes(made: OpenEnvPool) -> None:
        async with made.lease() as one, made.lease() as other:
            await one.reset(seed=1)
            await other.reset(seed=1)
            dead = next(served for served in pair if served.url == one._slot.host.address.http)
            port = dead.port
            dead.stop()
            with pytest.raises(
                EnvFailure, match=rf"Corridor-v0 lost the OpenEnv server at .*:{port} in step: "
            ):
                await one.step("left")
            assert (await other.step("left"))[4]["valid"]
        async with made.lease() as first, made.lease() as second:
            assert first._slot.host is second._slot.host  # nobody is sent to the dead one
            await first.reset(seed=2)
            await second.reset(seed=2)
            pair[pair.index(dead)] = Served(CORRIDOR, "env.workers=1", "env.variants=1", port=port)
            await until(lambda: made.restarts == 1)
            async with made.lease() as third:
                assert third._slot.host is not first._slot.host
                await third.reset(seed=3)

    play(pool(*pair), episodes)


def test_the_episodes_of_a_dead_server_are_played_again_elsewhere(pair: list[Served]) -> None:
    tasks = [Task(env=CORRIDOR, seed=seed) for seed in range(4)]

    class Murderer(ExpertAgent):
        async def act(self, obs: str, info: Any, llm: Any) -> str:
            if not stopped:
                stopped.append(pair[0])
                os.kill(pair[0].process.pid, signal.SIGKILL)
                pair[0].process.wait()
            return await super().act(obs, info, llm)

    def collected(agent: type[ExpertAgent]) -> list[Any]:
        with pool(*pair) as made:
            return asyncio.run(Sampler(pool=made, agent=agent, max_turns=20).collect(tasks, 2, 3))

    stopped: list[Served] = []
    calm, port = collected(ExpertAgent), pair[0].port
    stormy = collected(Murderer)
    pair[0] = Served(CORRIDOR, "env.workers=1", "env.variants=1", port=port)
    failed = [episode for group in stormy for episode in group.failed]
    assert {episode.status for episode in failed} == {Status.ENV_ERROR}
    assert [group.trajectories for group in stormy] == [group.trajectories for group in calm]


def test_a_frozen_server_is_lost_after_the_timeout_and_back_when_it_thaws(pair: list[Served]) -> None:
    async def episodes(made: OpenEnvPool) -> None:
        async with made.lease() as env:
            await env.reset(seed=1)
            os.kill(pair[1].process.pid, signal.SIGSTOP)
            try:
                with pytest.raises(EnvFailure, match=r"in step: no sign of life for 1s"):
                    await env.step("left")
            finally:
                os.kill(pair[1].process.pid, signal.SIGCONT)
        await until(lambda: made.restarts == 1)
        async with made.lease() as env:
            await env.reset(seed=2)

    play(pool(pair[1], timeout=1.0), episodes)


@pytest.mark.slow
def test_a_server_that_was_restarted_between_two_episodes_is_not_missed(pair: list[Served]) -> None:
    async def episode(made: OpenEnvPool) -> str:
        async with made.lease() as env:
            return (await env.reset(seed=4))[0]

    with pool(pair[0]) as made:
        first, port = asyncio.run(episode(made)), pair[0].port
        pair[0].stop()
        pair[0] = Served(CORRIDOR, "env.workers=1", "env.variants=1", port=port)
        assert pair[0].url
        assert asyncio.run(episode(made)) == first


def test_a_run_without_any_server_stops(pair: list[Served]) -> None:
    async def episodes(made: OpenEnvPool) -> None:
        async with made.lease() as env:
            await env.reset(seed=1)
            port = pair[0].port
            pair[0].stop()
            with pytest.raises(EnvFailure, match="lost the OpenEnv server"):
                await env.step("left")
        with pytest.raises(PoolError, match=r"has no server left: .* cannot be reached .* start it"):
            async with made.lease() as env:
                pass
        pair[0] = Served(CORRIDOR, "env.workers=1", "env.variants=1", port=port)

    play(pool(pair[0], give_up=0.1), episodes)


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    with serving(CORRIDOR, port=0, workers=0, sessions=1, token="sesame", length=5) as url:
        yield url.replace("http://", "http://me:sesame@")


@pytest.mark.parametrize(
    ("env", "arguments", "complaint"),
    [
        (
            "turngym/Household-v0",
            {},
            "plays turngym/Corridor-v0, not turngym/Household-v0; start one with that id",
        ),
        (
            CORRIDOR,
            {"length": 6},
            r"plays .* with {'length': 5} .*, not also {'length': 6}; start it with env.var",
        ),
    ],
)
def test_a_server_of_something_else_is_refused(
    small: str, env: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ServerError, match=complaint):
        OpenEnvPool(env, arguments, urls=[small])


def test_arguments_that_the_environment_does_not_take_are_told_before_the_first_episode() -> None:
    with (
        serving(CORRIDOR, port=0, workers=0, variants=1) as url,
        pytest.raises(ServerError, match="does not take 'lenght'"),
    ):
        OpenEnvPool(CORRIDOR, {"lenght": 5}, urls=[url])


def test_a_set_of_arguments_that_nobody_plays_makes_place_for_another() -> None:
    async def episode(made: OpenEnvPool) -> str:
        async with made.lease() as env:
            return (await env.reset(seed=9))[0]

    with serving(CORRIDOR, port=0, workers=0, variants=1) as url:
        for length in (6, 7, 8):
            made = OpenEnvPool(CORRIDOR, {"length": length}, urls=[url])
            assert f"of {length}." in play(made, episode)
            time.sleep(0.2)  # the server hears of the goodbye a moment later


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"urls": ["http://127.0.0.1:9"]}, ServerError, "cannot be reached .* start it, or correct the url"),
        ({"urls": []}, ValueError, "different urls and slots >= 1"),
        ({"urls": ["http://a", "http://a"]}, ValueError, "different urls"),
    ],
)
def test_bad_urls_are_refused(options: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        OpenEnvPool(CORRIDOR, **options)


def test_a_wrong_token_is_refused(small: str) -> None:
    with pytest.raises(ServerError, match="this server asks for a token"):
        OpenEnvPool(CORRIDOR, {"length": 5}, urls=[small.replace("sesame", "simsalabim")])


def test_a_server_without_room_says_what_to_do(small: str) -> None:
    async def episodes(made: OpenEnvPool) -> None:
        async with made.lease() as one, made.lease() as other:
            await one.reset(seed=1)
            with pytest.raises(
                EnvFailure, match=r"found no room .*capacity.*more --sessions, or lower pool\.slots"
            ):
                await other.reset(seed=1)
            assert (await one.step("left"))[4]["valid"]

    play(OpenEnvPool(CORRIDOR, {"length": 5}, urls=[small], slots=2), episodes)
