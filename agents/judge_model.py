"""Models that answer a judge's questions: an OpenAI-compatible server, or an engine of ours."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Thread, Timer
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from turngym.agents.llm import Chat, Engine, EngineFailure, Message, Sampling
from turngym.core.errors import Failure

T = TypeVar("T")

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP statuses that another attempt may get past."""
LARGEST = 4 * 2**20
"""Bytes of a response that are read."""
TOP = 20
"""Words whose probabilities a server is asked for, the most that OpenAI's interface allows."""


class EndpointFailure(Failure):
    """The server did not answer, or not as an OpenAI-compatible server does."""


class _Passing(EndpointFailure):
    """A failure that another attempt may get past; `pause` is how long the server asks to wait, in seconds."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A model behind `POST {url}/chat/completions`, OpenAI's interface; any thread may call it.

    A question is tried 1 + `retries` times, each for at most `timeout` seconds whatever the server does, with pauses
    that double from `pause` on or last as long as the server's Retry-After asks, up to `longest_pause`. No proxy is
    used.

    Raises `EndpointFailure` where no attempt was answered, `ValueError` for arguments that cannot work.
    """

    url: str
    """Up to and with `/v1`, as `http://localhost:8000/v1`."""
    model: str
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    timeout: float = 60.0
    """Seconds for one attempt."""
    retries: int = 3
    pause: float = 0.5
    longest_pause: float = 30.0
    key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; without it none is sent."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url is {self.url!r}; write it as http://host:port/v1")
        if self.timeout <= 0 or self.retries < 0 or self.max_tokens < 1:
            raise ValueError("timeout and max_tokens must be positive, and retries 0 or more")

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides an answer; where the server stands is no part of it."""
        return {
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }

    def __call__(self, messages: Sequence[Message]) -> str:
        """The text of the answer."""
        return self._asked({"messages": list(messages)}, _text)

    def weigh(self, messages: Sequence[Message], choices: Sequence[str]) -> dict[str, float]:
        """How probable each choice is as the first word of the answer, by the server's `top_logprobs`.

        Spellings that differ in case or in space around them count together. A choice that is not among the likeliest
        words has probability 0.
        """
        request = {"messages": list(messages), "max_tokens": 1, "logprobs": True, "top_logprobs": TOP}
        return self._asked(request, lambda reply: _weights(reply, choices))

    def _asked(self, request: Mapping[str, Any], read: Callable[[Any], T]) -> T:
        body = json.dumps({**self.settings, **request}).encode()
        for pause in [*self._pauses(), None]:
            try:
                return read(self._attempt(body))
            except _Passing as failure:
                if pause is None:
                    raise EndpointFailure(f"{failure} ({self.retries + 1} attempts)") from failure
                time.sleep(min(max(pause, failure.pause), self.longest_pause))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _pauses(self) -> Iterator[float]:
        return (self.pause * 2**number for number in range(self.retries))

    def _attempt(self, body: bytes) -> Any:
        """The JSON of one response."""
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        with closing(connection), _Watch(connection, self.timeout) as watch:
            try:
                watch.connect()
                path = f"{parts.path.rstrip('/')}/chat/completions"
                connection.request("POST", path, body, self._headers())
                response = connection.getresponse()
                answer = response.read(LARGEST + 1)
                watch.check()
                return self._checked(response, answer)
            except (OSError, HTTPException, ValueError, RecursionError) as error:
                late = f"no answer within {self.timeout:g} s" if watch.late else ""
                raise _Passing(f"{self._place} failed: {late or _named(error)}") from error

    def _checked(self, response: HTTPResponse, body: bytes) -> Any:
        if response.status != 200:
            shown = body[:200].decode(errors="replace")
            message = f"{self._place} answered {response.status} {response.reason}: {shown}"
            if response.status in RETRIED:
                raise _Passing(message, _seconds(response.headers.get("Retry-After")))
            raise EndpointFailure(message)
        if len(body) > LARGEST:
            raise EndpointFailure(f"{self._place} answered with more than {LARGEST} bytes")
        expected = response.headers.get("Content-Length")
        if expected is not None and expected.isdigit() and len(body) < int(expected):
            raise _Passing(f"{self._place} cut its answer off after {len(body)} of {expected} bytes")
        return json.loads(body)

    @property
    def _place(self) -> str:
        return f"the model {self.model!r} at {self.url}"

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(self.key_env)
        return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


@dataclass(frozen=True, kw_only=True)
class EngineModel:
    """An engine and its renderer as a judge's model, such as the local model that plays or another one.

    Questions from several threads meet in one event loop, in a thread of its own, so that the engine may answer them as
    one batch. Raises `EngineFailure`.
    """

    engine: Engine
    chat: Chat
    name: str
    """Which weights these are; part of the cache's key."""
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    timeout: float = 600.0
    """Seconds for one answer."""

    def __post_init__(self) -> None:
        _ = self._loop  # before threads come that would each make one

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides an answer."""
        return {
            "model": self.name,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }

    def __call__(self, messages: Sequence[Message]) -> str:
        """The text of the answer."""
        asked = asyncio.run_coroutine_threadsafe(self._answer(messages), self._loop)
        try:
            return asked.result(self.timeout)
        except Exception as error:
            asked.cancel()
            raise EngineFailure(f"the judge {self.name!r} failed: {_named(error)}") from error

    async def _answer(self, messages: Sequence[Message]) -> str:
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens, seed=self.seed)
        completion = await self.engine.generate(self.chat.render(messages), sampling)
        return self.chat.text(completion.token_ids)

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        Thread(target=loop.run_forever, name=f"judge {self.name}", daemon=True).start()
        return loop


def _text(reply: Any) -> str:
    content = _choice(reply, "message", "content")
    if not isinstance(content, str):
        raise _Passing(f"the server's answer holds no text but {content!r}")
    return content


def _weights(reply: Any, choices: Sequence[str]) -> dict[str, float]:
    content = _choice(reply, "logprobs", "content")
    try:
        likely = [
            (one["token"].strip().lower(), math.exp(one["logprob"])) for one in content[0]["top_logprobs"]
        ]
    except (TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise EndpointFailure("the server gives no top_logprobs; use a form that reads text") from error
    return {choice: sum(share for word, share in likely if word == choice.lower()) for choice in choices}


def _choice(reply: Any, *path: str) -> Any:
    try:
        found = reply["choices"][0]
        for name in path:
            found = found[name]
    except (TypeError, KeyError, IndexError) as error:
        shown = json.dumps(reply)[:200]
        raise _Passing(f"the server's answer has no choices[0].{'.'.join(path)}: {shown}") from error
    return found


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; a date, or nothing, asks for no more than our own pause."""
    try:
        seconds = float(text or 0)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < math.inf else 0.0


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class _Watch:
    """Ends a connection from outside when its time is over.

    A server that sends a byte now and then never meets a socket's own timeout.
    """

    def __init__(self, connection: HTTPConnection, seconds: float) -> None:
        self.late = False
        self._connection = connection
        self._socket: socket | None = None
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def connect(self) -> None:
        """Connect, and hold the socket: a connection forgets its own once a response has begun."""
        self._connection.connect()
        self._socket = self._connection.sock
        self.check()

    def check(self) -> None:
        """Raise `TimeoutError` where the time is over: what was read may be cut off."""
        if self.late:
            raise TimeoutError

    def _cut(self) -> None:
        self.late = True
        with suppress(OSError, AttributeError):  # closed already, or not open yet
            (self._socket or self._connection.sock).shutdown(SHUT_RDWR)
