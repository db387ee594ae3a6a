"""An attempt at an episode as a result keeps it: its trace, turn by turn, and its row, a line that sums it up."""

from __future__ import annotations

from math import isfinite
from typing import Any, Protocol

from turngym.benchmarks.result import Record, digest
from turngym.core.episodes import to_record
from turngym.core.types import Status, Task, Trajectory


class Decodes(Protocol):
    """A tokenizer, as far as a trace needs it."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str: ...


def trace(attempt: Trajectory, tokenizer: Decodes | None = None) -> Record:
    """The attempt with tokens and admissible actions and, of every call, `prompt`, `reply` and `pieces` in text.

    `prompt` is the text of the prompt's ids with special tokens, `reply` that of the sampled ids without, `pieces`
    that of each sampled id; only where there is a tokenizer.
    """
    record = to_record(attempt, tokens=True)
    if tokenizer is not None:
        for call in _calls(record):
            call["prompt"] = tokenizer.decode(call["prompt_ids"], skip_special_tokens=False)
            call["reply"] = tokenizer.decode(call["action_ids"], skip_special_tokens=True)
            call["pieces"] = [tokenizer.decode([id], skip_special_tokens=False) for id in call["action_ids"]]
    return record


def _calls(record: Record) -> list[Record]:
    return [call for turn in record["turns"] for call in turn["calls"]]


def row(record: Record) -> Record:
    """The line of `episodes.jsonl` for a trace. Raises `KeyError`, `TypeError` or `ValueError` for what is none."""
    task = Task(env=record["env"], seed=record["seed"], options=record["options"])
    reward = sum(turn["reward"] for turn in record["turns"])
    return {
        "task": task.id,
        "env": task.env,
        "seed": task.seed,
        "options": task.options,
        "member": record["member"],
        "status": record["status"],
        "success": record["success"],
        "reward": float(reward) if isfinite(reward) else None,
        "score": record["score"],
        "turns": len(record["turns"]),
        "tokens": _tokens(record),
        "seconds": record.get("seconds"),
        "category": record["category"],
        "start": start(record),
        "error": record["error"],
        "counted": not Status(record["status"]).failed,
    }


def _tokens(record: Record) -> int | None:
    """How many tokens the model sampled; `None` where an engine did not say."""
    sampled = [
        call["spoken"]["tokens"] if "spoken" in call else len(call["action_ids"]) for call in _calls(record)
    ]
    return None if None in sampled else sum(sampled)


def start(record: Record) -> str | None:
    """Digest of what the reset showed: observation, state and admissible actions; `None` if no turn was made.

    A state that is written by its `repr`, which may differ from process to process, is left out.
    """
    if not record["turns"]:
        return None
    first = record["turns"][0]
    state = first["state"] if _repeats(first["state"]) else None
    return digest([first["obs"], state, first.get("admissible")])


def _repeats(state: Any) -> bool:
    return all(map(_repeats, state)) if isinstance(state, list) else not isinstance(state, dict)
