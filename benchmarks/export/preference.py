"""Pairs of a better and a worse episode of one task, as TRL's `DPOTrainer` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any

from turngym.agents.llm import Message
from turngym.benchmarks.export.dialogue import Dialogue
from turngym.benchmarks.export.files import Row
from turngym.benchmarks.export.sft import completion
from turngym.core.types import Task

Pair = tuple[Dialogue, Dialogue]


def preferences(dialogues: Iterable[Dialogue], *, whole: bool) -> list[Row]:
    """A row for every two episodes of a task of which one has more reward, unless the row is there already.

    `whole`: after the shared opening, everything that followed (Song et al. 2024, ETO, arXiv 2403.02502, whose
    loss masks the observations in it; TRL's does not). Otherwise the first two replies that differ after one and
    the same prompt, which hold no observation; episodes that never answer one prompt differently give no row.
    """
    row = _continuations if whole else _forks
    rows = (made for pair in pairs(dialogues) for made in [row(*pair)] if made is not None)
    return list(_unique(rows))


def pairs(dialogues: Iterable[Dialogue]) -> Iterator[Pair]:
    """Better and worse episode of one task, by reward, in the order in which they are stored."""
    groups: dict[Task, list[Dialogue]] = {}
    for dialogue in dialogues:
        if dialogue.exchanges:
            groups.setdefault(dialogue.trajectory.task, []).append(dialogue)
    for group in groups.values():
        for one, other in permutations(group, 2):
            if one.trajectory.reward > other.trajectory.reward:
                yield one, other


def _continuations(better: Dialogue, worse: Dialogue) -> Row | None:
    prompt = better.exchanges[0].prompt
    if prompt != worse.exchanges[0].prompt:
        return None
    return _row(prompt, _after(better), _after(worse), (better, worse), turn=0)


def _after(dialogue: Dialogue) -> list[Message]:
    """What follows the first prompt, to the last reply."""
    last = dialogue.exchanges[-1]
    messages: list[Message] = [*last.prompt, last.message]
    return messages[len(dialogue.exchanges[0].prompt) :]


def _forks(better: Dialogue, worse: Dialogue) -> Row | None:
    for one, other in zip(better.exchanges, worse.exchanges, strict=False):
        if one.prompt != other.prompt:
            return None
        if one.reply != other.reply:
            return _row(one.prompt, completion(one), completion(other), (better, worse), turn=one.turn)
    return None


def _row(prompt: Any, chosen: Any, rejected: Any, pair: Pair, *, turn: int) -> Row:
    better, worse = (dialogue.trajectory for dialogue in pair)
    return {
        "prompt": prompt,
        "chosen": chosen,
        "rejected": rejected,
        "turn": turn,
        "env": better.task.env,
        "task": better.task.id,
        "margin": float(better.reward - worse.reward),
    }


def _unique(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of which no earlier one has the same three texts."""
    seen = set()
    for row in rows:
        key = repr((row["prompt"], row["chosen"], row["rejected"]))
        if key not in seen:
            seen.add(key)
            yield row
