"""Answers kept by the content of their question, in memory or in a file that several processes share."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any


def key(question: Mapping[str, Any]) -> str:
    """SHA-256 of a question: messages, settings and whatever else decides the answer. JSON values only."""
    text = json.dumps(question, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Cache:
    """Answers by key. With a path they are lines `{"key": ..., "answer": ...}` that are only ever appended.

    Processes may share the file: writers lock it, and a miss first reads what others wrote since. A line that was
    cut off in a crash is passed over. Of two answers with one key the first counts.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._known: dict[str, Any] = {}
        self._read = 0  # bytes of the file that are known
        self._lock = Lock()

    def get(self, key: str) -> Any:
        """The answer, or `None`."""
        with self._lock:
            if key not in self._known:
                self._catch_up()
            return self._known.get(key)

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer, which is a JSON value other than null."""
        with self._lock:
            self._known.setdefault(key, answer)
            if self.path is not None:
                _append(self.path, json.dumps({"key": key, "answer": answer}))

    def _catch_up(self) -> None:
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole, end, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(end)
        for line in whole.split(b"\n"):
            entry = _entry(line)
            if entry is not None:
                self._known.setdefault(*entry)


def _entry(line: bytes) -> tuple[str, Any] | None:
    try:
        record = json.loads(line)
        name, answer = record["key"], record["answer"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (name, answer) if isinstance(name, str) and answer is not None else None


def _append(path: Path, line: str) -> None:
    """Write a line of its own, even after one that was cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        cut_off = file.read(1) not in (b"", b"\n")
        file.write(b"\n" * cut_off + line.encode() + b"\n")
        file.flush()
