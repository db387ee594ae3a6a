"""A result directory that a stranger wrote, read in bounded memory, and only where it is written as turngym writes."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from turngym.benchmarks.board import shape
from turngym.benchmarks.bounded import MOST_BYTES, TooLarge, lines
from turngym.benchmarks.result import (
    EPISODES,
    KEYS,
    RESULT,
    ROW,
    SCHEMA,
    TRACES,
    Record,
    ResultError,
    Stored,
    line,
    parsed,
)
from turngym.core.types import Status

MOST_RESULT = 16 << 20
"""Bytes of `result.json`."""
MOST_ROW = 1 << 20
"""Bytes of a line of `episodes.jsonl`."""
MOST_ROWS = 256 << 20
"""Bytes of `episodes.jsonl`, which is kept in memory: some 600,000 attempts."""
MOST_TRACE = 64 << 20
"""Bytes of a line of `traces.jsonl.gz`, unpacked."""
MOST = 1e15
"""No honest number is larger, and sums of smaller ones stay finite."""
DECODING = shape.need(
    temperature={"type": "number", "minimum": 0},
    max_tokens={"type": "integer", "minimum": 1},
    max_context={"type": "integer", "minimum": 1},
    timeout={"type": ["number", "null"], "minimum": 0},
    retries={"type": "integer", "minimum": 0},
    env_validity={"type": "boolean"},
) | {"additionalProperties": False}
SHOWN = 120
"""Characters of a value in a message."""


def record(folder: Path) -> Record:
    """`result.json`. Raises `ResultError` where it is not one that turngym writes."""
    path = _regular(folder / RESULT)
    if path.stat().st_size > MOST_RESULT:
        raise ResultError(f"{RESULT} is longer than the {MOST_RESULT:,} bytes allowed")
    text = path.read_bytes()
    found = parsed(text, RESULT)
    _known(found, KEYS, RESULT)
    if found["schema"] != SCHEMA:
        raise ResultError(
            f"{RESULT} has schema {found['schema']!r}; this version of turngym reads schema {SCHEMA}"
        )
    shape.check(found, RESULT)
    if fault := best_match(Draft202012Validator(DECODING).iter_errors(found["decoding"])):
        raise ResultError(f"{RESULT} has a wrong value under decoding: {shown(fault.message)}")
    if _indented(found) != text:
        raise ResultError(
            f"{RESULT} is not written as turngym writes it: look for doubled keys or text around it"
        )
    return found


def rows(folder: Path) -> list[Record]:
    """`episodes.jsonl`. Raises `ResultError` with the line's number where one is not what turngym writes."""
    found = []
    for where, row in _lines(folder / EPISODES, MOST_ROW, MOST_ROWS):
        _known(row, ROW, where)
        _check_numbers(row, where)
        if row["status"] not in [*Status]:
            raise ResultError(f"{where} has the status {shown(row['status'])}; known are {', '.join(Status)}")
        found.append(row)
    return found


def traces(folder: Path) -> Iterator[tuple[str, Record]]:
    """`traces.jsonl.gz`, each with its file and line. Raises `ResultError` likewise."""
    return _lines(folder / TRACES, MOST_TRACE, MOST_BYTES)


def read(folder: Path) -> Stored:
    """Both of the above. Raises `ResultError`."""
    return Stored(folder=folder, record=record(folder), rows=rows(folder))


def printable(text: str) -> str:
    """The text with everything escaped that a terminal obeys or cannot write."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def shown(value: Any) -> str:
    """A value in a message: short, and in ASCII, where a terminal obeys nothing and letters that look alike differ."""
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text):,} characters)"


def _lines(path: Path, most_line: int, most_bytes: int) -> Iterator[tuple[str, Record]]:
    limits = {"most_line": most_line, "most_bytes": most_bytes}
    try:
        for number, text in enumerate(lines(_regular(path), **limits), start=1):
            where = f"{path.name} line {number}"
            found = parsed(text, where)
            if _line(found, where) != text + b"\n":
                raise ResultError(
                    f"{where} is not written as turngym writes it: look for doubled keys and spaces"
                )
            yield where, found
    except (OSError, EOFError, zlib.error) as error:
        raise ResultError(f"cannot read {path.name} to its end: {error}") from error
    except TooLarge as error:
        raise ResultError(str(error)) from error


def _line(found: Record, where: str) -> bytes:
    try:
        return line(found)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{where} holds what is no JSON: {error}") from error


def _indented(found: Record) -> bytes:
    try:
        text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{RESULT} holds what is no JSON: {error}") from error
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _regular(path: Path) -> Path:
    """The path, where a plain file is there: no link, which leads elsewhere, and no pipe, which never ends."""
    if path.is_symlink() or not path.is_file():
        raise ResultError(
            f"{path.name} is no plain file; a result is {RESULT}, {EPISODES} and {TRACES} together"
        )
    return path


def _known(found: Record, kinds: Mapping[str, Any], where: str) -> None:
    for key in [*kinds, *found]:
        if key not in found:
            raise ResultError(f"{where} has no {key!r}")
        if key not in kinds:
            raise ResultError(f"{where} has the key {shown(key)}, which no result has")
        if not isinstance(found[key], kinds[key]) or (kinds[key] is int and isinstance(found[key], bool)):
            raise ResultError(f"{where} has {key} = {shown(found[key])}, which is of the wrong type")


def _check_numbers(row: Record, where: str) -> None:
    for key, value in row.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        lowest = -MOST if key == "reward" else -sys.maxsize if key == "seed" else 0
        highest = sys.maxsize if key == "seed" else MOST
        if number and not lowest <= value <= highest:
            raise ResultError(f"{where} has {key} = {shown(value)}, which no episode can have")
