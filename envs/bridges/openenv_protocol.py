"""What clients of OpenEnv's protocol share: where a server is, how it is asked, what it answered."""

from __future__ import annotations

import json
import math
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import ProxyHandler, Request, build_opener

from turngym.core.errors import UserError

OURS = {"text", "terminated", "truncated", "info"}
"""Fields by which the observation of a turngym server is known."""

ARGUMENTS = "turngym_arguments"
"""The key of a reset under which a pool tells a turngym server the environment's arguments."""

EXECUTOR = "/executor"
"""The route on which a turngym server says whether it plays an environment with given arguments."""

LONGEST_ANSWER = 100 << 20
"""Bytes of the longest answer that is taken."""


class ServerError(UserError, RuntimeError):
    """A server that is not there, does not answer, or fails; the message says which and what to do."""


class Unreachable(ServerError):
    """Nobody answers at the address."""


class Address:
    """Where an OpenEnv server is, `http://host:port` or `ws://host:port`, and what is shown to it.

    A token may also stand in the URL, as its password.
    """

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        secure = parts.scheme in ("https", "wss")
        host, path = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
        self.http = urlunsplit(("https" if secure else "http", host, path, "", ""))
        self.ws = urlunsplit(("wss" if secure else "ws", host, f"{path}/ws", "", ""))
        token = token or (unquote(parts.password) if parts.password else None)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __str__(self) -> str:
        return f"the OpenEnv server at {self.http}"

    def fetch(self, route: str, timeout: float, data: Any = None) -> Any:
        """The JSON of a plain request, a POST where there is data to send.

        Raises `Unreachable` where nobody answers, `ServerError` with the server's reason where it refuses,
        `ValueError` where the answer is no JSON.
        """
        body = None if data is None else json.dumps(data).encode()
        headers = self.headers | ({} if body is None else {"Content-Type": "application/json"})
        request = Request(f"{self.http}{route}", body, headers)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=timeout) as response:
                return json.load(response)
        except HTTPError as error:
            raise ServerError(f"{self} refused: {reason(error.read(), error.code)}") from error
        except OSError as error:
            raise Unreachable(f"{self} cannot be reached ({error}); start it, or correct the url") from error


def reason(body: bytes | bytearray | None, status: int) -> str:
    """What the server said when it refused, or else its status."""
    try:
        return str(json.loads(body or b"")["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"


def parsed(text: str | bytes) -> tuple[bool, dict[str, Any]]:
    """Whether a message reports an error, and its data; raises `ValueError` for what is none of the protocol's."""
    try:
        message = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("observation", {}), dict):
        raise ValueError(f"no data in {short(message)}")
    reward = data.get("reward")
    if reward is not None and not (isinstance(reward, int | float) and math.isfinite(reward)):
        raise ValueError(f"the reward is {short(reward)}")
    return message.get("type") == "error", data


def short(value: Any) -> str:
    """The value as code, cut at 200 characters."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
