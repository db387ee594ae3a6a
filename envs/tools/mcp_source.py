"""The tools of a running MCP server, started as a command or reached over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import tempfile
import threading
import weakref
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeVar

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import CONNECTION_CLOSED

from turngym.core.errors import UserError
from turngym.envs.bridges.wire import plain
from turngym.envs.tools.tool import Tool, Toolbox, ToolError

PAGES = 100
"""So many pages of a server's list of tools are read."""

GOODBYE = 10.0
"""Seconds that a server may take to end, after which it is left to itself."""

Server = str | Sequence[str]
"""Where a server is: a URL of its streamable HTTP endpoint, or the command that starts it."""

GONE = (CONNECTION_CLOSED,)
"""Errors that the client itself reports of a connection."""

T = TypeVar("T")


class SourceError(UserError, RuntimeError):
    """An MCP server is not there, does not start or has died; the message says which, and its last words."""


class MCPSource:
    """A session with an MCP server, for callers that do not await.

    server: `http://host:port/mcp`, or a command, as a list or as one line, that speaks MCP on its standard streams.
    env, cwd: of the command; it inherits nothing of this process's environment but `PATH`, `HOME` and the like.
    token: sent as `Authorization: Bearer TOKEN` to a URL.
    timeout: seconds for each call.
    start: seconds for the start.

    What a tool refuses, and a call that takes longer than `timeout`, is told to the model as `Error: ...`. A
    server that is gone is no fault of the model: `SourceError` is raised.
    """

    def __init__(
        self,
        server: Server,
        *,
        env: dict[str, str] | None = None,
        cwd: str | Path | None = None,
        token: str | None = None,
        timeout: float = 60.0,
        start: float = 60.0,
    ) -> None:
        self.name = " ".join((server if isinstance(server, str) else shlex.join(server)).split())[:200]
        self._timeout = timeout
        self._words: TextIO = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the session)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"MCP {self.name[:40]}", daemon=True
        )
        self._thread.start()
        self._hold = _Hold(partial(_client, server, env, cwd, token, self._words))
        self._end = weakref.finalize(self, _end, self._hold, self._loop, self._thread, self._words)
        self.toolbox = self._open(start)

    def close(self) -> None:
        """End the session; a server that was started here ends with it."""
        self._end()

    def __enter__(self) -> MCPSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, timeout: float) -> Toolbox:
        try:
            self._await(self._hold.open(timeout), timeout + GOODBYE)
            return Toolbox(self._tool(listed) for listed in self._await(self._list(), timeout))
        except Exception as error:
            problem = self._told("did not start", error)
            self.close()
            raise SourceError(problem) from error

    def _tool(self, listed: Any) -> Tool:
        return Tool(
            name=listed.name,
            description=listed.description or "",
            parameters=listed.input_schema,
            function=partial(self._call, listed.name),
        )

    async def _list(self) -> list[Any]:
        """All tools, page by page."""
        tools: list[Any] = []
        cursor = None
        for _ in range(PAGES):
            page = await self._hold.client.list_tools(cursor=cursor)
            tools += page.tools
            cursor = page.next_cursor
            if cursor is None:
                break
        return tools

    def _call(self, _name: str, /, **arguments: Any) -> str:
        """A tool's answer as text; raises `ToolError` where the server refuses or takes too long."""
        if not self._end.alive:
            raise SourceError(f"the MCP server {self.name!r} was closed; make a new source")
        try:
            result = self._await(self._hold.client.call_tool(_name, plain(arguments)))
        except TimeoutError:
            raise ToolError(f"{_name} did not answer in {self._timeout:g}s") from None
        except MCPError as error:
            if error.code in GONE:
                raise SourceError(self._told(f"died during {_name}", error)) from error
            raise ToolError(error.message) from error
        except Exception as error:
            raise SourceError(self._told(f"failed during {_name}", error)) from error
        text = said(result)
        if result.is_error:
            raise ToolError(text.removeprefix("Error: ") or f"{_name} failed")
        return text

    def _await(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Wait for the session's own thread; raises `TimeoutError`."""
        limited = asyncio.wait_for(work, timeout or self._timeout)
        future: Future[T] = asyncio.run_coroutine_threadsafe(limited, self._loop)
        return future.result()

    def _told(self, what: str, error: BaseException) -> str:
        """What happened and why, and the last line that the server wrote to its standard error."""
        lines = _tail(self._words).strip().splitlines()
        last = f"; its last words were {lines[-1][:300]!r}" if lines else ""
        why = " ".join(_innermost(error).split())[:300]
        return f"the MCP server {self.name!r} {what}: {why}{last}"


class _Hold:
    """Keeps a client open in one task, as its cancel scopes demand, while others use it."""

    def __init__(self, connect: Any) -> None:
        self._connect = connect
        self._leave = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.client: Any = None

    async def open(self, timeout: float) -> None:
        """Returns when the client is ready; raises what its opening raised."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(ready, timeout))
        await ready

    async def close(self) -> None:
        """Returns when the client is closed."""
        self._leave.set()
        if self._task:
            await asyncio.wait([self._task], timeout=GOODBYE)

    async def _keep(self, ready: asyncio.Future[None], timeout: float) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(timeout):
                    self.client = await stack.enter_async_context(self._connect())
                ready.set_result(None)
                await self._leave.wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)


def is_url(server: str) -> bool:
    """Whether a server is reached over HTTP, and not started as a command."""
    return server.startswith(("http://", "https://"))


def said(result: Any) -> str:
    """What a result says, as text: its text blocks, names for its other blocks, or else its structure as JSON."""
    parts = [_block(block) for block in result.content]
    if not parts and result.structured_content is not None:
        parts = [json.dumps(result.structured_content, ensure_ascii=False)]
    return "\n".join(parts)


def _block(block: Any) -> str:
    if block.type == "text":
        return str(block.text)
    text = getattr(getattr(block, "resource", None), "text", None)
    if text is not None:
        return str(text)
    kind = getattr(block, "mime_type", None) or getattr(block, "uri", "")
    return f"[{block.type} {kind}]".replace(" ]", "]")


@contextlib.asynccontextmanager
async def _client(
    server: Server,
    env: dict[str, str] | None,
    cwd: str | Path | None,
    token: str | None,
    words: TextIO,
) -> AsyncIterator[Client]:
    """A client of the server: over HTTP where `server` is a URL, else of the command that it is."""
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(server, str) and is_url(server):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
            transport = streamable_http_client(server, http_client=http)
        else:
            command, *args = shlex.split(server) if isinstance(server, str) else server
            parameters = StdioServerParameters(command=command, args=args, env=env, cwd=cwd)
            transport = stdio_client(parameters, errlog=words)
        yield await stack.enter_async_context(Client(transport))


def _innermost(error: BaseException) -> str:
    """The first cause inside exception groups, in words."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return "it did not answer in time" if isinstance(error, TimeoutError) else str(error) or repr(error)


def _tail(file: TextIO, size: int = 10_000) -> str:
    """The end of what others write to a file."""
    length = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, max(0, length - size)).decode("utf-8", "replace")


def _end(hold: _Hold, loop: asyncio.AbstractEventLoop, thread: threading.Thread, words: TextIO) -> None:
    """Close the session, then its loop."""
    with contextlib.suppress(Exception):
        asyncio.run_coroutine_threadsafe(hold.close(), loop).result(2 * GOODBYE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(GOODBYE)
    words.close()
