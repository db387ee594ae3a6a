"""What a board knows of one result directory, or why it does not list it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turngym.benchmarks import strict
from turngym.benchmarks.levels import LEVELS, read_level
from turngym.benchmarks.result import RESULT, Record, Stored
from turngym.benchmarks.verify import verify
from turngym.core.errors import PrerequisiteError, UserError

CHECKPOINT = re.compile(r"(?P<run>.+)/checkpoints/step-(?P<step>\d+)/policy/?")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A sound result."""

    stored: Stored
    verified: str
    """`recomputed`, which reading does, or what `verified.json` says beyond it."""
    notes: Sequence[str]
    """What reading could not check."""

    @property
    def id(self) -> str:
        """The result's address."""
        return self.stored.id

    @property
    def folder(self) -> str:
        """The directory's name, without the place it lies in, which no page shows."""
        return self.stored.folder.name

    @property
    def record(self) -> Record:
        """`result.json`."""
        return self.stored.record

    @property
    def panel(self) -> Mapping[str, Any]:
        """The panel it was played on."""
        panel: Mapping[str, Any] = self.record["panel"]
        return panel

    @property
    def agent(self) -> str:
        """The agent's name."""
        return str(self.record["agent"]["name"])

    @property
    def model(self) -> str | None:
        """The model's name, short where it is a checkpoint of a run; `None` for an agent without one."""
        return None if self.record["model"] is None else short(str(self.record["model"]["name"]))

    @property
    def name(self) -> str:
        """Agent and, where there is one, model."""
        return self.agent if self.model is None else f"{self.agent} · {self.model}"


def short(model: str) -> str:
    """`runs/hgpo at step 40` for `runs/hgpo/checkpoints/step-000040/policy`; other names as they are."""
    found = CHECKPOINT.fullmatch(model)
    return f"{'/'.join(found['run'].split('/')[-2:])} at step {int(found['step'])}" if found else model


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A directory that is shown with the reason why it has no row."""

    folder: str
    reason: str


def collect(places: Iterable[Path]) -> tuple[list[Entry], list[Refused]]:
    """The results among the directories, and in those below them; of equal ones the first by name.

    Raises `PrerequisiteError` where a place is no directory or has no result in it.
    """
    found = sorted({folder for place in places for folder in _results(place)})
    read_in = [read(folder) for folder in found]
    entries = {entry.id: entry for entry in reversed(read_in) if isinstance(entry, Entry)}
    ordered = sorted(entries.values(), key=lambda entry: entry.id)
    return ordered, sorted(
        (refused for refused in read_in if isinstance(refused, Refused)), key=lambda refused: refused.folder
    )


def _results(place: Path) -> list[Path]:
    folders = [path.parent for path in place.rglob(RESULT)]
    if not folders:
        raise PrerequisiteError(
            f"{place} has no result in it; name directories that turngym run BENCHMARK --out DIR has filled"
        )
    return folders


def read(folder: Path) -> Entry | Refused:
    """The result in a folder, if everything in it that can be computed again is as it says."""
    try:
        verdict = verify(folder)
        if verdict.differences:
            return Refused(folder=folder.name, reason=_reason(verdict.differences, folder))
        stored = strict.read(folder)
    except UserError as error:
        return Refused(folder=folder.name, reason=_reason([str(error)], folder))
    level = max("recomputed", read_level(folder, stored.id), key=LEVELS.index)
    return Entry(stored=stored, verified=level, notes=verdict.notes)


def _reason(differences: Sequence[str], folder: Path) -> str:
    more = f" (and {len(differences) - 1:,} more)" if len(differences) > 1 else ""
    return differences[0].replace(f"{folder}/", "").replace(str(folder), folder.name) + more
