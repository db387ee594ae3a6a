"""One locked-in interpreter as its owner holds it: start it, send it code, collect what comes, kill it."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from turngym.envs.sandbox.jail import frames

PROGRAM = Path(__file__).parent / "jail" / "main.py"

ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "TZ": "UTC"}
"""All environment variables that the code sees, but for `HOME` and `TMPDIR`, its working folder."""

START = 60.0
"""Seconds for an interpreter to start."""

GRACE = 1.0
"""Seconds for a process that broke off to end by itself, so that its exit code is known."""

STUBBORN = 10.0
"""Seconds after which the watch itself is killed."""

FLOOD = 16 << 20
"""Bytes of output in one call after which a process is killed."""

_PIECE = 1 << 16


class Answer(NamedTuple):
    """What one call brought."""

    output: bytes
    """The first of what was printed."""
    dropped: int
    """Bytes printed beyond that."""
    reply: dict[str, Any] | None
    """The worker's reply; `None` where none came: it ended, or the time was over."""
    late: bool
    """Whether the time was over."""


class NotConfined(OSError):
    """A layer of protection that was asked for does not hold on this system."""


class Process:
    """A Python process behind the layers that `settings` ask for.

    Raises `NotConfined` where one cannot be had: no code has run then.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.box = tempfile.mkdtemp(prefix="turngym-")
        self._popen, self._requests, self._replies, self._lifeline = _start(self.box)
        self._output = _opened(self._popen.stdout)
        self.alive = True
        answer = self.call(settings, START, keep=2000)
        if answer.reply != {"ready": True}:
            self.kill()
            raise NotConfined((answer.reply or {}).get("failed") or _last_words(answer))

    def call(self, message: dict[str, Any], seconds: float, keep: int) -> Answer:
        """Send one message and wait for the reply; without one the process is killed.

        Args:
            seconds: wall-clock time to wait.
            keep: bytes of output to hand back.
        """
        exchange = _Exchange(frames.encode(message), keep)
        late = exchange.run(self._requests, self._replies, self._output, time.monotonic() + seconds)
        reply = frames.decode(bytes(exchange.reply))
        if reply is None:
            self.kill(grace=0.0 if late else GRACE)
        exchange.drain(self._output)
        return Answer(bytes(exchange.output), exchange.dropped, reply, late)

    def kill(self, grace: float = 0.0) -> int:
        """End every process of the sandbox and remove its folder; the worker's exit code, 128 + a signal's number.

        Args:
            grace: seconds in which it may end by itself first.
        """
        if self.alive:
            self.alive = False
            self._wait(grace)
            self._lifeline.close()
            if not self._wait(STUBBORN):
                os.killpg(self._popen.pid, signal.SIGKILL)
                self._popen.wait()
            shutil.rmtree(self.box, ignore_errors=True)
        return self._popen.returncode

    def _wait(self, seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
        return self._popen.returncode is not None

    def close(self) -> None:
        """`kill`, and let go of the pipes."""
        self.kill()
        for pipe in (self._requests, self._replies, self._output):
            pipe.close()


class _Exchange:
    """One message out, one in, and the output meanwhile."""

    def __init__(self, message: bytes, keep: int) -> None:
        self.message = memoryview(message)
        self.keep = keep
        self.output = bytearray()
        self.reply = bytearray()
        self.dropped = 0

    def run(self, requests: IO[bytes], replies: IO[bytes], output: IO[bytes], deadline: float) -> bool:
        """Go on until the reply is there, nobody is left to send one, or the time is over: then `True`."""
        with selectors.DefaultSelector() as selector:
            selector.register(requests, selectors.EVENT_WRITE, self._send)
            selector.register(replies, selectors.EVENT_READ, self._take_reply)
            selector.register(output, selectors.EVENT_READ, self._take_output)
            while frames.decode(bytes(self.reply)) is None and self.dropped < FLOOD:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if time.monotonic() >= deadline:
                    return True
                for key, _ in ready:
                    if not key.data(key.fd):
                        selector.unregister(key.fd)
                        if key.fileobj is replies:
                            return False
        return False

    def drain(self, output: IO[bytes]) -> None:
        """Take what is in the pipe already."""
        with suppress(BlockingIOError):
            while self.dropped < FLOOD and self._take_output(output.fileno()):
                pass

    def _send(self, pipe: int) -> bool:
        try:
            self.message = self.message[os.write(pipe, self.message) :]
        except BrokenPipeError:
            return False
        return bool(self.message)

    def _take_reply(self, pipe: int) -> bool:
        self.reply += (part := os.read(pipe, _PIECE))
        return bool(part) and len(self.reply) <= _PIECE

    def _take_output(self, pipe: int) -> bool:
        part = os.read(pipe, _PIECE)
        room = max(0, self.keep - len(self.output))
        self.output += part[:room]
        self.dropped += len(part[room:])
        return bool(part)


def _start(box: str) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes], IO[bytes]]:
    """The process and our ends of its pipes: requests, replies and the lifeline."""
    theirs, requests = _pipe()
    replies, their_replies = _pipe()
    their_lifeline, lifeline = _pipe()
    passed = [theirs.fileno(), their_replies.fileno(), their_lifeline.fileno()]
    with theirs, their_replies, their_lifeline:
        popen = subprocess.Popen(
            [sys.executable, "-s", "-P", "-S", "-B", str(PROGRAM), *map(str, passed), box],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            cwd="/",
            pass_fds=passed,
            start_new_session=True,
        )
    os.set_blocking(requests.fileno(), False)
    return popen, requests, replies, lifeline


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    read, write = os.pipe()
    return os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the process has no output pipe")
    os.set_blocking(stream.fileno(), False)
    return stream


def _last_words(answer: Answer) -> str:
    said = answer.output.decode(errors="replace").strip().rpartition("\n")[2]
    return said or f"the interpreter did not start within {START:.0f} seconds"
