"""A pool of environments in worker processes, each leased to one episode at a time."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from turngym.core.types import Info
from turngym.envs.base import EnvFailure, Factory, Step
from turngym.envs.registration import factory as find_factory
from turngym.envs.remote import Local, PoolError, Remote, Slot, pickled, settle


class Pool:
    """`workers` processes with `slots` environments each, kept from episode to episode.

        async with Pool("turngym/Corridor-v0", workers=2, slots=8) as pool, pool.lease() as env:
            obs, info = await env.reset(seed=0)
            obs, reward, terminated, truncated, info = await env.step("left")

    `env` is an id or a picklable factory, `kwargs` its arguments. The environments of one process take turns:
    many slots suit a fast environment, one slot a slow one. `workers=0` keeps them in this process, for
    debugging and where a step is cheaper than a message; a hang or a crash there is the program's own.

    `timeout`: a process that owes an answer and gives none for so many seconds is killed and restarted.
    Processes are spawned, so a script makes its pool under `if __name__ == "__main__":`. Event loops may use
    the pool one after another (one `asyncio.run` per training step), not at once.

    Raises what `turngym.envs.factory` raises, `TypeError` for a factory that cannot be pickled, `ValueError`
    for a size below one.
    """

    def __init__(
        self, env: str | Factory, *, workers: int = 2, slots: int = 1, timeout: float = 60.0, **kwargs: Any
    ) -> None:
        if workers < 0 or slots < 1:
            raise ValueError(
                f"a pool needs workers >= 0 and slots >= 1, got workers={workers} and slots={slots}"
            )
        name = env if isinstance(env, str) else getattr(env, "__qualname__", repr(env))
        build = find_factory(env, **kwargs) if isinstance(env, str) else partial(env, **kwargs)
        self._remotes = _spawn(name, build, workers, timeout)
        hosts: Sequence[Remote | Local] = self._remotes or [Local(name, build)]
        self._slots = [Slot(host, index) for index in range(slots) for host in hosts]
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def size(self) -> int:
        """How many episodes can run at once."""
        return len(self._slots)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers; none where the environments are in this process."""
        return [remote.pid for remote in self._remotes]

    @property
    def restarts(self) -> int:
        """How often a worker died or was killed, and came back."""
        return sum(remote.lives for remote in self._remotes)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """An environment for one episode; first come, first served.

        A slot given back in the middle of a request, as by a cancelled episode, stays taken until the
        environment has answered or its process was restarted.
        """
        self._attach()
        slot = self._take() or await self._wait()
        try:
            yield Lease(slot)
        finally:
            slot.leased = False
            self._offer()

    def close(self) -> None:
        """End the processes. Whoever still waits for a lease or an answer gets `PoolError`."""
        self._closed = True
        for future in self._waiting:
            settle(future, PoolError("the pool was closed while an episode waited for an environment"))
        for remote in self._remotes:
            remote.hang_up()
        for remote in self._remotes:
            remote.join()
        for slot in self._slots:
            if isinstance(slot.host, Local):
                slot.host.discard(slot)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Pool:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _attach(self) -> None:
        """Listen in the running event loop from here on."""
        loop = asyncio.get_running_loop()
        if self._closed:
            raise PoolError("the pool is closed; make another")
        if loop is self._loop:
            return
        if self._loop is not None and self._loop.is_running():
            raise PoolError("the pool is in use by another running event loop; make one pool for each")
        self._loop = loop
        self._waiting.clear()
        for remote in self._remotes:
            remote.attach(loop, self._offer)

    def _take(self) -> Slot | None:
        """A free slot of the process with the fewest busy ones."""
        busy = Counter(slot.host for slot in self._slots if not slot.free)
        slot = min(
            (slot for slot in self._slots if slot.free), key=lambda slot: busy[slot.host], default=None
        )
        if slot:
            slot.leased = True
        return slot

    async def _wait(self) -> Slot:
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled():
                future.result().leased = False
                self._offer()
            raise

    def _offer(self) -> None:
        """Hand free slots to those who wait."""
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
            elif slot := self._take():
                self._waiting.popleft().set_result(slot)
            else:
                return


class Lease:
    """An environment in a pool as one episode holds it; an `EnvHandle`.

    After a failure, or a request that was cancelled, it has to be reset.
    """

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._life: int | None = None

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, Info]:
        """Start an episode.

        Raises `EnvFailure` where the environment cannot be built, raises, dies or hangs, `PoolError` where
        its process dies again and again.
        """
        self._life = self._slot.host.lives
        return cast(tuple[str, Info], await self._ask("reset", seed, options))

    async def step(self, action: str) -> Step:
        """One transition; raises as `reset` does, and `EnvFailure` where a reset is due."""
        host = self._slot.host
        if self._life is None:
            raise EnvFailure(f"{host.name} has to be reset before a step")
        if self._life != host.lives:
            self._life = None
            raise EnvFailure(f"{host.name} lost its process between two steps; the process was restarted")
        return cast(Step, await self._ask("step", action))

    async def _ask(self, command: str, *arguments: Any) -> Any:
        try:
            return await self._slot.host.ask(self._slot, command, *arguments)
        except BaseException:
            self._life = None
            raise


def _spawn(name: str, build: Factory, workers: int, timeout: float) -> list[Remote]:
    body = pickled(name, build) if workers else b""
    return [Remote(name, body, timeout) for _ in range(workers)]
