"""Where a pool's environments live, as the pool sees it: a worker process, or this one."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from turngym.core.errors import UserError
from turngym.envs.base import EnvFailure, Factory
from turngym.envs.worker import HELLO, Frames, Host, frame, serve

BARREN_LIVES = 5
"""A process that died so many times in a row without one answer is given up."""

START = 60.0
"""Seconds a new process may take to import what it needs, where the time-out is shorter."""


class PoolError(UserError, RuntimeError):
    """The pool cannot go on. Unlike `EnvFailure` it is no episode's own, so a run stops with it."""


@dataclass(eq=False, slots=True)
class Slot:
    """The place of one environment in its host."""

    host: Remote | Local
    index: int
    leased: bool = False
    owed: int = 0
    """Requests without an answer; those of a cancelled episode outlive its lease."""

    @property
    def free(self) -> bool:
        """Whether an episode may have it."""
        return not self.leased and not self.owed


class Local:
    """Environments in this process."""

    lives = 0

    def __init__(self, name: str, factory: Factory) -> None:
        self.name = name
        self._host = Host(name, factory)

    async def ask(self, slot: Slot, command: str, *arguments: Any) -> Any:
        """Answer at once. Raises `EnvFailure`."""
        return self._host.answer(command, slot.index, *arguments)

    def discard(self, slot: Slot) -> None:
        """Close the slot's environment."""
        self._host.discard(slot.index)


@dataclass(eq=False, slots=True)
class _Request:
    slot: Slot
    command: str
    future: asyncio.Future[Any]


class Remote:
    """Environments in a worker process, which answers requests in their order."""

    def __init__(self, name: str, factory: bytes, timeout: float) -> None:
        self.name = name
        self.lives = 0
        """How often the process was replaced."""
        self._factory = factory
        self._timeout = timeout
        self._barren = 0
        self._over = ""
        self._numbers = count(HELLO + 1)
        self._owed: dict[int, _Request] = {}
        self._clock: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled: Callable[[], None] = lambda: None
        self._start()

    @property
    def pid(self) -> int:
        """The process id."""
        return cast(int, self._process.pid)

    def attach(self, loop: asyncio.AbstractEventLoop, settled: Callable[[], None]) -> None:
        """Listen in `loop`, and call `settled` whenever a slot may have become free."""
        self._ignore()
        self._loop, self._settled = loop, settled
        self._listen()

    async def ask(self, slot: Slot, command: str, *arguments: Any) -> Any:
        """Send a request and wait for its answer.

        Raises `EnvFailure` where the environment fails, `PoolError` where there is no process any more.
        """
        if self._over or self._loop is None:
            raise PoolError(self._over or f"{self.name} was asked outside of a lease")
        request = _Request(slot, command, self._loop.create_future())
        self._send(request, pickle.dumps((command, slot.index, *arguments)))
        return await request.future

    def hang_up(self) -> None:
        """Close the line, at which the process ends as soon as it is idle."""
        self._ignore()
        self._link.close()
        self._over = "the pool is closed; make another"
        self._settle_all([PoolError("the pool was closed during an episode")] * len(self._owed))

    def join(self, grace: float = 1.0) -> int | None:
        """Wait for the process to end, kill it after `grace` seconds, and return its exit code."""
        self._process.join(grace)
        self._process.kill()
        self._process.join()
        return self._process.exitcode

    # The process and the line to it

    def _start(self) -> None:
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        self._frames, self._unsent = Frames(), bytearray()
        self._patience = max(self._timeout, START)
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=serve, args=(theirs, self.name, self._factory), daemon=True)
        self._process.start()
        theirs.close()

    def _listen(self) -> None:
        if self._loop and not self._over:
            self._loop.add_reader(self._link, self._read)
            self._heard = self._loop.time()
            self._flush()
            self._watch()

    def _ignore(self) -> None:
        if self._loop and not self._loop.is_closed() and not self._over:
            self._loop.remove_reader(self._link)
            self._loop.remove_writer(self._link)
        self._stop_clock()

    # Requests out, answers in

    def _send(self, request: _Request, body: bytes) -> None:
        assert self._loop
        if not self._unsent:
            # What is asked in one turn of the event loop leaves in one system call.
            self._loop.call_soon(self._flush)
        if not self._owed:
            self._heard = self._loop.time()
        number = next(self._numbers)
        self._unsent += frame(number, body)
        self._owed[number] = request
        request.slot.owed += 1
        self._watch()

    def _flush(self) -> None:
        if not self._unsent or not self._loop:
            return
        try:
            del self._unsent[: self._link.send(self._unsent)]
            # The loop may have been busy since the request was made; its process has heard of it only here.
            self._heard = self._loop.time()
        except BlockingIOError:
            pass
        except OSError:
            return  # The process has died, which `_read` is about to see.
        if self._unsent:
            self._loop.add_writer(self._link, self._flush)
        else:
            self._loop.remove_writer(self._link)

    def _read(self) -> None:
        assert self._loop
        try:
            data = self._link.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._died()
            return
        self._heard = self._loop.time()
        for number, body in self._frames.feed(data):
            if number == HELLO:
                self._ready()
            else:
                self._deliver(number, body)
        self._settled()

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
            self._hung()
        self._watch()

    def _died(self) -> None:
        code = self._replace(grace=1.0)
        self._fail(f"died in {request.command} (exit code {code})" for request in self._owed.values())

    def _hung(self) -> None:
        first, *others = self._owed.values()
        hung = f"did not answer {first.command} in {self._patience:g}s"
        self._replace(grace=0.0)
        self._fail([hung, *["lost its process: another environment in it hung" for _ in others]])

    def _replace(self, grace: float) -> int | None:
        """End the process and start the next, unless too many of them died without an answer."""
        self._ignore()
        self._link.close()
        code = self.join(grace)
        self.lives += 1
        self._barren += 1
        if self._barren < BARREN_LIVES:
            self._start()
            self._listen()
        else:
            self._over = _given_up(self.name, code)
        return code

    def _fail(self, causes: Iterable[str]) -> None:
        self._settle_all([EnvFailure(f"{self.name} {cause}") for cause in causes])
        self._settled()

    def _settle_all(self, outcomes: Iterable[Exception]) -> None:
        for request, outcome in zip(self._owed.values(), outcomes, strict=True):
            request.slot.owed -= 1
            settle(request.future, outcome)
        self._owed.clear()


def settle(future: asyncio.Future[Any], outcome: Any) -> None:
    """Give a future its result or exception, if anybody can still receive it."""
    if future.done() or future.get_loop().is_closed():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


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


def _given_up(name: str, code: int | None) -> str:
    return (
        f"the worker process of {name} died {BARREN_LIVES} times in a row without one answer "
        f"(exit code {code}); see its output above, and in a script make the pool under "
        "`if __name__ == '__main__':`"
    )
