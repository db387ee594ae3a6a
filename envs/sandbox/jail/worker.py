"""The innermost process: takes code, runs it, says how it ended."""

from __future__ import annotations

import io
import math
import os
import random
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from turngym.envs.sandbox.jail import frames
from turngym.envs.sandbox.jail.evaluate import evaluate


def serve(requests: int, replies: int, settings: dict[str, Any]) -> None:
    """Answer every `{"code": ...}` with `{"error": ...}` (a short traceback or `None`) until there are no more."""
    _furnish(settings)
    program = sys.modules["__main__"] = ModuleType("__main__")
    frames.write(replies, {"ready": True})
    while request := frames.read(requests):
        _allow_processor(settings["limits"]["cpu_seconds"], settings["persistent"])
        error = evaluate(request["code"], program.__dict__)
        _flush()
        frames.write(replies, {"error": error})


def _furnish(settings: dict[str, Any]) -> None:
    """The files, the import path, the output and a seeded `random` that the code finds."""
    for name, text in settings["files"].items():
        Path(name).write_text(text, encoding="utf-8", newline="")
    sys.path.extend(settings["folders"])
    os.environ["HOME"] = os.environ["TMPDIR"] = os.getcwd()
    sys.argv = [""]
    sys.stdout = _text(1)
    sys.stderr = _text(2)
    random.seed(0)


def _text(descriptor: int) -> io.TextIOWrapper:
    """Buffered by the line: what was printed before a kill is not lost."""
    stream = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
    return io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _allow_processor(seconds: int, persistent: bool) -> None:
    """Grant processor time for one call. A session's last limit stays open, since it could not be raised again."""

    def spent(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"used more than {seconds} seconds of processor time")

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    signal.signal(signal.SIGXCPU, spent)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY if persistent else soft + 1))


def _flush() -> None:
    """Hand on what was printed, unless the code closed or replaced the streams."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
