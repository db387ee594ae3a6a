"""A run under way: what it was asked for and the attempts so far, in a file that only grows.

A run that was killed, or that lost episodes, goes on from here. `run.json` holds the plan, `attempts.jsonl` a line
per attempt; both go when the result is written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from turngym.benchmarks import Benchmark
from turngym.benchmarks.result import (
    EPISODES,
    TRACES,
    Record,
    ResultError,
    Stored,
    is_result,
    line,
    parsed,
    read_result,
    replace,
)
from turngym.benchmarks.score import by_place
from turngym.benchmarks.trace import row
from turngym.core.errors import ConfigError
from turngym.core.types import Task

PLAN, ATTEMPTS = "run.json", "attempts.jsonl"
FOREIGN = (EPISODES, TRACES, ATTEMPTS, "run.toml")
"""Without a plan or a result beside them, these are of something else."""


def finished(folder: Path, plan: Mapping[str, Any]) -> Stored | None:
    """The result in the folder, where it is one of this plan that lost no episode.

    Raises `ConfigError` where it is of another plan, `ResultError` where it is damaged.
    """
    if not is_result(folder) or (folder / PLAN).exists():
        return None
    stored = read_result(folder)
    _check_plan(folder, {key: stored.record[key] for key in plan}, plan)
    return None if stored.record["counts"]["lost"] else stored


class Journal:
    """The attempts of one run, on disk and as rows; close it at the end.

    Opening a folder goes on with the run in it. Raises `ConfigError` where that has another plan or the folder
    holds something else, `ResultError` where its files are damaged before their last line.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self.folder, self.plan = folder, plan
        self.rows: list[Record] = []
        """In the order in which the attempts ended."""
        self.cost: float | None = None
        """Dollars of all sessions, where the engine tells them."""
        self.dropped = 0
        """Bytes of a half-written last line, which a killed run left."""
        self._began = time.perf_counter()
        self._spent = 0.0
        self._places: list[int] = []
        self._file = self._open()
        self._paid = self.cost

    @property
    def seconds(self) -> float:
        """Wall time of all sessions."""
        return self._spent + time.perf_counter() - self._began

    def add(self, trace: Record, cost: float | None = None) -> None:
        """Keep an attempt. `cost` is what this session has spent so far, in dollars."""
        paid = [part for part in (self._paid, cost) if part is not None]
        self.cost = sum(paid) if paid else None
        entry = {"seconds": self.seconds, "cost": self.cost, "trace": trace}
        self._note(trace, self._file.tell())
        self._file.write(line(entry))
        self._file.flush()

    def missing(self, benchmark: Benchmark) -> list[tuple[Task, int]]:
        """The episodes without an attempt that counts, in the panel's order, each a task and a member."""
        done = {(one["task"], one["member"]) for one in self.rows if one["counted"]}
        planned = ((task, member) for task in benchmark.tasks for member in range(benchmark.samples))
        return [(task, member) for task, member in planned if (task.id, member) not in done]

    def ordered(self, benchmark: Benchmark) -> tuple[list[Record], Iterator[Record]]:
        """The rows by place in the panel, member and attempt, and their traces, read one by one."""
        key = by_place(benchmark)
        order = sorted(range(len(self.rows)), key=lambda number: key(self.rows[number]))
        return [self.rows[number] for number in order], (self._trace(number) for number in order)

    def close(self) -> None:
        """Close the file; the run may go on from it."""
        self._file.close()

    def remove(self) -> None:
        """Remove plan and attempts, once the result is written."""
        (self.folder / PLAN).unlink()
        (self.folder / ATTEMPTS).unlink()

    def _open(self) -> BinaryIO:
        if (self.folder / PLAN).exists():
            there = parsed((self.folder / PLAN).read_bytes(), str(self.folder / PLAN))
            _check_plan(self.folder, there, self.plan)
        elif is_result(self.folder):
            self._reopen(read_result(self.folder))
        else:
            self._claim()
        file = (self.folder / ATTEMPTS).open("a+b")
        self._load(file)
        return file

    def _claim(self) -> None:
        for name in FOREIGN:
            if (self.folder / name).exists():
                raise ConfigError(
                    f"{self.folder} already holds {name} of something else; choose another --out"
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        replace(self.folder / PLAN, line(dict(self.plan)))

    def _reopen(self, stored: Stored) -> None:
        """Take up a result that lost episodes."""
        record = stored.record
        _check_plan(self.folder, {key: record[key] for key in self.plan}, self.plan)
        head = {"seconds": record["seconds"], "cost": record["cost"]}
        replace(self.folder / ATTEMPTS, b"".join(line(head | {"trace": one}) for one in stored.traces()))
        replace(self.folder / PLAN, line(dict(self.plan)))

    def _load(self, file: BinaryIO) -> None:
        file.seek(0)
        place = 0
        for number, text in enumerate(file, start=1):
            if not text.endswith(b"\n"):
                self.dropped = len(text)
                break
            self._take(parsed(text, f"{self.folder / ATTEMPTS} line {number}"), place, number)
            place += len(text)
        file.truncate(place)
        file.seek(0, 2)

    def _take(self, entry: Record, place: int, number: int) -> None:
        try:
            self._note(entry["trace"], place)
            self._spent, self.cost = entry["seconds"], entry["cost"]
        except (KeyError, TypeError, ValueError) as error:
            raise ResultError(
                f"{self.folder / ATTEMPTS} line {number} is no attempt ({error!r}); mend it or start in another folder"
            ) from error

    def _note(self, trace: Record, place: int) -> None:
        self.rows.append(row(trace))
        self._places.append(place)

    def _trace(self, number: int) -> Record:
        self._file.seek(self._places[number])
        trace: Record = json.loads(self._file.readline())["trace"]
        return trace


def _check_plan(folder: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where the run in the folder was asked for something else."""
    known = json.loads(line(dict(asked)))  # tuples and the like as they are on disk
    for key, theirs, ours in _differences(_leaves(there), _leaves(known)):
        raise ConfigError(
            f"{folder} holds a run with {key} = {theirs!r}, and this one has {ours!r}; choose another --out"
        )


def _leaves(value: Any, path: str = "") -> Record:
    """The values by dotted path; what a panel says about itself changes nothing."""
    if not isinstance(value, Mapping) or not value:
        return {path: value}
    inner = {f"{path}.{key}".strip("."): item for key, item in value.items()}
    return {
        place: leaf
        for key, item in inner.items()
        if key not in ("panel.about", "panel.contents")
        for place, leaf in _leaves(item, key).items()
    }


def _differences(there: Record, asked: Record) -> Iterator[tuple[str, Any, Any]]:
    for key in [*asked, *(key for key in there if key not in asked)]:
        if there.get(key) != asked.get(key):
            yield key, there.get(key), asked.get(key)
