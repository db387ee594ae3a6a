"""Environments for others: over OpenEnv, over MCP, as web pages."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from turngym.core import config
from turngym.core.commands.common import Overrides, app, extra, sections_of
from turngym.core.errors import ConfigError


@app.command()
def serve(
    what: Annotated[str, typer.Argument(help="`webshop`, the shop as a web page, or an environment's id.")],
    overrides: Overrides = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need a token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    token: Annotated[str | None, typer.Option(help="What every visitor has to show.")] = None,
    sessions: Annotated[int, typer.Option(help="Visitors at once.")] = 64,
    mcp: Annotated[
        str | None, typer.Option(help="Serve the tools of a domain instead: http or stdio.")
    ] = None,
) -> None:
    """Serve an environment to OpenEnv clients, its tools over MCP, or WebShop to browsers; env.key=value as usual."""
    arguments = sections_of(overrides, env={})["env"]
    listening: dict[str, Any] = {"host": host, "port": port, "token": token}
    if mcp is not None:
        _serve_tools(what, mcp, arguments, listening | {"desks": sessions})
    elif what == "webshop":
        _serve_webshop(arguments, listening | {"visits": sessions})
    else:
        with extra("openenv"):
            from turngym.envs.bridges import openenv_server
        openenv_server.serve(what, **listening, sessions=sessions, **arguments)


def _serve_tools(env: str, transport: str, arguments: config.Table, listening: dict[str, Any]) -> None:
    with extra("mcp"):
        from turngym.envs.tools import mcp_server
    if transport == "stdio":
        mcp_server.serve_stdio(env, **arguments)
    elif transport == "http":
        mcp_server.serve_http(env, **listening, **arguments)
    else:
        raise ConfigError(f"--mcp is {transport!r}; choose http or stdio")


def _serve_webshop(arguments: config.Table, listening: dict[str, Any]) -> None:
    with extra("serve"):
        from turngym.envs.webshop import web
    web.serve(**listening, **config.bind(web.serve, arguments, "env", given=listening))
