"""A pool of environments behind turngym's OpenEnv servers, on other machines or this one."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import State

from turngym.core.types import Info
from turngym.envs.base import EnvFailure, Step
from turngym.envs.bridges.openenv_protocol import (
    ARGUMENTS,
    EXECUTOR,
    LONGEST_ANSWER,
    OURS,
    Address,
    ServerError,
    parsed,
    reason,
    short,
)
from turngym.envs.bridges.wire import plain, restored_info, well_formed
from turngym.envs.lender import Lender, PoolError, Slot

REST = 1.0
"""Seconds between two looks at a server that does not answer."""

CROWDED = 5.0
"""Seconds for which a session asks again at a server without room: one that was lost may not be over there yet."""


class OpenEnvPool(Lender):
    """`slots` environments at each of the servers, which `turngym serve ENV_ID` starts.

    env, arguments, kwargs: the environment's id and arguments. A server plays it with its own arguments, or with
        those of the run where it was started with `env.variants=N`.
    urls: the servers, `http://host:port`; leases spread over them.
    token: shown to each; one in a URL (`http://me:TOKEN@host:port`) goes first.
    slots: sessions at each server, which has to have as many for every pool that plays there.
    timeout: seconds without a sign of life after which a server is lost. How long an environment may take for
        an answer is the server's own `timeout`.
    give_up: seconds for which every server may be lost before the run stops.

    A lost server's episodes fail with `EnvFailure` and the others go on; it is looked at every second and lent
    again once it answers. The connections have a thread of their own, so that servers hear from this program also
    while it trains.

    Raises `ServerError` for a server that cannot be reached, plays another environment or refuses the arguments,
    `ValueError` for no URL, the same twice or a size below one.
    """

    elsewhere = True

    def __init__(
        self,
        env: str,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        urls: list[str],
        token: str | None = None,
        slots: int = 16,
        timeout: float = 60.0,
        give_up: float = 60.0,
        **kwargs: Any,
    ) -> None:
        if not urls or len({*urls}) < len(urls) or slots < 1:
            raise ValueError(
                f"the pool needs different urls and slots >= 1, got urls={urls} and slots={slots}"
            )
        wanted = {"id": env, "arguments": plain({**(arguments or {}), **kwargs})}
        hosts = [Server(wanted, Address(url, token), slots, timeout, give_up) for url in urls]
        for host in hosts:
            host.check()
        self._thread = Background()
        for host in hosts:
            host.work_in(self._thread)
        super().__init__(hosts, slots)

    def close(self) -> None:
        """End the sessions; the servers run on."""
        super().close()
        self._thread.end()


class Background:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="turngym servers", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Do the work there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def end(self) -> None:
        """Stop the thread and close the loop."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()


class Server:
    """The environments at one server, a session and so a connection to each."""

    def __init__(
        self, wanted: dict[str, Any], address: Address, slots: int, timeout: float, give_up: float
    ) -> None:
        self.name = str(wanted["id"])
        self.address = address
        self.timeout = timeout
        self.arguments = wanted["arguments"]
        self.lives = 0
        """How often the server was lost and came back."""
        self.up = True
        self.over = ""
        self._wanted = wanted
        self._give_up = give_up
        self._owing = threading.Lock()
        self._sessions = [Session(self) for _ in range(slots)]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled: Callable[[], None] = lambda: None
        self._looking: Future[None] | None = None

    def check(self) -> None:
        """Raises `ServerError` where the server is not there or does not play what is wanted."""
        try:
            self.address.fetch(EXECUTOR, self.timeout, self._wanted)
        except ValueError as error:
            raise ServerError(f"{self.address} is no turngym server ({error}); correct the url") from error

    def work_in(self, thread: Background) -> None:
        """Keep the connections in this thread."""
        self._thread = thread

    def life(self) -> int:
        """Always the same: a session knows by its connection whether its environment is still there."""
        return 0

    def attach(self, loop: asyncio.AbstractEventLoop, settled: Callable[[], None]) -> None:
        """Call `settled` in `loop` whenever a slot may have become free."""
        self._loop, self._settled = loop, settled

    async def ask(self, slot: Slot, command: str, *arguments: Any) -> Any:
        """Answer a request. Raises `EnvFailure`, and `PoolError` where the pool is closed."""
        if self._thread.loop.is_closed():
            raise PoolError("the pool is closed; make another")
        self._owe(slot, 1)
        asked = self._thread.submit(self._sessions[slot.index].ask(command, *arguments))
        asked.add_done_callback(lambda _: self._owe(slot, -1))
        try:
            # A request whose episode was cancelled goes on, for its answer must not reach the next.
            return await asyncio.shield(asyncio.wrap_future(asked))
        except asyncio.CancelledError:
            if asked.cancelled():
                raise PoolError("the pool was closed during an episode") from None
            raise

    def hang_up(self) -> None:
        """End the sessions."""
        with suppress(Exception):
            self._thread.submit(self._end_all()).result(timeout=2.0)

    def join(self) -> None:
        """Nothing is left."""

    def lost(self) -> None:
        """Lend nothing here until the server answers again; called in the thread."""
        if self.up:
            self.up = False
            self._looking = self._thread.submit(self._look())

    async def failed(self, command: str) -> None:
        """After a failed reset, see whether the server has given up the environment for good."""
        if command == "reset":
            try:
                await asyncio.to_thread(self.check)
            except ServerError as error:
                self.over = _forlorn(self.name, error)
                self.lost()

    async def _look(self) -> None:
        """Ask after the server until it is back."""
        since = time.monotonic()
        while not self.up:
            try:
                await asyncio.to_thread(self.check)
            except ServerError as error:
                if time.monotonic() - since > self._give_up:
                    self.over = _forlorn(self.name, error)
                self._notify()
                await asyncio.sleep(REST)
            else:
                self.lives += 1
                self.up, self.over = True, ""
        self._notify()

    def _owe(self, slot: Slot, change: int) -> None:
        with self._owing:
            slot.owed += change
        if change < 0:
            self._notify()

    def _notify(self) -> None:
        with suppress(RuntimeError):  # A loop that has ended has nobody who waits.
            assert self._loop
            self._loop.call_soon_threadsafe(self._settled)

    async def _end_all(self) -> None:
        self.up = True
        if self._looking:
            self._looking.cancel()
        await asyncio.gather(*(session.end() for session in self._sessions))


