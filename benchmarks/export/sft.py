"""Rows for supervised fine-tuning, as TRL's `SFTTrainer` reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from turngym.agents.llm import Message
from turngym.benchmarks.export.dialogue import Dialogue, Exchange
from turngym.benchmarks.export.files import Row
from turngym.core.types import Trajectory


def conversations(dialogues: Iterable[Dialogue]) -> list[Row]:
    """One conversation an episode: TRL's conversational language modelling, for `assistant_only_loss`."""
    return [
        {
            "messages": [*dialogue.exchanges[-1].prompt, dialogue.exchanges[-1].message],
            **about(dialogue.trajectory),
        }
        for dialogue in dialogues
        if dialogue.exchanges
    ]


def replies(dialogues: Iterable[Dialogue]) -> list[Row]:
    """One prompt and completion a reply: TRL's prompt-completion, in which the loss is on the completion alone."""
    return [
        {
            "prompt": exchange.prompt,
            "completion": completion(exchange),
            "turn": exchange.turn,
            **about(dialogue.trajectory),
        }
        for dialogue in dialogues
        for exchange in dialogue.exchanges
    ]


def completion(exchange: Exchange) -> list[Message] | str:
    """The reply in the terms of its prompt."""
    return exchange.reply if isinstance(exchange.prompt, str) else [exchange.message]


def about(trajectory: Trajectory) -> dict[str, Any]:
    """Where a row comes from."""
    return {
        "env": trajectory.task.env,
        "task": trajectory.task.id,
        "member": trajectory.member,
        "reward": float(trajectory.reward),
        "success": trajectory.success,
    }
