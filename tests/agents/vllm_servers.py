"""A server on this machine that speaks vLLM's routes for training, and breaks where it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class State:
    """What the server holds, and every route it was asked, in order."""

    version: str = "default"
    paused: bool = False
    logprob: float = -0.5
    routes: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    broken: dict[str, int] = field(default_factory=dict)
    """The status with which a route answers instead of doing its work; 0 hangs up."""
    adapters: list[str] = field(default_factory=list)
    encode: Callable[[str], list[int]] | None = None
    """Its tokenizer; without one it has no route to ask."""

    def answer(self, route: str, body: dict[str, Any]) -> Any:
        """The JSON that a route answers; `None` where there is no such route."""
        if route == "pause":
            self.paused = True
        elif route == "resume":
            self.paused = False
        elif route == "update_weight_version":
            self.version = body["new_version"]
        elif route == "v1/models":
            return {"data": [{"id": "policy"}, *({"id": name, "parent": "policy"} for name in self.adapters)]}
        elif route == "v1/load_lora_adapter":
            assert body["lora_name"] not in self.adapters
            self.adapters.append(body["lora_name"])
        elif route == "v1/unload_lora_adapter":
            self.adapters.remove(body["lora_name"])
        elif route == "tokenize":
            return self.encode and {"tokens": self.encode(body["prompt"])}
        elif route == "inference/v1/generate":
            return self.completion(body)
        return {"status": "done"}

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        ids = [5] * (body["sampling_params"]["max_tokens"] - 1) + [2]
        entries = [{"token_id": token, "logprob": self.logprob} for token in ids]
        spans = [{"version": self.version, "start": 0, "end": len(ids)}]
        choice = {"token_ids": ids, "logprobs": {"content": entries}, "finish_reason": "stop"}
        return {"choices": [choice | {"weight_versions": spans}]}

    def restart(self) -> None:
        """Forget everything, as a server that died and came back."""
        self.version, self.paused = "default", False


@contextmanager
def vllm_server(kind: type[State] = State, **state: Any) -> Iterator[tuple[str, State]]:
    """Its address, and what it holds."""
    held = kind(**state)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.react({})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"] or 0)
            self.react(json.loads(self.rfile.read(length)) if length else {})

        def react(self, body: dict[str, Any]) -> None:
            route = self.path.strip("/").partition("?")[0]
            held.routes.append(route)
            held.bodies.append(body)
            status = held.broken.get(route, 200)
            answer = held.answer(route, body) if status == 200 else {"error": "broken on purpose"}
            if status:
                self.send(404 if answer is None else status, json.dumps(answer).encode())
            else:
                self.connection.close()

        def send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.block_on_close = False
    Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/v1", held
    finally:
        running.shutdown()
        running.server_close()
