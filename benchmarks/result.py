"""A result on disk: a directory that says what was played, by whom and how well, addressed by its content.

`result.json` says it, `episodes.jsonl` has a line per attempt, `traces.jsonl.gz` has the attempts turn by turn.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turngym.core.errors import UserError

Record = dict[str, Any]

SCHEMA = 1
RESULT, EPISODES, TRACES = "result.json", "episodes.jsonl", "traces.jsonl.gz"
TRAINED_ON = ("none", "train_split", "this_panel", "unknown")

KEYS = {
    "schema": int,
    "id": str,
    "panel": dict,
    "env": dict,
    "agent": dict,
    "model": dict | None,
    "credit": str | None,
    "trained_on": str,
    "decoding": dict,
    "seed": int,
    "metrics": dict,
    "categories": dict,
    "counts": dict,
    "failures": dict,
    "cost": int | float | None,
    "seconds": int | float,
    "code": dict,
    "machine": dict,
    "date": str,
    "files": dict,
}
"""What `result.json` holds, and of which type."""

ROW = {
    "task": str,
    "env": str,
    "seed": int,
    "options": dict,
    "member": int,
    "status": str,
    "success": bool | None,
    "reward": int | float | None,
    "score": int | float | None,
    "turns": int,
    "tokens": int | None,
    "seconds": int | float | None,
    "category": str | None,
    "start": str | None,
    "error": str | None,
    "counted": bool,
}
"""What a line of `episodes.jsonl` holds, and of which type."""


class ResultError(UserError, ValueError):
    """A directory that holds no sound result; the message names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A result directory that was read."""

    folder: Path
    record: Record
    """`result.json`."""
    rows: list[Record]
    """`episodes.jsonl`: a line per attempt, sorted by place in the panel, member, attempt."""

    @property
    def id(self) -> str:
        """The result's address: see `content_id`."""
        return str(self.record["id"])

    def traces(self) -> Iterator[Record]:
        """`traces.jsonl.gz`, attempt by attempt in the order of `rows`. Raises `ResultError`."""
        return _read_lines(self.folder / TRACES)


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON text, in hex."""
    return hashlib.sha256(_encoded(canonical(value))).hexdigest()


def line(record: Record) -> bytes:
    """A record as one line of a file, its keys in the order they have."""
    return _encoded(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate becomes JSON's own escape


def content_id(record: Mapping[str, Any]) -> str:
    """The `digest` of a `result.json` without its `id`; through `files` it covers the other two files too."""
    return digest({key: value for key, value in record.items() if key != "id"})


def contents(panel: str, data: Mapping[str, str], rows: Sequence[Record]) -> str | None:
    """What was really played: digest over the panel's digest, the data's digests and every task's `start`.

    Two results of one panel with other contents met other worlds, by another version of data or environment.
    `None` where the start of some task is not known.
    """
    found = starts(rows)
    return None if None in found.values() else digest([panel, dict(data), [*found.items()]])


def starts(rows: Sequence[Record]) -> dict[str, str | None]:
    """How each task starts, in the order of the rows: the `start` of its first attempt that has one."""
    found: dict[str, str | None] = {}
    for one in rows:
        found[one["task"]] = found.get(one["task"]) or one["start"]
    return found


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_result(
    folder: Path, record: Mapping[str, Any], rows: Sequence[Record], traces: Iterable[Record]
) -> Stored:
    """Write the three files, `result.json` last, so that a folder which has it is whole.

    `record` comes without `schema`, `id` and `files`, which are added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / EPISODES, b"".join(map(line, rows)))
    replace(folder / TRACES, _compressed(traces))
    files = {name: file_digest(folder / name) for name in (EPISODES, TRACES)}
    whole = {"schema": SCHEMA, "id": "", **record, "files": files}
    whole["id"] = content_id(whole)
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace(folder / RESULT, _encoded(text))
    return Stored(folder=folder, record=whole, rows=list(rows))


def read_result(folder: Path, *, check: bool = True) -> Stored:
    """The result in a folder.

    Raises `ResultError` where a file is missing, no JSON, of another schema or without a key and, with
    `check`, where the content does not have the `id`, or a file the digest, that `result.json` states.
    """
    record = _read_record(folder / RESULT)
    rows = list(_read_lines(folder / EPISODES))
    for number, row in enumerate(rows, start=1):
        _check_keys(row, ROW, f"{folder / EPISODES} line {number}")
    stored = Stored(folder=folder, record=record, rows=rows)
    if check:
        check_content(stored)
    return stored


def check_content(stored: Stored) -> None:
    """Raise `ResultError` where the id, a file's digest or the contents are not what `result.json` states."""
    record, folder = stored.record, stored.folder
    if (found := content_id(record)) != record["id"]:
        raise ResultError(
            f"{folder / RESULT} was changed: its content has the id {found[:12]}, not {record['id'][:12]}"
        )
    for name in (EPISODES, TRACES):
        stated = record["files"].get(name)
        if not (folder / name).exists():
            raise ResultError(
                f"{folder} has no {name}; a result is {RESULT}, {EPISODES} and {TRACES} together"
            )
        if file_digest(folder / name) != stated:
            raise ResultError(f"{folder / name} was changed: its digest is not the one in {RESULT}")
    panel = record["panel"]
    if panel.get("contents") != contents(panel.get("digest"), record["env"].get("data", {}), stored.rows):
        raise ResultError(f"{folder / RESULT} states contents that are not those of {EPISODES}")


def is_result(folder: Path) -> bool:
    """Whether a folder looks like a result directory (a training run's folder has no `result.json`)."""
    return (folder / RESULT).is_file()


def _read_record(path: Path) -> Record:
    try:
        record = json.loads(path.read_bytes().decode())
    except OSError as error:
        raise ResultError(
            f"cannot read {path}: {error.strerror}; a result is a folder with {RESULT}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} holds no JSON: {error}") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        schema = record.get("schema") if isinstance(record, dict) else None
        raise ResultError(f"{path} has schema {schema!r}; this version of turngym reads schema {SCHEMA}")
    _check_keys(record, KEYS, str(path))
    return record


def _check_keys(record: Any, kinds: Mapping[str, Any], where: str) -> None:
    if not isinstance(record, dict):
        raise ResultError(f"{where} is no JSON object")
    for key, kind in kinds.items():
        if key not in record:
            raise ResultError(f"{where} has no {key!r}")
        if not isinstance(record[key], kind) or (kind is int and isinstance(record[key], bool)):
            raise ResultError(f"{where} has {key} = {record[key]!r}, which is of the wrong type")


def _read_lines(path: Path) -> Iterator[Record]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                yield parsed(text, f"{path} line {number}")
    except (OSError, EOFError, zlib.error) as error:
        raise ResultError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def parsed(text: bytes, where: str) -> Record:
    """The record of a line. Raises `ResultError`, which names the place, where it is no JSON object."""
    try:
        record = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{where} holds no JSON: {error}") from error
    if not isinstance(record, dict):
        raise ResultError(f"{where} is no JSON object")
    return record


def _compressed(records: Iterable[Record]) -> bytes:
    """Gzip without name and time, so that equal records give equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        for record in records:
            file.write(line(record))
    return buffer.getvalue()


def replace(path: Path, content: bytes) -> None:
    """Write a file whole: beside the file and rename, so that a crash leaves the old one or the new one."""
    draft = path.with_name(f"{path.name}.part")
    draft.write_bytes(content)
    os.replace(draft, path)
