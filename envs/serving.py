"""Runs an ASGI application on a port, in a thread, for whoever may come."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from turngym.core.errors import PrerequisiteError

HANDSHAKE = 10.0
"""Seconds in which a new connection has to say what it wants."""


class Impatient(H11Protocol):
    """Closes connections that never say what they want, as Uvicorn does only after a first request."""

    def connection_made(self, transport: Any) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self.loop.call_later(HANDSHAKE, self._look)

    def _look(self) -> None:
        # A connection that became a WebSocket is another protocol's by then.
        if self in self.connections and self.cycle is None and not self.transport.is_closing():
            self.transport.close()


@contextlib.contextmanager
def running(application: Any, host: str, port: int, *, limit: int, **settings: Any) -> Iterator[str]:
    """Serve in a thread until the block ends, and tell the address; port 0 takes a free one.

    limit: connections at once; more are told to come again.
    settings: further ones of Uvicorn's. Without any, no WebSocket is spoken.

    Raises:
        PrerequisiteError: the port is taken.
    """
    config = uvicorn.Config(
        application,
        http=Impatient,
        limit_concurrency=limit,
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=1,
        **({"ws": "none"} | settings),
    )
    server = uvicorn.Server(config)
    with _listening(host, port) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), name="turngym serve", daemon=True)
        thread.start()
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def serve_until_interrupted(announcement: str) -> None:
    """Say what is served, and let the server's thread work until Ctrl-C."""
    print(f"{announcement}; stop with Ctrl-C", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def check_open(host: str, token: str | None) -> None:
    """Raises `PrerequisiteError` where others could come in and nothing is asked of them."""
    if token is None and not is_loopback(host):
        raise PrerequisiteError(f"listening on {host} lets others in: give a token, or host='127.0.0.1'")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise PrerequisiteError(f"cannot listen on {host}:{port} ({error}); choose another port") from error
