"""A host of environments in another process: what it owes, how long it may take, and its death."""

from __future__ import annotations

import asyncio
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from turngym.envs.base import EnvFailure, Factory
from turngym.envs.lender import PoolError, Slot, settle
from turngym.envs.worker import HELLO, Host

BARREN_LIVES = 5
"""A host that died so many times in a row without one answer is given up."""

START = 60.0
"""Seconds a new host may take to import what it needs, where the time-out is shorter."""


class Local:
    """Environments in this process."""

    lives = 0
    up = True
    over = ""

    def __init__(self, name: str, factory: Factory) -> None:
        self.name = name
        self._host = Host(name, factory)

    def life(self) -> int:
        """Always the same."""
        return 0

    def attach(self, loop: asyncio.AbstractEventLoop, settled: Callable[[], None]) -> None:
        """Nothing to listen to."""

    async def ask(self, slot: Slot, command: str, *arguments: Any) -> Any:
        """Answer at once. Raises `EnvFailure`."""
        return self._host.answer(command, slot.index, *arguments)

    def hang_up(self) -> None:
        """Nobody waits."""

    def join(self) -> None:
        """Close the environments."""
        self._host.close()


@dataclass(eq=False, slots=True)
class _Request:
    slot: Slot
    command: str
    future: asyncio.Future[Any]


class Remote(ABC):
    """Environments that answer requests in their order, from a process that may die or hang.

    A subclass says how the process is started, heard, asked and ended; it calls `_ready`, `_deliver` and `_died`
    as it hears of them.
    """

    up = True

    def __init__(self, name: str, factory: bytes, timeout: float) -> None:
        self.name = name
        self.lives = 0
        """How often the process was replaced."""
        self.over = ""
        self._factory = factory
        self._timeout = timeout
        self._patience = max(timeout, START)
        self._barren = 0
        self._heard = 0.0
        self._numbers = count(HELLO + 1)
        self._owed: dict[int, _Request] = {}
        self._clock: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled: Callable[[], None] = lambda: None
        self._start()

    def life(self) -> int:
        """The same as long as the process is."""
        return self.lives

    def attach(self, loop: asyncio.AbstractEventLoop, settled: Callable[[], None]) -> None:
        """Listen in `loop`, and call `settled` whenever a slot may have become free."""
        self._ignore()
        self._loop, self._settled = loop, settled
        self._hear()

    async def ask(self, slot: Slot, command: str, *arguments: Any) -> Any:
        """Send a request and wait for its answer.

        Raises `EnvFailure` where the environment fails, `PoolError` where there is no process any more.
        """
        if self.over or self._loop is None:
            raise PoolError(self.over or f"{self.name} was asked outside of a lease")
        request = _Request(slot, command, self._loop.create_future())
        if not self._owed:
            self._heard = self._loop.time()
        number = next(self._numbers)
        self._owed[number] = request
        slot.owed += 1
        self._send(number, pickle.dumps((command, slot.index, *arguments)))
        self._watch()
        return await request.future

    def hang_up(self) -> None:
        """End the line, at which the process ends as soon as it is idle."""
        self._ignore()
        self._cut()
        self.over = "the pool is closed; make another"
        self._settle_all([PoolError("the pool was closed during an episode")] * len(self._owed))

    def join(self) -> None:
        """Wait a second for the process to end, and kill it otherwise."""
        self._end(grace=1.0)

    # The process and the line to it

    @abstractmethod
    def _start(self) -> None:
        """Start a process without environments."""

    @abstractmethod
    def _listen(self) -> None:
        """Hear the process in `_loop`."""

    @abstractmethod
    def _deafen(self) -> None:
        """Undo `_listen`; the loop is still open."""

    @abstractmethod
    def _send(self, number: int, body: bytes) -> None:
        """Send a request: the pickle of command, slot and arguments."""

    @abstractmethod
    def _cut(self) -> None:
        """Close the line."""

    @abstractmethod
    def _end(self, grace: float) -> str:
        """See the process end, by force after `grace` seconds, and tell how it ended."""

    def _answered(self) -> bool:
        """Whether an answer lies ready that the busy event loop has not come to."""
        return False

    def _epitaph(self, ending: str) -> str:
        """Why there is no next process; empty where there is."""
        return _given_up(self.name, ending) if self._barren >= BARREN_LIVES else ""

    def _hear(self) -> None:
        if self._loop and not self.over:
            self._heard = self._loop.time()
            self._listen()
            self._watch()

    def _ignore(self) -> None:
        if self._loop and not self._loop.is_closed() and not self.over:
            self._deafen()
        self._stop_clock()

    # Answers

    def _ready(self) -> None:
        self._patience = self._timeout
        self._stop_clock()
        self._watch()

    def _deliver(self, number: int, body: bytes) -> None:
        self._barren = 0
        request = self._owed.pop(number)
        request.slot.owed -= 1
        settle(request.future, _outcome(self.name, body))

    # Death

    def _watch(self) -> None:
        if self._loop and self._owed and self._clock is None:
            left = self._heard + self._patience - self._loop.time()
            self._clock = self._loop.call_later(left, self._look)

    def _stop_clock(self) -> None:
        if self._clock:
            self._clock.cancel()
            self._clock = None

    def _look(self) -> None:
        assert self._loop
        self._clock = None
        if self._owed and self._heard + self._patience <= self._loop.time():
            if self._answered():
                self._heard = self._loop.time()
            else:
                self._hung()
        self._watch()

    def _died(self) -> None:
        ending = self._replace(grace=1.0)
        self._fail(f"died in {request.command} ({ending})" for request in self._owed.values())

    def _hung(self) -> None:
        first, *others = self._owed.values()
        hung = f"did not answer {first.command} in {self._patience:g}s"
        self._replace(grace=0.0)
        self._fail([hung, *["lost its process: another environment in it hung" for _ in others]])

    def _replace(self, grace: float) -> str:
        """End the process and start the next, unless too many of them died without an answer."""
        self._ignore()
        self._cut()
        ending = self._end(grace)
        self.lives += 1
        self._barren += 1
        self.over = self._epitaph(ending)
        if not self.over:
            self._patience = max(self._timeout, START)
            self._start()
            self._hear()
        return ending

    def _fail(self, causes: Iterable[str]) -> None:
        self._settle_all([EnvFailure(f"{self.name} {cause}") for cause in causes])
        self._settled()

    def _settle_all(self, outcomes: Iterable[Exception]) -> None:
        for request, outcome in zip(self._owed.values(), outcomes, strict=True):
            request.slot.owed -= 1
            settle(request.future, outcome)
        self._owed.clear()


def pickled(name: str, factory: Factory) -> bytes:
    """The factory as bytes; raises `TypeError` where it does not pickle."""
    try:
        return pickle.dumps(factory)
    except Exception as error:
        raise TypeError(
            f"{name} cannot be sent to a worker process ({error}); "
            "give a class or function of a module, or workers=0 to stay in this process"
        ) from error


def _outcome(name: str, body: bytes) -> Any:
    try:
        value, failure = pickle.loads(body)
    except Exception as error:
        return EnvFailure(f"{name} returned what this process cannot read: {type(error).__name__}: {error}")
    return EnvFailure(*failure) if failure else value


def _given_up(name: str, ending: str) -> str:
    return (
        f"the worker process of {name} died {BARREN_LIVES} times in a row without one answer "
        f"({ending}); see its output above, and in a script make the pool under "
        "`if __name__ == '__main__':`"
    )
