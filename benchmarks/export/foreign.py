"""The forms in which others store a trajectory, each read into the same few things."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from turngym.agents.parse import Parser
from turngym.core.types import Status

Record = Mapping[str, Any]
Said = tuple[str, str]
"""Role (`system`, `user` or `assistant`) and text."""

ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "observation": "user",
    "tool": "user",
    "function_response": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "function_call": "assistant",
}
OBSERVATION = "Observation:"


class Malformed(ValueError):
    """A record that holds no trajectory; the message says what is missing."""


@dataclass(kw_only=True)
class Heard:
    """One trajectory."""

    turns: list[tuple[str, str, str]]
    """Observation, whole reply, and the action in it; at least one."""
    final_obs: str = ""
    system: str = ""
    """What came before the first observation: instructions, examples."""
    task: str = ""
    """The id of the task; empty where the record has none."""
    reward: float | None = None
    success: bool | None = None
    status: Status = Status.DONE


@dataclass(frozen=True, kw_only=True)
class Format:
    """One way of storing trajectories."""

    read: Callable[[Record, Parser], Heard]
    """Raises `Malformed`."""
    reply: str
    """The form in which its replies hold the action, as a rule."""
    about: str


def sharegpt(record: Record, parse: Parser) -> Heard:
    """`{"conversations": [{"from", "value"}, ...]}`, or `messages` with `role` and `content`; a turn a reply.

    What system and tools say stands before and between; several messages in a row that are no reply are one
    observation.
    """
    said = _said(record)
    system = "\n\n".join(text for role, text in said if role == "system")
    return _told(record, _turns([one for one in said if one[0] != "system"], parse), system)


def eto(record: Record, parse: Parser) -> Heard:
    """A conversation as ETO's data and runs store them (Song et al. 2024): instructions and examples, then the task.

    The task is the last message of the user's that is no `Observation:` and that a reply with an action follows.
    """
    said = _said(record)
    start = _start(said)
    opening = "\n\n".join(text for _, text in said[:start])
    plain = [(role, _without(text, OBSERVATION)) for role, text in said[start:]]
    return _told(record, _turns(plain, parse), opening)


def _start(said: Sequence[Said]) -> int:
    places = [
        place
        for place, ((role, text), (next_role, reply)) in enumerate(pairwise(said))
        if role == "user" and next_role == "assistant" and "Action:" in reply and not _observes(text)
    ]
    return places[-1] if places else 0


def _observes(text: str) -> bool:
    return text.lstrip().startswith(OBSERVATION)


def react(record: Record, parse: Parser) -> Heard:
    """`{"steps": [{"thought", "action", "observation"}]}`, or a `trajectory` text with these words before each line.

    The task is `question`, `task`, `instruction` or `prompt`, or what the text begins with.
    """
    opening = next(
        (record[key] for key in ("question", "instruction", "prompt", "task") if key in record), ""
    )
    if not isinstance(opening, str):
        raise Malformed(f"its task is {str(opening)[:80]!r}, which is no text")
    steps = record.get("steps")
    text = next((record[key] for key in ("trajectory", "transcript", "text") if key in record), None)
    if isinstance(text, str):
        opening_of_text, steps = _labelled(text)
        opening = opening or opening_of_text
    if not isinstance(steps, list) or not steps:
        raise Malformed("it has neither `steps`, a list, nor `trajectory`, a text with Action lines")
    said = [("user", opening), *(one for step in steps for one in _step(step))]
    return _told(record, _turns(said, parse), "")


_LABEL = re.compile(
    r"^[ \t>]*(Thought|Action|Observation)[ \t]*\d*[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE
)


def _labelled(text: str) -> tuple[str, list[dict[str, str]]]:
    """What stands before the first label, and the steps: one begins at each thought, or action without one."""
    opening, *parts = _LABEL.split(text)
    steps: list[dict[str, str]] = []
    for label, words in zip(parts[::2], parts[1::2], strict=True):
        key = label.lower()
        if not steps or key in steps[-1] or (key == "thought" and "action" in steps[-1]):
            steps.append({})
        steps[-1][key] = words.strip()
    return _without(opening.strip(), "Question:"), steps


def _step(step: Any) -> list[Said]:
    if not isinstance(step, dict) or not isinstance(step.get("action"), str):
        raise Malformed(f"step {str(step)[:80]!r} has no action")
    thought, observation = step.get("thought") or "", step.get("observation") or ""
    if not isinstance(thought, str) or not isinstance(observation, str):
        raise Malformed(f"step {str(step)[:80]!r} has a thought or an observation that is no text")
    reply = f"Thought: {thought}\nAction: {step['action']}" if thought else f"Action: {step['action']}"
    return [("assistant", reply), ("user", observation)]


def _said(record: Record) -> list[Said]:
    messages = record.get("conversations", record.get("messages", record.get("conversation")))
    if not isinstance(messages, list):
        raise Malformed("it has no `conversations` and no `messages`")
    return [_message(message, number) for number, message in enumerate(messages, start=1)]


def _message(message: Any, number: int) -> Said:
    if not isinstance(message, dict):
        raise Malformed(f"message {number} is {str(message)[:80]!r}, no JSON object")
    role, text = message.get("from", message.get("role")), message.get("value", message.get("content"))
    if not isinstance(role, str) or role not in ROLES:
        raise Malformed(f"message {number} is from {str(role)[:80]!r}; known are {', '.join(ROLES)}")
    if not isinstance(text, str):
        raise Malformed(f"message {number} has no text")
    return ROLES[role], text


def _turns(said: Sequence[Said], parse: Parser) -> tuple[list[tuple[str, str, str]], str]:
    """Observation, reply and action of every reply, and what came after the last."""
    turns, heard = [], list[str]()
    for role, text in said:
        if role == "assistant":
            turns.append(("\n\n".join(heard), text, parse(text)))
            heard = []
        elif text:
            heard.append(text)
    return turns, "\n\n".join(heard)


def _told(record: Record, told: tuple[list[tuple[str, str, str]], str], system: str) -> Heard:
    turns, final_obs = told
    if not turns:
        raise Malformed("it has no reply of an assistant's")
    meta = record["meta"] if isinstance(record.get("meta"), dict) else {}
    reward, success = _number({**meta, **record}), {**meta, **record}.get("success")
    limit = meta.get("terminate_reason") == "max_steps"
    return Heard(
        turns=turns,
        final_obs=final_obs,
        system=system,
        task=_task(record),
        reward=float(success) if reward is None and isinstance(success, bool) else reward,
        success=success if isinstance(success, bool) else None,
        status=Status.TURN_LIMIT if limit else Status.DONE,
    )


def _number(record: Record) -> float | None:
    reward = record.get("reward")
    if reward is None:
        return None
    if not isinstance(reward, int | float) or not abs(reward) <= sys.float_info.max:
        raise Malformed(f"its reward is {str(reward)[:80]!r}, which is no number")
    return float(reward)


def _task(record: Record) -> str:
    """The record's own id; of an ALFWorld game file its task and trial folder, which is the game's id here."""
    if isinstance(game := record.get("game_file"), str) and game.count("/") >= 2:
        return "/".join(game.split("/")[-3:-1])
    found = next((record[key] for key in ("id", "item_id", "task_id") if record.get(key) is not None), "")
    return str(found)


def _without(text: str, label: str) -> str:
    return text.lstrip().removeprefix(label).strip() if text.lstrip().startswith(label) else text


FORMATS = {
    "eto": Format(read=eto, reply="react", about="ETO's conversations, with Thought, Action and Observation"),
    "react": Format(
        read=react, reply="react", about="steps, or a text with Thought, Action and Observation lines"
    ),
    "sharegpt": Format(
        read=sharegpt, reply="plain", about="conversations, from and value, or role and content"
    ),
}
