"""What stands before a served environment: who may speak, how much at once, and how long in silence."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

STRIKES = 20
"""So many messages that are not understood end a session."""

EXAMPLE = '{"type": "reset", "data": {"seed": 0}}'


class Guard:
    """An ASGI application around another that speaks OpenEnv's protocol, and refuses in one sentence.

    token: whoever connects has to show it, as `Authorization: Bearer TOKEN` or as the password of
        `http://any:TOKEN@host` (OpenEnv's own client can only do the latter); `None` asks for none.
    idle: seconds of silence after which a session is closed.
    longest: bytes of the longest message or request body that is taken.
    """

    def __init__(self, app: App, *, token: str | None, idle: float, longest: int) -> None:
        self.app = app
        self.token = token
        self.idle = idle
        self.longest = longest

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif not self._knows(scope):
            await _refuse(
                scope, send, 401, "this server asks for a token: send 'Authorization: Bearer TOKEN'"
            )
        elif _foreign(scope):
            await _refuse(scope, send, 403, "a page of another site may not use this server")
        elif scope["type"] == "websocket":
            await self.app(scope, Inlet(self, receive, send).receive, send)
        else:
            await self._request(scope, receive, send)

    def fault(self, message: Message) -> str | None:
        """What is wrong with a message on a session's socket, in one sentence; `None` where nothing is."""
        text = message.get("text")
        if text is None:
            return f"a message is text, not bytes; send a JSON object such as {EXAMPLE}"
        if len(text) > self.longest or len(text.encode("utf-8", "replace")) > self.longest:
            return f"the message has {len(text)} characters, which is over the limit of {self.longest} bytes"
        if not _is_object(text):
            return f"the message is not a JSON object; send one such as {EXAMPLE}"
        return None

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        """A plain HTTP request, whose body may be neither too long nor endlessly late."""
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            try:
                async with asyncio.timeout(self.idle):
                    message = await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}
            taken += len(message.get("body", b""))
            return message if taken <= self.longest else {"type": "http.disconnect"}

        if int(_header(scope, b"content-length") or 0) > self.longest:
            await _refuse(scope, send, 413, f"the request body is over the limit of {self.longest} bytes")
        else:
            await self.app(scope, limited, send)

    def _knows(self, scope: Message) -> bool:
        if self.token is None:
            return True
        shown = (_shown(value) for name, value in scope["headers"] if name == b"authorization")
        return any(hmac.compare_digest(one, self.token.encode()) for one in shown)


class Inlet:
    """The messages of one session that its environment gets to see."""

    def __init__(self, guard: Guard, receive: Receive, send: Send) -> None:
        self._guard = guard
        self._receive = receive
        self._send = send
        self._strikes = 0

    async def receive(self) -> Message:
        """The next message without a fault; those with one are answered here."""
        while True:
            try:
                async with asyncio.timeout(self._guard.idle):
                    message = await self._receive()
            except TimeoutError:
                return await self._close(f"the session was silent for {self._guard.idle:g}s; connect again")
            fault = self._guard.fault(message) if message["type"] == "websocket.receive" else None
            if fault is None:
                return message
            self._strikes += 1
            if self._strikes == STRIKES:
                return await self._close(f"{fault}; after {STRIKES} such messages the session is closed")
            await self._tell(fault, "INVALID_JSON")

    async def _close(self, reason: str) -> Message:
        await self._tell(reason, "SESSION_ERROR")
        await self._send({"type": "websocket.close", "code": 1008, "reason": reason[:100]})
        return {"type": "websocket.disconnect", "code": 1008}

    async def _tell(self, problem: str, code: str) -> None:
        body = {"type": "error", "data": {"message": problem, "code": code}}
        await self._send({"type": "websocket.send", "text": json.dumps(body)})


async def _refuse(scope: Message, send: Send, status: int, reason: str) -> None:
    """Answer a request, or the opening of a session, with a status and a sentence."""
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": json.dumps({"detail": reason}).encode()})


def _foreign(scope: Message) -> bool:
    """Whether a browser asks on behalf of a page that another host served."""
    origin = _header(scope, b"origin")
    return bool(origin) and origin.rpartition("://")[2] != _header(scope, b"host")


def _shown(authorization: bytes) -> bytes:
    """The token in an `Authorization` header."""
    scheme, _, value = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return value.strip()
    try:
        return base64.b64decode(value).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _header(scope: Message, name: bytes) -> str:
    found: Iterator[bytes] = (value for key, value in scope["headers"] if key == name)
    return next(found, b"").decode("latin-1")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
