from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core.registry import load
from turngym.envs import EnvFailure, Pool, PoolError
from turngym.envs.worker import Frames, frame


@pytest.fixture(autouse=True)
def _workers_find_the_broken_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def play(pool: Pool, episodes: Callable[[], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with pool:
            return await episodes()

    return asyncio.run(run())


def obedient(**kwargs: Any) -> Pool:
    return Pool(load("broken_envs:Obedient"), **kwargs)


# Working as it should


def test_an_episode_runs_in_a_worker_process() -> None:
    pool = obedient(workers=1)

    async def episode() -> None:
        async with pool.lease() as env:
            obs, info = await env.reset(seed=4)
            assert obs == "seed 4"
            assert info["pid"] == pool.pids[0] != os.getpid()
            assert (await env.step("hello"))[:4] == ("4: hello", 0.0, False, False)

    play(pool, episode)


def test_environments_are_kept_from_episode_to_episode() -> None:
    pool = obedient(workers=1)

    async def episodes() -> None:
        for seed in range(3):
            async with pool.lease() as env:
                _, info = await env.reset(seed=seed)
                assert info["environment"] == 1

    play(pool, episodes)


def test_leases_spread_over_the_processes() -> None:
    pool = obedient(workers=2, slots=3)

    async def episodes() -> None:
        async with pool.lease() as one, pool.lease() as other:
            assert (await one.reset(seed=0))[1]["pid"] != (await other.reset(seed=0))[1]["pid"]

    play(pool, episodes)


def test_leases_are_handed_out_in_the_order_of_asking() -> None:
    pool = obedient(workers=1)
    order: list[int] = []

    async def episode(number: int) -> None:
        async with pool.lease() as env:
            await env.reset(seed=number)
            order.append(number)

    async def episodes() -> None:
        await asyncio.gather(*(episode(number) for number in range(5)))

    play(pool, episodes)
    assert order == [0, 1, 2, 3, 4]


def test_many_episodes_at_once_get_their_own_answers() -> None:
    pool = Pool("turngym/Corridor-v0", workers=2, slots=16, length=9, expert=True)

    async def episode(seed: int) -> bool:
        async with pool.lease() as env:
            _, info = await env.reset(seed=seed)
            terminated = False
            while not terminated:
                _, _, terminated, _, info = await env.step(info["expert"])
            return bool(info["success"])

    async def episodes() -> list[bool]:
        return await asyncio.gather(*(episode(seed) for seed in range(100)))

    assert play(pool, episodes) == [True] * 100


def test_a_message_larger_than_any_buffer_arrives() -> None:
    pool = obedient(workers=1)

    async def episode() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            word = "x" * 3_000_000
            assert (await env.step(word))[0] == f"0: {word}"

    play(pool, episode)


@given(bodies=st.lists(st.binary(max_size=40)), cuts=st.lists(st.integers(0, 200)))
def test_messages_survive_any_cutting_of_the_stream(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(number, body) for number, body in enumerate(bodies))
    frames = Frames()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    received = [message for left, right in pairwise(edges) for message in frames.feed(stream[left:right])]
    assert received == list(enumerate(bodies))


def test_a_pool_serves_one_event_loop_after_another() -> None:
    async def episode(seed: int) -> str:
        async with pool.lease() as env:
            return (await env.reset(seed=seed))[0]

    with obedient(workers=1) as pool:
        pid = pool.pids
        assert [asyncio.run(episode(seed)) for seed in range(3)] == ["seed 0", "seed 1", "seed 2"]
        assert pool.pids == pid


def test_two_running_event_loops_cannot_share_a_pool() -> None:
    async def intruder() -> None:
        with pytest.raises(PoolError, match="another running event loop"):
            async with pool.lease():
                pass

    async def host() -> None:
        async with pool.lease():
            await asyncio.to_thread(lambda: asyncio.run(intruder()))

    with obedient(workers=1) as pool:
        asyncio.run(host())


def test_a_pool_without_workers_plays_in_this_process() -> None:
    pool = Pool(lambda: load("broken_envs:Obedient")(), workers=0, slots=2)

    async def episode() -> None:
        async with pool.lease() as env:
            assert (await env.reset(seed=1))[1]["pid"] == os.getpid()
            with pytest.raises(EnvFailure, match="raised in step: ValueError: told to"):
                await env.step("raise")
            assert (await env.reset(seed=2))[0] == "seed 2"

    play(pool, episode)
    assert pool.pids == []


# Each row of the failure table


@pytest.mark.parametrize("command", ["reset", "step"])
def test_an_environment_that_raises_fails_its_episode_and_is_rebuilt(command: str) -> None:
    pool = obedient(workers=1)

    async def episodes() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            with pytest.raises(
                EnvFailure, match=f"Obedient raised in {command}: ValueError: told to"
            ) as caught:
                await (env.step("raise") if command == "step" else env.reset(seed=0, options={"do": "raise"}))
            assert 'raise ValueError("told to")' in caught.value.trace
        async with pool.lease() as env:
            assert (await env.reset(seed=0))[1] == {"pid": pool.pids[0], "environment": 2}

    play(pool, episodes)
    assert pool.restarts == 0


def test_a_process_that_dies_fails_its_episode_and_is_restarted() -> None:
    pool = obedient(workers=1)

    async def episodes() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            with pytest.raises(EnvFailure, match=r"Obedient died in step \(exit code 7\)"):
                await env.step("die")
        async with pool.lease() as env:
            assert (await env.reset(seed=5))[0] == "seed 5"

    play(pool, episodes)
    assert pool.restarts == 1


def test_a_process_that_hangs_fails_its_episode_and_is_restarted() -> None:
    pool = obedient(workers=1, timeout=0.5)

    async def episodes() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            with pytest.raises(EnvFailure, match=r"Obedient did not answer step in 0.5s"):
                await env.step("hang")
        async with pool.lease() as env:
            assert (await env.reset(seed=5))[0] == "seed 5"

    play(pool, episodes)
    assert pool.restarts == 1


def test_a_hang_fails_the_other_episodes_of_its_process() -> None:
    pool = obedient(workers=1, slots=3, timeout=0.5)

    async def episodes() -> None:
        async with pool.lease() as first, pool.lease() as busy, pool.lease() as idle:
            for env in (first, busy, idle):
                await env.reset(seed=0)
            failures = await asyncio.gather(first.step("hang"), busy.step("hello"), return_exceptions=True)
            assert "did not answer step" in str(failures[0])
            assert "lost its process: another environment in it hung" in str(failures[1])
            with pytest.raises(EnvFailure, match="lost its process between two steps"):
                await idle.step("hello")
            assert (await idle.reset(seed=1))[0] == "seed 1"

    play(pool, episodes)


def test_a_slow_queue_is_no_hang() -> None:
    pool = obedient(workers=1, slots=4, timeout=0.7)

    async def episode() -> str:
        async with pool.lease() as env:
            await env.reset(seed=0)
            return (await env.step("dawdle"))[0]

    async def episodes() -> list[str]:
        return await asyncio.gather(*(episode() for _ in range(4)))

    assert play(pool, episodes) == ["0: dawdle"] * 4
    assert pool.restarts == 0


def test_a_busy_event_loop_is_no_hang() -> None:
    pool = obedient(workers=1, timeout=0.3)

    async def episode() -> str:
        async with pool.lease() as env:
            await env.reset(seed=0)
            asyncio.get_running_loop().call_soon(time.sleep, 0.6)
            return (await env.step("hello"))[0]

    assert play(pool, episode) == "0: hello"
    assert pool.restarts == 0


def test_killing_a_worker_leaves_the_episodes_of_others_untouched() -> None:
    pool = obedient(workers=2)

    async def episodes() -> None:
        async with pool.lease() as one, pool.lease() as other:
            _, mine = await one.reset(seed=1)
            await other.reset(seed=2)
            await other.step("hello")
            os.kill(mine["pid"], signal.SIGKILL)
            with pytest.raises(EnvFailure, match=r"died in step|lost its process"):
                await one.step("hello")
            assert (await other.step("hello"))[4]["heard"] == 2
            assert (await one.reset(seed=3))[0] == "seed 3"

    play(pool, episodes)
    assert pool.restarts == 1


def test_an_environment_that_cannot_be_built_says_why() -> None:
    pool = Pool(load("broken_envs:Unbuildable"), workers=1)

    async def episodes() -> None:
        for _ in range(7):
            async with pool.lease() as env:
                with pytest.raises(
                    EnvFailure, match="Unbuildable could not be built: OSError: no such house"
                ) as caught:
                    await env.reset(seed=0)
                assert "__init__" in caught.value.trace

    play(pool, episodes)
    assert pool.restarts == 0


def test_a_factory_that_keeps_killing_its_process_is_given_up() -> None:
    pool = Pool(load("broken_envs:Fatal"), workers=1)

    async def episodes() -> None:
        for _ in range(5):
            async with pool.lease() as env:
                with pytest.raises(EnvFailure, match=r"Fatal died in reset \(exit code 3\)"):
                    await env.reset(seed=0)
        async with pool.lease() as env:
            with pytest.raises(PoolError, match="died 5 times in a row without one answer"):
                await env.reset(seed=0)

    play(pool, episodes)
    assert pool.restarts == 5


def test_an_info_that_does_not_pickle_is_named() -> None:
    pool = obedient(workers=1)

    async def episode() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            with pytest.raises(
                EnvFailure, match=r"returned info\['secret'\], which cannot be sent between processes"
            ):
                await env.step("secret")

    play(pool, episode)


def test_a_factory_that_does_not_pickle_is_refused() -> None:
    with pytest.raises(TypeError, match=r"cannot be sent to a worker process.*workers=0"):
        Pool(lambda: load("broken_envs:Obedient")(), workers=1)


def test_a_step_before_a_reset_is_refused() -> None:
    pool = obedient(workers=1)

    async def episode() -> None:
        async with pool.lease() as env:
            with pytest.raises(EnvFailure, match="has to be reset before a step"):
                await env.step("hello")

    play(pool, episode)


# Cancelled episodes


def test_a_cancelled_episode_leaves_no_answer_for_the_next() -> None:
    pool = obedient(workers=1)

    async def cancelled() -> None:
        async with pool.lease() as env:
            await env.reset(seed=1)
            await env.step("dawdle")

    async def episodes() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cancelled(), 0.1)
        async with pool.lease() as env:
            assert (await env.reset(seed=2))[0] == "seed 2"
            assert (await env.step("hello"))[0] == "2: hello"

    async def warm_up() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
        await episodes()

    play(pool, warm_up)
    assert pool.restarts == 0


def test_a_cancelled_step_needs_a_reset() -> None:
    pool = obedient(workers=1)

    async def episode() -> None:
        async with pool.lease() as env:
            await env.reset(seed=1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(env.step("dawdle"), 0.05)
            with pytest.raises(EnvFailure, match="has to be reset"):
                await env.step("hello")
            assert (await env.reset(seed=3))[0] == "seed 3"

    play(pool, episode)


def test_an_episode_cancelled_in_a_hang_holds_its_slot_until_the_process_is_killed() -> None:
    pool = obedient(workers=1, timeout=0.5)

    async def episodes() -> None:
        async with pool.lease() as env:
            await env.reset(seed=1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(env.step("hang"), 0.05)
        async with pool.lease() as env:
            assert pool.restarts == 1
            assert (await env.reset(seed=2))[0] == "seed 2"

    play(pool, episodes)


def test_a_cancelled_wait_for_a_lease_loses_no_slot() -> None:
    pool = obedient(workers=1)

    async def take() -> str:
        async with pool.lease() as env:
            return (await env.reset(seed=7))[0]

    async def episodes() -> str:
        async with pool.lease():
            waiting = asyncio.create_task(take())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        return await take()

    assert play(pool, episodes) == "seed 7"


def test_a_request_left_by_one_event_loop_does_not_disturb_the_next() -> None:
    async def abandon() -> None:
        async with pool.lease() as env:
            await env.reset(seed=1)
            asyncio.get_running_loop().call_later(0.05, asyncio.current_task().cancel)  # type: ignore[union-attr]
            await env.step("dawdle")

    async def episode() -> str:
        async with pool.lease() as env:
            return (await env.reset(seed=2))[0]

    with obedient(workers=1) as pool:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(abandon())
        assert asyncio.run(episode()) == "seed 2"


def test_a_worker_that_dies_between_two_event_loops_is_replaced() -> None:
    async def episode() -> str:
        async with pool.lease() as env:
            return (await env.reset(seed=2))[0]

    with obedient(workers=1) as pool:
        asyncio.run(episode())
        os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(EnvFailure, match="died in reset"):
            asyncio.run(episode())
        assert asyncio.run(episode()) == "seed 2"
        assert pool.restarts == 1


def test_under_any_mix_of_failures_an_episode_gets_its_own_answers_or_a_failure() -> None:
    pool = obedient(workers=2, slots=4, timeout=0.5)
    chance = random.Random(0)
    actions = ["hello"] * 300 + ["dawdle", "raise", "secret", "die", "hang"]
    outcomes: Counter[str] = Counter()

    async def episode(seed: int) -> str:
        async with pool.lease() as env:
            assert (await env.reset(seed=seed))[0] == f"seed {seed}"
            for turn in range(1, 11):
                obs, *_, info = await env.step(action := chance.choice(actions))
                assert (obs, info["heard"]) == (f"{seed}: {action}", turn)
            return "finished"

    async def recorded(seed: int) -> None:
        try:
            outcomes[await asyncio.wait_for(episode(seed), chance.choice([0.3, 30, 30]))] += 1
        except (EnvFailure, TimeoutError) as failure:
            outcomes[type(failure).__name__] += 1

    async def episodes() -> None:
        await asyncio.gather(*(recorded(seed) for seed in range(120)))
        for _ in range(pool.size):  # whatever happened, every slot is lent again
            async with pool.lease() as env:
                await env.reset(seed=0)

    play(pool, episodes)
    assert sum(outcomes.values()) == 120
    assert outcomes["finished"] > 0
    assert outcomes["EnvFailure"] > 0
    assert pool.restarts > 0


# Beginning and end


def test_closing_ends_the_processes_and_those_who_wait() -> None:
    pool = obedient(workers=2)

    async def wait() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            await env.step("hang")

    async def episodes() -> list[Any]:
        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0.1)
        pool.close()
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes = asyncio.run(episodes())
    assert [type(outcome) for outcome in outcomes] == [PoolError] * 3
    for pid in pool.pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_closed_pool_gives_no_lease() -> None:
    pool = obedient(workers=1)

    async def nothing() -> None:
        pass

    play(pool, nothing)

    async def episode() -> None:
        async with pool.lease():
            pass

    with pytest.raises(PoolError, match="the pool is closed"):
        asyncio.run(episode())


def test_workers_leave_ctrl_c_to_the_parent() -> None:
    pool = obedient(workers=1)

    async def episode() -> None:
        async with pool.lease() as env:
            await env.reset(seed=0)
            os.kill(pool.pids[0], signal.SIGINT)
            assert (await env.step("hello"))[0] == "0: hello"

    play(pool, episode)


@pytest.mark.parametrize(("workers", "slots"), [(-1, 1), (1, 0)])
def test_a_pool_of_no_size_is_refused(workers: int, slots: int) -> None:
    with pytest.raises(ValueError, match=f"workers={workers} and slots={slots}"):
        Pool("turngym/Corridor-v0", workers=workers, slots=slots)


def test_a_script_without_a_main_guard_ends_with_advice(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import asyncio\n"
        "from turngym.envs import EnvFailure, Pool\n"
        "async def main():\n"
        "    async with Pool('turngym/Corridor-v0', workers=1) as pool, pool.lease() as env:\n"
        "        for _ in range(9):\n"
        "            try:\n"
        "                await env.reset(seed=0)\n"
        "            except EnvFailure:\n"
        "                pass\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "if __name__ == '__main__':" in ended.stderr.strip().splitlines()[-1]
