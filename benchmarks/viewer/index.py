"""One pass over a file of episodes: where each lies, and what a list of them shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from turngym.benchmarks.viewer.lines import Lines, Place
from turngym.core.episodes import from_record
from turngym.core.errors import UserError
from turngym.core.types import Trajectory

BROKEN = (ValueError, KeyError, TypeError, RecursionError)
"""What reading a line that holds no episode raises."""


class Changed(UserError, RuntimeError):
    """The file was replaced since it was indexed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What the list shows of an episode."""

    place: Place
    task: str
    member: int
    status: str
    success: bool | None
    reward: float
    turns: int
    invalid: int
    """Turns whose reply was malformed or whose action was refused."""
    tokens: int | None
    """Sampled ones; `None` where they are not stored, or the engine did not say."""
    error: str
    """The first line of it."""


class Index:
    """The episodes of a file, in the order of its lines.

    Lines that hold no episode are told in `faults` and take nothing else with them. All methods may be called
    from several threads.
    """

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = []
        self.faults: list[str] = []
        self.generation = 0
        """Grows when the file was replaced, and all numbers of episodes with it."""
        self._lines = Lines(path)
        self._lock = RLock()
        self.refresh()

    @property
    def notes(self) -> list[str]:
        """What a reader has to know about the file, a sentence each."""
        name = self._lines.path.name
        damage = [self._lines.damage] if self._lines.damage else []
        unfinished = [] if self._lines.ended else [f"the last line of {name} is still being written"]
        return [*damage, *self.faults, *unfinished]

    def refresh(self) -> None:
        """Take in what was added; start over where the file was replaced."""
        with self._lock:
            if self._lines.replaced():
                self._lines.restart()
                self.rows, self.faults, self.generation = [], [], self.generation + 1
            for place, line in self._lines.new():
                self._take(place, line)

    def _take(self, place: Place, line: bytes) -> None:
        if not line.strip():
            return
        try:
            self.rows.append(_row(place, *_parse(line)))
        except BROKEN as error:
            if line.endswith(b"\n"):
                self.faults.append(f"{self._lines.path.name} line {place.number} {_fault(error)}")
            else:
                self._lines.unread(place)

    def record(self, number: int) -> dict[str, Any]:
        """The stored record of an episode. Raises `IndexError`, and `Changed` where the file was replaced."""
        return self._read(number)[0]

    def trajectory(self, number: int) -> Trajectory:
        """The episode itself. Raises as `record` does."""
        return self._read(number)[1]

    def _read(self, number: int) -> tuple[dict[str, Any], Trajectory]:
        with self._lock:
            row = self._row(number)
            try:
                record, trajectory = _parse(self._lines.read(row.place))
            except BROKEN as error:
                raise self._changed() from error
        if (trajectory.task.id, trajectory.member) != (row.task, row.member):
            raise self._changed()
        return record, trajectory

    def _changed(self) -> Changed:
        return Changed(f"{self._lines.path.name} was replaced; load the page again")

    def _row(self, number: int) -> Row:
        if not 0 <= number < len(self.rows):
            raise IndexError(f"there is no episode {number}; there are {len(self.rows)}")
        return self.rows[number]

    def search(self, text: str) -> Iterator[int]:
        """The numbers of the episodes whose `searched` texts contain `text`, in any case."""
        needle = text.lower()
        for number, row in enumerate(list(self.rows)):
            with self._lock:
                line = self._lines.read(row.place)
            if _may_contain(line, needle) and _contains(line, needle):
                yield number


def searched(record: dict[str, Any]) -> Iterator[str]:
    """The texts of an episode in which a search looks: task, observations, replies, actions, error, end."""
    yield from (from_record(record).task.id, record["final_obs"], record["error"] or "")
    for turn in record["turns"]:
        yield from (turn["obs"], turn["action"])
        for call in turn.get("calls", ()):
            yield "".join(call.get("pieces") or ())
            spoken = call["spoken"]["reply"].get("content") if call.get("spoken") else ""
            yield spoken if isinstance(spoken, str) else ""


def _contains(line: bytes, needle: str) -> bool:
    try:
        return any(needle in text.lower() for text in searched(json.loads(line)))
    except BROKEN:
        return False  # the file was replaced under the search


def _may_contain(line: bytes, needle: str) -> bool:
    """False only where the line's bytes alone show that no text of it contains the needle.

    Reading 10,000 lines this way takes a tenth of the time of parsing them.
    """
    plain = line.isascii() and b"\\u" not in line and b"\\/" not in line and needle.isascii()
    split = b'"pieces"' in line  # a reply is stored token by token
    return not plain or split or json.dumps(needle)[1:-1].encode() in line.lower()


def _parse(line: bytes) -> tuple[dict[str, Any], Trajectory]:
    record = json.loads(line.decode())
    return record, from_record(record)


def _row(place: Place, record: dict[str, Any], trajectory: Trajectory) -> Row:
    return Row(
        place=place,
        task=trajectory.task.id,
        member=trajectory.member,
        status=trajectory.status.value,
        success=trajectory.success,
        reward=trajectory.reward,
        turns=len(trajectory.turns),
        invalid=sum(not turn.valid for turn in trajectory.turns),
        tokens=_sampled(record, trajectory),
        error=(trajectory.error or "").partition("\n")[0],
    )


def _sampled(record: dict[str, Any], trajectory: Trajectory) -> int | None:
    sampled = [call.sampled for turn in trajectory.turns for call in turn.calls]
    stored = any("calls" in turn for turn in record["turns"])
    told = [each for each in sampled if each is not None]
    return sum(told) if stored and len(told) == len(sampled) else None


def _fault(error: Exception) -> str:
    reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
    return f"is no episode: {reason[:300]}"
