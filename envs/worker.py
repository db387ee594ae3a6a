"""What runs inside a worker process of the pool: environments that answer requests over a socket."""

from __future__ import annotations

import pickle
import signal
import socket
import struct
import traceback
from contextlib import suppress
from typing import Any

import gymnasium

from turngym.core.types import Info
from turngym.envs.base import EnvFailure, Factory, Step

_HEADER = struct.Struct(">QI")
"""A message begins with the number of its request and the length of the pickle that follows."""

HELLO = 0
"""The number of the message with which a process says that it is ready."""


def frame(number: int, body: bytes) -> bytes:
    """One message as bytes."""
    return _HEADER.pack(number, len(body)) + body


class Frames:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The messages that are complete once `data` has arrived."""
        self._buffer += data
        messages, start = [], 0
        while (body := start + _HEADER.size) <= len(self._buffer):
            number, size = _HEADER.unpack_from(self._buffer, start)
            if body + size > len(self._buffer):
                break
            messages.append((number, bytes(self._buffer[body : body + size])))
            start = body + size
        del self._buffer[:start]
        return messages


class Host:
    """The environments of one process by slot, each built when it is first reset.

    An environment that raises is thrown away, so the next reset of its slot builds a fresh one.
    """

    def __init__(self, name: str, factory: Factory) -> None:
        self.name = name
        self.factory = factory
        self.envs: dict[int, gymnasium.Env[Any, Any]] = {}

    def answer(self, command: str, slot: int, *arguments: Any) -> Any:
        """What the slot's environment returns for `reset` (seed, options) or `step` (action).

        Raises `EnvFailure` where it cannot be built or raises.
        """
        try:
            return self._reset(slot, *arguments) if command == "reset" else self._step(slot, *arguments)
        except EnvFailure:
            raise
        except Exception as error:
            self.discard(slot)
            raise EnvFailure(
                f"{self.name} raised in {command}: {_told(error)}", traceback.format_exc()
            ) from error

    def discard(self, slot: int) -> None:
        """Close the slot's environment, if it has one, and forget it."""
        with suppress(Exception):
            self.envs.pop(slot).close()

    def close(self) -> None:
        """Close every environment."""
        for slot in list(self.envs):
            self.discard(slot)

    def _reset(self, slot: int, seed: int | None, options: dict[str, Any] | None) -> tuple[str, Info]:
        if slot not in self.envs:
            self.envs[slot] = self._build()
        return self.envs[slot].reset(seed=seed, options=options)

    def _step(self, slot: int, action: str) -> Step:
        obs, reward, terminated, truncated, info = self.envs[slot].step(action)
        return obs, float(reward), bool(terminated), bool(truncated), info

    def _build(self) -> gymnasium.Env[Any, Any]:
        try:
            return self.factory()
        except Exception as error:
            raise EnvFailure(
                f"{self.name} could not be built: {_told(error)}", traceback.format_exc()
            ) from error


def serve(link: socket.socket, name: str, factory: bytes) -> None:
    """Answer requests until the parent closes its end; Ctrl-C is the parent's to handle.

    `factory` is pickled, so a factory that cannot be loaded here is reported and does not end the process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host = Host(name, lambda: pickle.loads(factory)())
    frames = Frames()
    with suppress(ConnectionError):
        link.sendall(frame(HELLO, b""))
        while data := link.recv(1 << 16):
            for number, request in frames.feed(data):
                link.sendall(frame(number, outcome(host, *pickle.loads(request))))
    host.close()


def outcome(host: Host, command: str, slot: int, *arguments: Any) -> bytes:
    """The pickled outcome, `(value, None)` or `(None, (message, trace))`."""
    try:
        return _pickled(host, slot, host.answer(command, slot, *arguments))
    except EnvFailure as failure:
        return pickle.dumps((None, (failure.message, failure.trace)))


def _pickled(host: Host, slot: int, value: Any) -> bytes:
    try:
        return pickle.dumps((value, None))
    except Exception as error:
        host.discard(slot)
        problem = f"{host.name} returned {_culprit(value)}, which cannot be sent between processes"
        raise EnvFailure(f"{problem}: {_told(error)}") from error


def _culprit(value: tuple[Any, ...]) -> str:
    """Which part of an answer, or which key of its info, does not pickle."""
    info = value[-1]
    parts = {f"info[{key!r}]": part for key, part in info.items()} if isinstance(info, dict) else {}
    return next((name for name, part in parts.items() if not _pickles(part)), "an observation or info")


def _pickles(part: Any) -> bool:
    try:
        return bool(pickle.dumps(part))
    except Exception:
        return False


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
