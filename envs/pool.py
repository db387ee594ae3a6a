"""A pool of environments in worker processes, each leased to one episode at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from turngym.envs.base import Factory
from turngym.envs.lender import Lease as Lease
from turngym.envs.lender import Lender
from turngym.envs.process import Process
from turngym.envs.registration import factory as find_factory
from turngym.envs.remote import Local, pickled


class Pool(Lender):
    """`workers` processes with `slots` environments each, kept from episode to episode.

        async with Pool("turngym/Corridor-v0", workers=2, slots=8) as pool, pool.lease() as env:
            obs, info = await env.reset(seed=0)
            obs, reward, terminated, truncated, info = await env.step("left")

    `env` is an id or a picklable factory, `kwargs` its arguments, and `arguments` the same for those that are
    named as the pool's own. The environments of one process take turns: many slots suit a fast environment, one
    slot a slow one. `workers=0` keeps them in this process, for debugging and where a step is cheaper than a
    message; a hang or a crash there is the program's own.

    `timeout`: a process that owes an answer and gives none for so many seconds is killed and restarted.
    Processes are spawned, so a script makes its pool under `if __name__ == "__main__":`. Event loops may use
    the pool one after another (one `asyncio.run` per training step), not at once.

    Raises what `turngym.envs.factory` raises, `TypeError` for a factory that cannot be pickled, `ValueError`
    for a size below one.
    """

    def __init__(
        self,
        env: str | Factory,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        workers: int = 2,
        slots: int = 1,
        timeout: float = 60.0,
        **kwargs: Any,
    ) -> None:
        if workers < 0 or slots < 1:
            raise ValueError(
                f"a pool needs workers >= 0 and slots >= 1, got workers={workers} and slots={slots}"
            )
        name, build = named(env, {**(arguments or {}), **kwargs})
        self._processes = _spawn(name, build, workers, timeout)
        super().__init__(self._processes or [Local(name, build)], slots)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers; none where the environments are in this process."""
        return [process.pid for process in self._processes]


def named(env: str | Factory, arguments: Mapping[str, Any]) -> tuple[str, Factory]:
    """What an environment is called in messages, and what builds it."""
    if isinstance(env, str):
        return env, find_factory(env, **arguments)
    return getattr(env, "__qualname__", repr(env)), partial(env, **arguments)


def _spawn(name: str, build: Factory, workers: int, timeout: float) -> list[Process]:
    body = pickled(name, build) if workers else b""
    return [Process(name, body, timeout) for _ in range(workers)]
