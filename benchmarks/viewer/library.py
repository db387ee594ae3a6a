"""Everything that a page may ask about the runs it shows, answered in JSON's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turngym.benchmarks.viewer import credit
from turngym.benchmarks.viewer.curves import curves
from turngym.benchmarks.viewer.index import Index, Row
from turngym.benchmarks.viewer.runs import Run, find
from turngym.benchmarks.viewer.sendable import lookup, sendable
from turngym.core.types import Group, Trajectory

Answer = dict[str, Any]
COLUMNS = ("member", "status", "success", "reward", "turns", "invalid", "tokens", "error")
NOTES = 20
"""How many sentences about a file are told in full."""


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """A run with the index of its episodes, if it has any."""

    run: Run
    index: Index | None


class Library:
    """Several runs, by their number. What is asked of a run or an episode that is not there raises `LookupError`."""

    def __init__(
        self, paths: Sequence[Path], methods: Sequence[str] = credit.DEFAULT, *, limit: int | None = None
    ) -> None:
        """`methods` are shown at first; of each run at most `limit` episodes are shown.

        Raises `ConfigError` for a path without a run.
        """
        self._methods, self._limit = tuple(methods), limit
        self._shelf = [_shelved(find(path)) for path in paths]

    def overview(self) -> Answer:
        """The runs, and the credit methods on offer."""
        runs = [
            {
                "name": each.run.name,
                "facts": each.run.facts,
                "episodes": each.index is not None,
                "curves": each.run.metrics is not None,
            }
            for each in self._shelf
        ]
        return {"runs": runs, "methods": self._methods, "offered": credit.offered()}

    def rows(self, run: int, after: int = 0, generation: int = 0) -> Answer:
        """What the list shows, column by column, of the episodes from number `after` on.

        From the first on, if the file was replaced since `generation`.
        """
        index = self._index(run)
        index.refresh()
        after = after if generation == index.generation else 0
        rows = index.rows[after : self._limit]
        tasks = {task: number for number, task in enumerate(dict.fromkeys(row.task for row in rows))}
        return {
            "generation": index.generation,
            "after": after,
            "tasks": list(tasks),
            "columns": {"task": [tasks[row.task] for row in rows], **_columns(rows)},
            "stored": len(index.rows),
            "notes": _few(index.notes),
        }

    def episode(self, run: int, number: int) -> Answer:
        """An episode turn by turn; long texts are cut. Raises `Changed` where the file was replaced."""
        index = self._index(run)
        row, record = self._row(index, number), index.record(number)
        turns = [_shown(turn) for turn in record["turns"]]
        answer: Answer = sendable({**record, "turns": turns, "task": row.task, "reward": row.reward})
        return answer

    def text(self, run: int, number: int, path: str) -> Answer:
        """All of a text, or of a list, that `episode` cut."""
        return {"whole": lookup(self._index(run).record(number), path)}

    def group(self, run: int, number: int) -> Answer:
        """The episodes of an episode's task side by side, and where their states coincide."""
        members = self._members(run, number)
        group = _grouped([trajectory for _, trajectory in members])
        keys = iter(zip(*credit.shared(group), strict=True))
        answer: Answer = sendable({"members": [_member(number, each, keys) for number, each in members]})
        return answer

    def credit(self, run: int, number: int, methods: Sequence[str]) -> Answer:
        """The methods' credit for the turns of the episode's group, by the number of the episode."""
        members = self._members(run, number)
        group = _grouped([trajectory for _, trajectory in members])
        counted = [str(number) for number, trajectory in members if not trajectory.status.failed]
        opinions = [credit.opinion(group, method) for method in methods]
        for each in opinions:
            if "credit" in each:
                each["credit"] = dict(zip(counted, each["credit"], strict=True))
        return {"methods": opinions}

    def search(self, run: int, text: str) -> Answer:
        """The numbers of the episodes that contain a text."""
        return {"found": list(self._index(run).search(text))}

    def curves(self, run: int) -> Answer:
        """What a training run logged; nothing for another run."""
        metrics = self._find(run).run.metrics
        logged = curves(metrics) if metrics else {"stages": {}, "faults": []}
        answer: Answer = sendable({**logged, "faults": _few(logged["faults"])})
        return answer

    def _find(self, run: int) -> Shelved:
        if not 0 <= run < len(self._shelf):
            raise LookupError(f"there is no run {run}; there are {len(self._shelf)}")
        return self._shelf[run]

    def _index(self, run: int) -> Index:
        index = self._find(run).index
        if index is None:
            raise LookupError(f"run {run} has no episodes")
        return index

    def _row(self, index: Index, number: int) -> Row:
        shown = index.rows[: self._limit]
        if not 0 <= number < len(shown):
            raise LookupError(f"there is no episode {number}; there are {len(shown)}")
        return shown[number]

    def _members(self, run: int, number: int) -> list[tuple[int, Trajectory]]:
        """The episodes of the same task, with their numbers."""
        index = self._index(run)
        task = self._row(index, number).task
        numbers = [other for other, row in enumerate(index.rows[: self._limit]) if row.task == task]
        return [(other, index.trajectory(other)) for other in numbers]


def _shelved(run: Run) -> Shelved:
    return Shelved(run=run, index=None if run.episodes is None else Index(run.episodes))


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {name: [sendable(getattr(row, name)) for row in rows] for name in COLUMNS}


def _few(sentences: Sequence[str]) -> list[str]:
    rest = len(sentences) - NOTES
    return [*sentences[:NOTES], *([f"and {rest} more"] if rest > 0 else [])]


def _shown(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn without the ids of prompts whose text is there."""
    calls = [_without_ids(call) if call.get("prompt") else call for call in turn.get("calls", ())]
    return {**turn, "calls": calls}


def _without_ids(call: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in call.items() if key != "prompt_ids"}
    return {**rest, "prompt_tokens": len(call["prompt_ids"])}


def _grouped(trajectories: Sequence[Trajectory]) -> Group:
    """As `turngym credit` groups them: failed episodes apart."""
    return Group(
        task=trajectories[0].task,
        trajectories=[each for each in trajectories if not each.status.failed],
        failed=[each for each in trajectories if each.status.failed],
    )


def _member(number: int, episode: Trajectory, keys: Any) -> dict[str, Any]:
    """One column of the group; `keys` of a turn are its group's numbers at each depth, none in a failed episode."""
    return {
        "number": number,
        "member": episode.member,
        "status": episode.status.value,
        "success": episode.success,
        "reward": episode.reward,
        "actions": [turn.action for turn in episode.turns],
        "rewards": [turn.reward for turn in episode.turns],
        "valid": [turn.valid for turn in episode.turns],
        "keys": None if episode.status.failed else next(keys),
    }
