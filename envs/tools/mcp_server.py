"""The tools of any tool domain as an MCP server, on the standard streams or over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import INVALID_PARAMS, CallToolResult, ListToolsResult, TextContent
from mcp.types import Tool as Listed

from turngym.core.errors import UserError
from turngym.envs.bridges.guard import Guard
from turngym.envs.bridges.wire import well_formed
from turngym.envs.registration import make
from turngym.envs.serving import check_open, running, serve_until_interrupted
from turngym.envs.tools.domain import Domain
from turngym.envs.tools.tool import Toolbox

LONGEST = 4 << 20
"""Bytes of the longest request that is taken over HTTP."""

SPARE = 128
"""Requests that are answered at once, beside one for each desk."""


class NoTools(UserError, TypeError):
    """An environment that is no tool domain."""


@dataclass
class Desk:
    """Tools over a database of their own, and who uses it when."""

    toolbox: Toolbox
    used: float
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Desks:
    """Desks by name, each opened when it is first used.

    open: what makes the tools of a task, given its id or number as text (empty: the server's own).
    limit: how many there are at once; one that nobody used for `idle` seconds makes room.
    """

    def __init__(self, open: Callable[[str], Toolbox], *, limit: int, idle: float) -> None:
        self._open = open
        self._limit = limit
        self._idle = idle
        self._desks: dict[str, Desk] = {}

    def at(self, name: str, task: str) -> Desk:
        """The desk of that name; `task` counts when it is opened. Raises `MCPError` where there is no room."""
        now = time.monotonic()
        desk = self._desks.get(name) or self._new(name, task, now)
        desk.used = now
        return desk

    def _new(self, name: str, task: str, now: float) -> Desk:
        if len(self._desks) >= self._limit:
            oldest = min(self._desks, key=lambda one: self._desks[one].used)
            if now - self._desks[oldest].used < self._idle:
                raise MCPError(INVALID_PARAMS, f"all {self._limit} desks are in use; try again later")
            del self._desks[oldest]
        try:
            self._desks[name] = Desk(self._open(task), now)
        except UserError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error
        return self._desks[name]


def tool_server(name: str, policy: str, desks: Desks) -> Server[Any]:
    """An MCP server over desks; the policy is what it tells as its instructions.

    Over HTTP the desk is named in the URL, `/mcp?desk=NAME&task=ID`; without a name all share one.
    """

    def desk(context: Any) -> Desk:
        query = context.request.query_params if context.request else {}
        return desks.at(query.get("desk", ""), query.get("task", ""))

    async def list_tools(context: Any, _: Any) -> ListToolsResult:
        return ListToolsResult(tools=[_listed(tool) for tool in desk(context).toolbox])

    async def call_tool(context: Any, call: Any) -> CallToolResult:
        at = desk(context)
        async with at.lock:
            told = await anyio.to_thread.run_sync(at.toolbox.call, call.name, call.arguments or {})
        return CallToolResult(
            content=[TextContent(type="text", text=well_formed(told))], is_error=told.startswith("Error: ")
        )

    return Server(
        name,
        version=version("turngym"),
        instructions=policy,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def served(
    env_id: str, *, task: str | int = 0, desks: int = 64, idle: float = 600.0, **kwargs: Any
) -> Server[Any]:
    """The tools of an environment as an MCP server; `task`, an id or a number, decides the database.

    Raises `NoTools` for an environment without a tool domain, and what `turngym.envs.make` raises.
    """
    domain = getattr(make(env_id, **kwargs).unwrapped, "domain", None)
    if domain is None:
        raise NoTools(f"{env_id} has no tool domain to serve over MCP; choose one such as turngym/Desk-v0")

    def open(asked: str) -> Toolbox:
        return _opened(domain, asked or str(task))

    return tool_server(env_id, domain.policy, Desks(open, limit=desks, idle=idle))


def serve_stdio(env_id: str, *, task: str | int = 0, **kwargs: Any) -> None:
    """Speak MCP on the standard streams until the other side hangs up."""
    server = served(env_id, task=task, desks=1, **kwargs)

    async def run() -> None:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    asyncio.run(run())


def serve_http(env_id: str, **arguments: Any) -> None:
    """Serve over HTTP until Ctrl-C; the arguments are those of `serving_mcp`."""
    with serving_mcp(env_id, **arguments) as url:
        serve_until_interrupted(f"the tools of {env_id} at {url}")


@contextlib.contextmanager
def serving_mcp(
    env_id: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    task: str | int = 0,
    desks: int = 64,
    idle: float = 600.0,
    **kwargs: Any,
) -> Iterator[str]:
    """Serve an environment's tools over streamable HTTP in a thread, and tell the URL.

    token: what a client has to show as `Authorization: Bearer TOKEN`; required where others can come in.
    desks, idle: how many desks there are at once, and after how many seconds one that nobody uses makes room.

    Raises `PrerequisiteError` for a port that is taken or an open host without a token, and what `served` raises.
    """
    check_open(host, token)
    server = served(env_id, task=task, desks=desks, idle=idle, **kwargs)
    application = server.streamable_http_app(
        json_response=True,
        stateless_http=True,  # What lasts is the desk, which the URL names.
        # The guard looks at the origin already, and others may know this machine by another name.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    guarded = Guard(application, token=token, idle=idle, longest=LONGEST)
    with running(guarded, host, port, limit=desks + SPARE) as url:
        yield f"{url}/mcp"


def _opened(domain: Domain, task: str) -> Toolbox:
    number = _number(domain, task)
    return domain.toolbox(domain.database(domain.request(number)))


def _number(domain: Domain, task: str) -> int:
    """A task's number, from its id or from the number itself."""
    if task in domain.ids:
        return list(domain.ids).index(task)
    if task.isdecimal() and int(task) < len(domain.ids):
        return int(task)
    raise UserError(
        f"there is no task {task[:200]!r}; give an id or a number from 0 to {len(domain.ids) - 1}"
    )


def _listed(tool: Any) -> Listed:
    parameters = {"type": "object", **tool.parameters}
    return Listed(name=tool.name, description=tool.description, input_schema=parameters)
