"""An OpenAI-compatible server over HTTP: retries, limits, and a count of what was used."""

from __future__ import annotations

import asyncio
import json
import math
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zlib import crc32

import httpx

from turngym.agents import background
from turngym.agents.allowance import Allowance
from turngym.core.errors import Failure, UserError

T = TypeVar("T")

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP statuses that another attempt may get past."""
HELD = frozenset({429, 503, 529})
"""Statuses by which the server asks everybody to slow down."""
LARGEST = 4 * 2**20
"""Bytes of a response that are read."""
LETTERS_PER_TOKEN = 4
"""What a token is taken for before the server has counted."""


class EndpointFailure(Failure):
    """The server did not answer, or not as an OpenAI-compatible server does."""


class Refused(EndpointFailure, UserError):
    """The server will not answer this request however often it is asked: something has to be put right first."""

    status = 0
    """The HTTP status, where that is what says so."""


class Passing(EndpointFailure):
    """A failure that another attempt may get past; `pause` is how long the server asks to wait, in seconds."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


@dataclass(kw_only=True)
class Usage:
    """What a server was asked for, by its own count."""

    requests: int = 0
    """Attempts that were sent."""
    answers: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    """Tokens of the answers."""
    uncounted: int = 0
    """Answers that came without a count."""
    cost: float | None = None
    """Dollars; `None` without prices, or where an answer was not counted."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A model behind an OpenAI-compatible server; any thread and any event loop may ask it.

    A question is tried 1 + `retries` times, each for at most `timeout` seconds whatever the server does, with pauses
    that double from `pause` on or last as long as the server's Retry-After asks, up to `longest_pause`. No proxy is
    used, no redirect followed.

    Raises `ValueError` for arguments that cannot work.
    """

    url: str
    """Up to and with `/v1`, as `http://localhost:8000/v1`."""
    model: str
    """The name under which the server knows the model."""
    key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; without it none is sent. The key is kept nowhere else."""
    timeout: float = 120.0
    """Seconds for one attempt."""
    retries: int = 4
    pause: float = 0.5
    longest_pause: float = 60.0
    concurrency: int = 64
    """Requests at once; others wait."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Of prompts and answers together. Before an answer its longest length is set aside."""
    input_price: float | None = None
    """Dollars for a million tokens of prompts."""
    output_price: float | None = None
    """Dollars for a million tokens of answers."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url is {self.url!r}; write it as http://host:port/v1")
        if parts.username or parts.password:
            raise ValueError("url holds a password; put the key into an environment variable (key_env)")
        for name in ("timeout", "concurrency", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; give a positive number")
        if self.retries < 0:
            raise ValueError(f"retries is {self.retries}; give 0 or more")
        _ = self._used  # before threads come that would each make one

    @property
    def usage(self) -> Usage:
        """What was asked for so far."""
        used = replace(self._used)
        if self.input_price is None or self.output_price is None or used.uncounted:
            return used
        price = used.prompt_tokens * self.input_price + used.tokens * self.output_price
        return replace(used, cost=price / 1e6)

    @property
    def cost(self) -> float | None:
        """Dollars so far; `None` without prices, or where an answer was not counted."""
        return self.usage.cost

    async def post(
        self, path: str, request: Mapping[str, Any], read: Callable[[Any], T], *, answer_tokens: int
    ) -> T:
        """What `read` makes of the answer; where it raises `Passing` the question is asked again.

        `answer_tokens` is how long the answer may be. Raises `EndpointFailure` where no attempt was answered,
        `Refused` where the server will not answer.
        """
        return await asyncio.wrap_future(background.submit(self._asked(path, request, read, answer_tokens)))

    def ask(
        self, path: str, request: Mapping[str, Any], read: Callable[[Any], T], *, answer_tokens: int
    ) -> T:
        """`post`, from a thread without an event loop."""
        return background.submit(self._asked(path, request, read, answer_tokens)).result()

    async def _asked(
        self, path: str, request: Mapping[str, Any], read: Callable[[Any], T], answer_tokens: int
    ) -> T:
        body = json.dumps(request).encode()
        tokens = len(body) // LETTERS_PER_TOKEN + answer_tokens
        for pause in [*self._pauses(body), None]:
            try:
                async with self._places:
                    return read(await self._attempt(path, body, tokens))
            except Passing as failure:
                if pause is None:
                    raise EndpointFailure(f"{failure} ({self.retries + 1} attempts)") from failure
                await asyncio.sleep(min(max(pause, failure.pause), self.longest_pause))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _pauses(self, body: bytes) -> Iterator[float]:
        """Longer and longer; not the same for every question, or all would come back together."""
        spread = 1 + crc32(body) / 2**32
        return (self.pause * spread * 2**number for number in range(self.retries))

    async def _attempt(self, path: str, body: bytes, tokens: int) -> Any:
        """The JSON of one response."""
        await asyncio.sleep(max(self._requests.buy(1), self._tokens.buy(tokens)))
        self._used.requests += 1
        client, address = self._client, f"{self.url.rstrip('/')}/{path}"
        try:
            async with (
                asyncio.timeout(self.timeout),
                client.stream("POST", address, content=body, headers=self._headers()) as response,
            ):
                answer = await self._whole(response)
        except TimeoutError as error:
            raise Passing(f"{self.place} gave no answer within {self.timeout:g} s") from error
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            cause = _root(error)
            raise Passing(
                f"{self.place} failed: {type(cause).__name__}: {self._shown(str(cause))}"
            ) from error
        reply = self._checked(response, answer)
        self._count(reply, tokens)
        return reply

    async def _whole(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LARGEST:
                raise Refused(f"{self.place} answered with more than {LARGEST} bytes")
        return bytes(body)

    def _checked(self, response: httpx.Response, body: bytes) -> Any:
        if response.status_code != 200:
            raise self._fault(response, self._shown(body[:400].decode(errors="replace")))
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            begins = self._shown(body[:80].decode(errors="replace"))
            raise Passing(f"{self.place} answered with what is no JSON: {begins!r}") from error

    def _fault(self, response: httpx.Response, shown: str) -> EndpointFailure:
        status = response.status_code
        message = f"{self.place} answered {status} {response.reason_phrase}: {shown}"
        if status in RETRIED:
            pause = min(_seconds(response.headers.get("Retry-After")), self.longest_pause)
            if status in HELD and pause:
                self._requests.close(pause)
            return Passing(message, pause)
        if status in (401, 403):
            sent = f"the key is what {self.key_env} holds" if self._key else f"{self.key_env} holds no key"
            message = f"{self.place} answered {status} {response.reason_phrase} ({sent}): {shown}"
        refused = Refused(message)
        refused.status = status
        return refused

    def _count(self, reply: Any, expected: int) -> None:
        self._used.answers += 1
        prompt, answered = usage_of(reply)
        if prompt is None or answered is None:
            self._used.uncounted += 1
            return
        self._used.prompt_tokens += prompt
        self._used.tokens += answered
        self._tokens.give_back(expected - prompt - answered)

    @property
    def place(self) -> str:
        """Which model, and where; for messages."""
        return f"the model {self.model!r} at {self.url}"

    def _shown(self, text: str) -> str:
        """What another side said, on one line and without the key, which some servers repeat."""
        hidden = text.replace(self._key, "[key]") if self._key else text
        return " ".join(hidden.split())

    @property
    def _key(self) -> str:
        return os.environ.get(self.key_env, "").strip()

    def _headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self._key}"} if self._key else {}
        )

    # What follows changes in the background loop alone.

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self.concurrency)
        return httpx.AsyncClient(timeout=None, limits=limits, trust_env=False, verify=_certificates())

    @cached_property
    def _places(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(self.concurrency)

    @cached_property
    def _requests(self) -> Allowance:
        return Allowance(self.requests_per_minute)

    @cached_property
    def _tokens(self) -> Allowance:
        return Allowance(self.tokens_per_minute)

    @cached_property
    def _used(self) -> Usage:
        return Usage()


@cache
def _certificates() -> ssl.SSLContext:
    """Those of the system, read once: that takes longer than many an answer."""
    return ssl.create_default_context()


def usage_of(reply: Any) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the answer, as the server counted them."""
    usage = reply.get("usage") if isinstance(reply, dict) else None
    counted = usage if isinstance(usage, dict) else {}
    return _counted(counted.get("prompt_tokens")), _counted(counted.get("completion_tokens"))


def first_choice(reply: Any, *path: str) -> Any:
    """What `choices[0]` holds under the path. Raises `Passing` where it is missing."""
    try:
        found = reply["choices"][0]
        for name in path:
            found = found[name]
    except (TypeError, KeyError, IndexError) as error:
        shown = json.dumps(reply)[:200]
        wanted = ".".join(("choices[0]", *path))
        raise Passing(f"the server's answer has no {wanted}: {shown}") from error
    return found


def _root(error: BaseException) -> BaseException:
    """The operating system's error under the layers of the HTTP library, where there is one."""
    inner = error
    while beneath := inner.__cause__ or inner.__context__:
        inner = beneath
    return inner if isinstance(inner, OSError) else error


def _counted(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _seconds(text: str | None) -> float:
    """Retry-After in seconds, which is a number or a date; 0 where it is neither, or past."""
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = _until(text or "")
    return seconds if 0 < seconds < math.inf else 0.0


def _until(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return 0.0
