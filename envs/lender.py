"""Lends environments, wherever they run, each to one episode at a time."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast

from turngym.core.errors import UserError
from turngym.core.types import Info
from turngym.envs.base import EnvFailure, Step


class PoolError(UserError, RuntimeError):
    """The pool cannot go on. Unlike `EnvFailure` it is no episode's own, so a run stops with it."""


class HostHandle(Protocol):
    """What a lender holds of a host: a worker process, a Ray actor, a server, or this process."""

    name: str
    """The environment's, for messages."""

    @property
    def lives(self) -> int:
        """How often the host was replaced or came back."""
        ...

    @property
    def up(self) -> bool:
        """Whether episodes may be sent there."""
        ...

    @property
    def over(self) -> str:
        """Why the host was given up; empty while it was not."""
        ...

    def life(self) -> int:
        """What differs once the host has lost its environments without anybody being told."""
        ...

    def attach(self, loop: asyncio.AbstractEventLoop, settled: Callable[[], None]) -> None:
        """Work in `loop`, and call `settled` whenever a slot may have become free."""
        ...

    async def ask(self, slot: Slot, command: str, *arguments: Any) -> Any:
        """Answer `reset` (seed, options) or `step` (action); raises `EnvFailure` or `PoolError`."""
        ...

    def hang_up(self) -> None:
        """Take no more requests; whoever waits for an answer gets `PoolError`."""
        ...

    def join(self) -> None:
        """Wait until all that the host occupies is given back."""
        ...


@dataclass(eq=False, slots=True)
class Slot:
    """The place of one environment in its host."""

    host: HostHandle
    index: int
    leased: bool = False
    owed: int = 0
    """Requests without an answer; those of a cancelled episode outlive its lease."""

    @property
    def busy(self) -> bool:
        """Whether an episode has it, or its environment is still at work."""
        return self.leased or self.owed > 0


class Lender:
    """Lends the slots of its hosts: what every executor has in common.

    Event loops may use it one after another (one `asyncio.run` per training step), not at once.
    """

    elsewhere = False
    """Whether others build the environments, so that this machine needs none of what they need."""

    def __init__(self, hosts: Sequence[HostHandle], slots: int) -> None:
        self._hosts = hosts
        self._slots = [Slot(host, index) for index in range(slots) for host in hosts]
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def size(self) -> int:
        """How many episodes can run at once."""
        return len(self._slots)

    @property
    def idle(self) -> bool:
        """Whether no episode is played."""
        return not any(slot.busy for slot in self._slots)

    @property
    def restarts(self) -> int:
        """How often a host died, was killed or was lost, and came back."""
        return sum(host.lives for host in self._hosts)

    @property
    def over(self) -> str:
        """Why a host was given up; empty while none was."""
        return next((host.over for host in self._hosts if host.over), "")

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """An environment for one episode; first come, first served.

        A slot given back in the middle of a request, as by a cancelled episode, stays taken until the
        environment has answered or its host was restarted. Raises `PoolError` where no host is left.
        """
        self._attach()
        slot = self._take() or await self._wait()
        try:
            yield Lease(slot)
        finally:
            slot.leased = False
            self._offer()

    def close(self) -> None:
        """End the hosts. Whoever still waits for a lease or an answer gets `PoolError`."""
        self._closed = True
        for future in self._waiting:
            settle(future, PoolError("the pool was closed while an episode waited for an environment"))
        for host in self._hosts:
            host.hang_up()
        for host in self._hosts:
            host.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _attach(self) -> None:
        """Work in the running event loop from here on."""
        loop = asyncio.get_running_loop()
        if self._closed:
            raise PoolError("the pool is closed; make another")
        if loop is self._loop:
            return
        if self._loop is not None and self._loop.is_running():
            raise PoolError("the pool is in use by another running event loop; make one pool for each")
        self._loop = loop
        self._waiting.clear()
        for host in self._hosts:
            host.attach(loop, self._offer)

    def _take(self) -> Slot | None:
        """A free slot of the host with the fewest busy ones."""
        busy = Counter(slot.host for slot in self._slots if slot.busy)
        free = (slot for slot in self._slots if not slot.busy and slot.host.up)
        slot = min(free, key=lambda slot: busy[slot.host], default=None)
        if slot:
            slot.leased = True
        return slot

    async def _wait(self) -> Slot:
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._despair()
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
                self._despair()
                return

    def _despair(self) -> None:
        """Tell those who wait that nothing will come, where every host is down and given up."""
        if all(host.over and not host.up for host in self._hosts):
            while self._waiting:
                settle(self._waiting.popleft(), PoolError(self.over))


class Lease:
    """An environment as one episode holds it; an `EnvHandle`.

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
        its host dies again and again.
        """
        self._life = self._slot.host.life()
        return cast(tuple[str, Info], await self._ask("reset", seed, options))

    async def step(self, action: str) -> Step:
        """One transition; raises as `reset` does, and `EnvFailure` where a reset is due."""
        host = self._slot.host
        if self._life is None:
            raise EnvFailure(f"{host.name} has to be reset before a step")
        if self._life != host.life():
            self._life = None
            raise EnvFailure(f"{host.name} lost its process between two steps; the process was restarted")
        return cast(Step, await self._ask("step", action))

    async def _ask(self, command: str, *arguments: Any) -> Any:
        try:
            return await self._slot.host.ask(self._slot, command, *arguments)
        except BaseException:
            self._life = None
            raise


def settle(future: asyncio.Future[Any], outcome: Any) -> None:
    """Give a future its result or exception, if anybody can still receive it."""
    if future.done() or future.get_loop().is_closed():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
