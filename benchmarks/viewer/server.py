"""The viewer over HTTP, for a browser on this machine and no other."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from turngym.benchmarks.viewer.library import Library
from turngym.core.errors import PrerequisiteError, UserError

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAMES = ("localhost", "127.0.0.1", "[::1]")
"""Under which the viewer may be asked for."""

Query = dict[str, list[str]]


def serve(library: Library, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until Ctrl-C; see `serving`."""
    with serving(library, host, port) as url:
        print(f"viewer at {url}; stop with Ctrl-C", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


@contextlib.contextmanager
def serving(library: Library, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in a thread until the block ends, and tell the address; port 0 takes a free one.

    Raises:
        PrerequisiteError: a host that others can reach, a port that is taken.
    """
    server = _server(library, host, port)
    thread = threading.Thread(target=server.serve_forever, name="turngym view", daemon=True)
    thread.start()
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(library: Library, host: str, port: int) -> _Server:
    if not _is_loopback(host):
        raise PrerequisiteError(
            f"the viewer does not listen on {host}: others could read the runs; "
            "use 127.0.0.1, or write a page with --out and pass that on"
        )
    try:
        return _Server((host, port), library)
    except (OSError, OverflowError) as error:
        raise PrerequisiteError(f"cannot listen on {host}:{port} ({error}); choose another port") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], library: Library) -> None:
        self.library = library
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Visitor)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of visitors who left before the answer, or never asked."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Visitor(BaseHTTPRequestHandler):
    """One connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "turngym", ""
    timeout = 60

    def do_GET(self) -> None:
        """Answer a page, one of its files, or a question about the runs."""
        address = urlsplit(self.path)
        if refusal := self._refusal(address.path):
            self._send(403, "text/plain", refusal.encode())
        elif address.path.startswith("/api/"):
            self._answer(address.path.removeprefix("/api/"), parse_qs(address.query, keep_blank_values=True))
        else:
            self._file("index.html" if address.path == "/" else address.path.removeprefix("/static/"))

    def _refusal(self, path: str) -> str | None:
        """Why this visitor is not answered.

        A page of another site could point a name of its own at this machine (DNS rebinding), or ask under the
        right name and make methods run that it names.
        """
        if re.sub(r":\d*$", "", self.headers.get("Host", "")) not in NAMES:
            return "the viewer is not known under that name: use 127.0.0.1 or localhost"
        foreign = self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
        if foreign and path.startswith("/api/"):
            return "the viewer answers no other site's pages"
        return None

    def _answer(self, name: str, query: Query) -> None:
        try:
            question = QUESTIONS[name]
            self._json(200, question(self.server.library, query))
        except LookupError as error:
            self._json(404, {"error": f"there is no such thing: {error}"})
        except UserError as error:
            self._json(409, {"error": str(error)})
        except ValueError as error:
            self._json(400, {"error": f"this cannot be asked: {error}"})
        except ConnectionError:
            raise
        except Exception as error:  # told on the page, and with its traceback in the terminal
            self._json(500, {"error": f"the viewer failed: {type(error).__name__}: {error}"})
            raise

    def _file(self, name: str) -> None:
        known = {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES}
        if path := known.get(name):
            self._send(200, f"{TYPES[path.suffix]}; charset=utf-8", path.read_bytes())
        else:
            self._send(404, "text/plain", b"there is no such page")

    def _json(self, status: int, answer: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(answer, allow_nan=False).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for header, value in {"Content-Type": kind, "Content-Length": str(len(body)), **HEADERS}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the user."""


def _run(query: Query) -> int:
    return _number(query, "run")


def _number(query: Query, key: str, default: str | None = None) -> int:
    return int(_text(query, key, default))


def _text(query: Query, key: str, default: str | None = None) -> str:
    """Raises `ValueError` where the question lacks the key."""
    values = query.get(key) or ([] if default is None else [default])
    if not values:
        raise ValueError(f"it lacks {key}")
    return values[0]


def _methods(query: Query) -> Sequence[str]:
    return query.get("method", [])


QUESTIONS: dict[str, Callable[[Library, Query], dict[str, Any]]] = {
    "overview": lambda library, query: library.overview(),
    "rows": lambda library, query: library.rows(
        _run(query), _number(query, "after", "0"), _number(query, "generation", "0")
    ),
    "episode": lambda library, query: library.episode(_run(query), _number(query, "number")),
    "text": lambda library, query: library.text(_run(query), _number(query, "number"), _text(query, "path")),
    "group": lambda library, query: library.group(_run(query), _number(query, "number")),
    "credit": lambda library, query: library.credit(_run(query), _number(query, "number"), _methods(query)),
    "search": lambda library, query: library.search(_run(query), _text(query, "text")),
    "curves": lambda library, query: library.curves(_run(query)),
}