class Crowded(EnvFailure):
    """The server has no room for another session."""


class Session:
    """One environment of a server, over a WebSocket that is opened when it is first reset."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket: ClientConnection | None = None
        self._turn = asyncio.Lock()
        self._asked: asyncio.Task[Any] | None = None

    async def ask(self, command: str, *arguments: Any) -> Any:
        """The answer to `reset` (seed, options) or `step` (action). Raises `EnvFailure`."""
        async with self._turn:
            self._asked = asyncio.current_task()
            try:
                return await (self._reset if command == "reset" else self._step)(*arguments)
            finally:
                self._asked = None

    async def end(self) -> None:
        """Hang up, also in the middle of a request."""
        if self._asked:
            self._asked.cancel()
        await self._hang_up()

    async def _reset(self, seed: int | None, options: dict[str, Any] | None) -> tuple[str, Info]:
        data = {**plain(options or {}), "seed": seed, ARGUMENTS: self._server.arguments}
        until = time.monotonic() + CROWDED
        while True:
            if self._socket is None or self._socket.state is not State.OPEN:
                await self._connect()
            try:
                obs, _, _, _, info = await self._exchange("reset", data)
            except Crowded:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)
            else:
                return obs, info

    async def _step(self, action: str) -> Step:
        return await self._exchange("step", {"text": well_formed(action)})

    async def _exchange(self, command: str, data: dict[str, Any]) -> Step:
        socket = self._socket
        if socket is None:
            raise self._gone(command, "the connection was lost")
        try:
            with suppress(ConnectionClosed):  # What it said before it hung up is still to be read.
                await socket.send(json.dumps({"type": command, "data": data}, ensure_ascii=False))
            failed, told = parsed(await socket.recv())
        except ConnectionClosed as error:
            await self._hang_up()
            self._server.lost()
            raise self._gone(command, self._cause(error)) from error
        except ValueError as error:
            await self._hang_up()
            raise self._gone(command, f"what it sent is no answer: {error}") from error
        if failed:
            raise await self._failure(command, told)
        return _transition(self._server, told)

    async def _connect(self) -> None:
        """Open a session."""
        await self._hang_up()
        server = self._server
        try:
            self._socket = await connect(
                server.address.ws,
                additional_headers=server.address.headers,
                open_timeout=server.timeout,
                close_timeout=1.0,
                ping_interval=server.timeout / 2,
                ping_timeout=server.timeout / 2,
                max_size=LONGEST_ANSWER,
                compression=None,
                proxy=None,
            )
        except InvalidStatus as error:
            told = reason(error.response.body, error.response.status_code)
            raise self._gone("reset", f"it refused: {told}") from error
        except (OSError, WebSocketException) as error:  # A TimeoutError is an OSError.
            server.lost()
            raise self._gone("reset", str(error) or type(error).__name__) from error

    async def _failure(self, command: str, told: dict[str, Any]) -> EnvFailure:
        """What the server reports: mostly what its own pool says of the environment."""
        message, code = str(told.get("message", "no reason told")), told.get("code")
        if code == "EXECUTION_ERROR":
            await self._server.failed(command)
            return EnvFailure(f"{message} (at {self._server.address.http})")
        await self._hang_up()
        if code == "CAPACITY_REACHED":
            return Crowded(
                f"{self._server.name} found no room at {self._server.address} ({message}); "
                "start it with more --sessions, or lower pool.slots"
            )
        return self._gone(command, message)

    def _gone(self, command: str, why: str) -> EnvFailure:
        return EnvFailure(f"{self._server.name} lost {self._server.address} in {command}: {why}")

    def _cause(self, error: ConnectionClosed) -> str:
        if error.sent and not error.rcvd:
            return f"no sign of life for {self._server.timeout:g}s"
        return error.rcvd.reason or str(error.rcvd) if error.rcvd else "the connection broke"

    async def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            with suppress(WebSocketException, OSError):
                await socket.send('{"type": "close"}')
                await socket.close()


def _forlorn(name: str, error: ServerError) -> str:
    return f"{name} has no server left: {error}"


def _transition(server: Server, told: dict[str, Any]) -> Step:
    observation = told.get("observation", {})
    if not observation.keys() >= OURS or not isinstance(observation["info"], dict):
        raise EnvFailure(f"{server.address} sent what is no turngym observation: {short(observation)}")
    return (
        str(observation["text"]),
        float(told.get("reward") or 0.0),
        bool(observation["terminated"]),
        bool(observation["truncated"]),
        restored_info(observation["info"]),
    )
