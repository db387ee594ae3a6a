"""Stored episodes with what a `Trajectory` does not hold: prompts and replies as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turngym.agents.llm import Message
from turngym.benchmarks.bounded import TooLarge, lines
from turngym.core.episodes import Record, from_record
from turngym.core.errors import ConfigError
from turngym.core.types import Trajectory

Prompt = list[Message] | str
"""Messages, or the exact text with the template's special tokens."""
FILES = ("traces.jsonl.gz", "episodes.jsonl")
"""Where the episodes of a folder are: those of a result, those of a training run."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """One call of the model in text."""

    prompt: Prompt | None
    """Messages, or the text with special tokens; `None` where neither is stored."""
    reply: str
    """Without the token that ended it."""
    end: str = ""
    """That token."""
    chosen: bool = True
    """False for a candidate that was not acted on."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One stored episode."""

    trajectory: Trajectory
    said: list[list[Said]]
    """Turn by turn, the calls whose text is stored."""
    where: str
    """File and line, for messages."""


def read(source: Path) -> tuple[list[Episode], list[str]]:
    """The episodes of a file or folder, and a sentence for every line that holds none.

    Raises `ConfigError` where there is no such file, or one that cannot be read to its end.
    """
    path = _file(source)
    episodes, faults = [], []
    try:
        for number, line in enumerate(lines(path), start=1):
            where = f"{path.name} line {number}"
            try:
                episodes.append(_episode(json.loads(line), where))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                reason = f"it has no {error}" if isinstance(error, KeyError) else error
                faults.append(f"{where} is no episode: {reason}")
    except (OSError, EOFError, TooLarge) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    return episodes, faults


def _file(source: Path) -> Path:
    candidates = [source / name for name in FILES] if source.is_dir() else [source]
    for path in candidates:
        if path.is_file():
            return path
    raise ConfigError(
        f"there are no episodes in {source}; give a file of them, or the folder of a result or of a training run"
    )


def _episode(record: Record, where: str) -> Episode:
    trajectory = from_record(record)
    return Episode(trajectory=trajectory, said=[_said(turn) for turn in record["turns"]], where=where)


def _said(turn: Record) -> list[Said]:
    """The calls of a turn; none where their text is not stored, or does not hold the action.

    The latter is so with tokenizers that drop the blanks between tokens: the pieces do not join to the reply.
    """
    if isinstance(turn.get("reply"), str):
        return [Said(prompt=None, reply=turn["reply"])]
    said = [_call(call) for call in turn.get("calls", []) if "spoken" in call or "pieces" in call]
    action = turn["action"].lower()
    return said if any(action in one.reply.lower() for one in said) else []


def _call(call: Record) -> Said:
    chosen = bool(call.get("chosen", True))
    if "spoken" in call:
        told = call["spoken"]
        return Said(
            prompt=_messages(told["messages"]), reply=_text(told["reply"]["content"] or ""), chosen=chosen
        )
    pieces, prompt = _strings(call["pieces"]), call.get("prompt")
    ended = call["stop"] == "stop" and bool(pieces)  # the last token is the end of the turn
    return Said(
        prompt=None if prompt is None else _text(prompt),
        reply=_text(call.get("reply", "".join(pieces[:-1] if ended else pieces))),
        end=pieces[-1] if ended else "",
        chosen=chosen,
    )


def _messages(value: Any) -> list[Message]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise TypeError(f"{str(value)[:80]!r} is no list of messages")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:80]!r} is no text")
    return value


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"{str(value)[:80]!r} is no list of texts")
    return value
