"""Messages over a pipe: four bytes of length, then JSON."""

from __future__ import annotations

import json
import os
from typing import Any

HEAD = 4


def encode(message: dict[str, Any]) -> bytes:
    """The bytes of one message. Any string passes, lone surrogates too."""
    body = json.dumps(message).encode("ascii")
    return len(body).to_bytes(HEAD, "big") + body


def decode(data: bytes) -> dict[str, Any] | None:
    """The first message in `data`, or `None` where it is incomplete or not one."""
    length = int.from_bytes(data[:HEAD], "big")
    if len(data) < HEAD + length or len(data) < HEAD:
        return None
    try:
        message = json.loads(data[HEAD : HEAD + length])
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def write(pipe: int, message: dict[str, Any]) -> None:
    """Send one message; raises `OSError` where nobody reads."""
    data = memoryview(encode(message))
    while data:
        data = data[os.write(pipe, data) :]


def read(pipe: int) -> dict[str, Any] | None:
    """Wait for one message; `None` at the end of the pipe."""
    head = _exactly(pipe, HEAD)
    return decode(head + _exactly(pipe, int.from_bytes(head, "big")))


def _exactly(pipe: int, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length and (part := os.read(pipe, min(length - len(parts), 1 << 20))):
        parts += part
    return bytes(parts)
