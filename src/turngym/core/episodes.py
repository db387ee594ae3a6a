"""Episodes on disk: one JSON line each, plain or in gzip, and as text that a person reads."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Hashable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from turngym.core.types import Call, Spoken, Status, Task, Trajectory, Turn

Record = dict[str, Any]


def write_episodes(
    path: Path, trajectories: Iterable[Trajectory], *, tokens: bool = False, append: bool = False
) -> None:
    """One line per episode; `tokens` keeps the model calls and admissible actions too, which take far more room."""
    # A lone surrogate goes to disk as JSON's own escape.
    with path.open("a" if append else "w", encoding="utf-8", errors="backslashreplace") as file:
        for trajectory in trajectories:
            file.write(json.dumps(to_record(trajectory, tokens=tokens), ensure_ascii=False) + "\n")


def read_episodes(path: Path) -> tuple[list[Trajectory], list[str]]:
    """The episodes of a file, in gzip if it ends in `.gz`, and a sentence for every line that holds none."""
    trajectories: list[Trajectory] = []
    faults: list[str] = []
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                _read_line(line, f"{path.name} line {number}", trajectories, faults)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        faults.append(f"{path.name} cannot be unpacked further: {error}")
    return trajectories, faults


def _read_line(line: bytes, where: str, trajectories: list[Trajectory], faults: list[str]) -> None:
    if not line.strip():
        return
    try:
        trajectories.append(from_record(json.loads(line.decode())))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        faults.append(f"{where} is no episode: {_reason(error)}")


def to_record(trajectory: Trajectory, *, tokens: bool = False) -> Record:
    """The episode in JSON's terms; tuples in a state become lists, a state of another kind its text.

    `tokens` adds the model calls and the admissible actions of every turn.
    """
    record: Record = {
        "env": trajectory.task.env,
        "seed": trajectory.task.seed,
        "options": trajectory.task.options,
        "member": trajectory.member,
        "status": trajectory.status.value,
        "success": trajectory.success,
        "score": trajectory.score,
        "category": trajectory.category,
        "error": trajectory.error,
        "final_obs": trajectory.final_obs,
        "turns": [_turn_record(turn, tokens) for turn in trajectory.turns],
    }
    if trajectory.seconds is not None:
        record["seconds"] = trajectory.seconds
    return record | {"next_ids": trajectory.next_ids} if tokens and trajectory.next_ids else record


def from_record(record: Any) -> Trajectory:
    """The episode of a record. Raises `ValueError`, `KeyError` or `TypeError` where it is none."""
    return Trajectory(
        task=Task(
            env=_get(record, "env", str),
            seed=_get(record, "seed", int),
            options=_get(record, "options", dict),
        ),
        member=_get(record, "member", int),
        status=Status(record["status"]),
        success=_get(record, "success", bool | None),
        score=_get(record, "score", int | float | None, None),
        category=_get(record, "category", str | None, None),
        seconds=_get(record, "seconds", int | float | None, None),
        error=_get(record, "error", str | None),
        final_obs=_get(record, "final_obs", str),
        turns=[_turn(turn) for turn in _get(record, "turns", list)],
        next_ids=_get(record, "next_ids", list, []),
    )


def _turn_record(turn: Turn, tokens: bool) -> Record:
    record: Record = {
        "obs": turn.obs,
        "action": turn.action,
        "reward": float(turn.reward),
        "terminated": bool(turn.terminated),
        "truncated": bool(turn.truncated),
        "valid": bool(turn.valid),
        "state": state_record(turn.state),
    }
    if tokens:
        record["calls"] = [_call_record(call) for call in turn.calls]
        if turn.admissible is not None:
            record["admissible"] = turn.admissible
    return record


def _turn(record: Any) -> Turn:
    return Turn(
        obs=_get(record, "obs", str),
        action=_get(record, "action", str),
        reward=_get(record, "reward", float),
        terminated=_get(record, "terminated", bool),
        truncated=_get(record, "truncated", bool),
        valid=_get(record, "valid", bool),
        state=_state(record["state"]),
        calls=[_call(call) for call in record.get("calls", [])],
        admissible=_get(record, "admissible", list | None, None),
    )


def _call_record(call: Call) -> Record:
    record: Record = {
        "prompt_ids": call.prompt_ids,
        "action_ids": call.action_ids,
        "logprobs": call.logprobs,
        "stop": call.stop,
        "version": call.version,
    }
    if call.versions is not None:
        record["versions"] = call.versions
    if call.spoken is not None:
        record["spoken"] = asdict(call.spoken)
    return record if call.chosen else record | {"chosen": False}


def _call(record: Any) -> Call:
    return Call(
        prompt_ids=_get(record, "prompt_ids", list),
        action_ids=_get(record, "action_ids", list),
        logprobs=_get(record, "logprobs", list),
        stop=_get(record, "stop", str),
        version=_get(record, "version", int),
        versions=_get(record, "versions", list | None, None),
        spoken=_spoken(record["spoken"]) if "spoken" in record else None,
        chosen=_get(record, "chosen", bool, True),
    )


def _spoken(record: Any) -> Spoken:
    return Spoken(
        messages=_get(record, "messages", list),
        reply=_get(record, "reply", dict),
        prompt_tokens=_get(record, "prompt_tokens", int | None),
        tokens=_get(record, "tokens", int | None),
    )


def state_record(state: Hashable) -> Any:
    """A state in JSON's terms: tuples become lists, what JSON does not know becomes `{"text": its repr}`."""
    if state is None or isinstance(state, str | int | float):
        return state
    return [state_record(part) for part in state] if isinstance(state, tuple) else {"text": repr(state)}


def _state(record: Any) -> Hashable:
    if isinstance(record, list):
        return tuple(_state(part) for part in record)
    return str(record["text"]) if isinstance(record, dict) else record


def _get(record: Any, key: str, kind: Any, *default: Any) -> Any:
    """The value of a key, checked; the default, where one is given, stands in for a missing key."""
    if not isinstance(record, dict):
        raise TypeError(f"{record!r} is no JSON object")
    if default and key not in record:
        return default[0]
    if not isinstance(record[key], kind):
        raise TypeError(f"{key} = {record[key]!r} is of the wrong type")
    return record[key]


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def show(trajectory: Trajectory) -> str:
    """The episode as text: a heading, then what was seen and done, turn by turn."""
    turns = [f"{turn.obs}\n> {turn.action}{_remarks(turn)}" for turn in trajectory.turns]
    end = [trajectory.final_obs] if trajectory.final_obs else []
    return "\n\n".join([_heading(trajectory), *turns, *end]) + "\n"


def _heading(trajectory: Trajectory) -> str:
    success = {True: "success", False: "no success", None: "success not told"}[trajectory.success]
    error = f"\n{trajectory.error}" if trajectory.error else ""
    return (
        f"== {trajectory.task.id}, member {trajectory.member}: {trajectory.status}, {success}, "
        f"reward {trajectory.reward:g}, {len(trajectory.turns)} turns{error}"
    )


def _remarks(turn: Turn) -> str:
    marks = [f"reward {turn.reward:g}"] * (turn.reward != 0) + ["invalid"] * (not turn.valid)
    return f"    [{', '.join(marks)}]" if marks else ""
