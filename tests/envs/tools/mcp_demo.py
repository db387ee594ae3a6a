"""An MCP server of the usual kind, to be run as a program: on its standard streams, or on the port given."""

from __future__ import annotations

import os
import sys
import time

from mcp.server import MCPServer
from mcp.types import ImageContent, TextContent

server = MCPServer("demo", log_level="CRITICAL")
notes: list[str] = []


@server.tool()
def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


@server.tool()
def note(text: str) -> str:
    """Write a note down; answers how many there are."""
    notes.append(text)
    return f"{len(notes)} notes"


@server.tool()
def refuse() -> str:
    """Refuse."""
    raise ValueError("not today")


@server.tool()
def wait(seconds: float) -> str:
    """Wait."""
    time.sleep(seconds)
    return "done"


@server.tool()
def die() -> str:
    """Crash the server."""
    print("out of paper", file=sys.stderr, flush=True)
    os._exit(3)


@server.tool()
def process() -> int:
    """The server's process id."""
    return os.getpid()


@server.tool()
def picture() -> list[TextContent | ImageContent]:
    """Text and an image."""
    return [
        TextContent(type="text", text="a dot"),
        ImageContent(type="image", data="iVBORw0KGgo=", mime_type="image/png"),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", port=int(sys.argv[1]))
    else:
        server.run()
