"""A real HTTP server on this machine that answers as it is told, or misbehaves on purpose."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

Reaction = Callable[[BaseHTTPRequestHandler], None]


def sends(body: bytes, status: int = 200, length: int | None = None, **headers: str) -> Reaction:
    def react(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return react


def tells(answer: Any) -> Reaction:
    return sends(json.dumps(answer).encode())


def says(text: str, prompt_tokens: int | None = None, tokens: int | None = None) -> Reaction:
    return tells(completion({"role": "assistant", "content": text}, prompt_tokens, tokens))


def completion(message: dict, prompt_tokens: int | None = None, tokens: int | None = None) -> dict:
    """A chat completion as OpenAI's interface writes it."""
    usage = {"usage": {"prompt_tokens": prompt_tokens, "completion_tokens": tokens}} if tokens else {}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **usage}


def drips(handler: BaseHTTPRequestHandler) -> None:
    """One byte now and then, so that no single read ever times out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def sleeps(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(30)


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def babbles(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"this is no HTTP at all\r\n\r\n")


def cuts_chunks(handler: BaseHTTPRequestHandler) -> None:
    """A chunked answer that ends in the middle of a chunk."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'40\r\n{"choices": [')


@contextmanager
def server(*reactions: Reaction) -> Iterator[tuple[str, list[dict]]]:
    """A server that reacts so to its first requests, and to all later ones as to the last; and what it was sent."""

    def react(number: int, asked: dict) -> Reaction:
        return reactions[min(number, len(reactions) - 1)]

    with served(react) as running:
        yield running


@contextmanager
def served(react: Callable[[int, dict], Reaction]) -> Iterator[tuple[str, list[dict]]]:
    """A server whose reaction depends on the request's number, from 0, and on its body; and what it was sent."""
    seen: list[dict] = []
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(seen)
                seen.append({"path": self.path, "headers": dict(self.headers), **asked})
            try:
                react(number, asked)(self)
            except OSError:
                self.close_connection = True  # the client has gone, as it should

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.block_on_close = False
    Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/v1", seen
    finally:
        running.shutdown()
        running.server_close()
