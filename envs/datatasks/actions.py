"""An action as an agent writes it: run a program, or answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from turngym.envs.tools.calls import Malformed, read
from turngym.envs.tools.domain import Call

GRAMMAR = (
    "Run a program with python[CODE], give the final answer with answer[TEXT]; or one JSON object "
    '{"name": "python", "arguments": {"code": CODE}} or {"name": "answer", "arguments": {"answer": TEXT}}.'
)
"""What `info["grammar"]` says."""

_ARGUMENT = {"python": "code", "answer": "answer"}
_WRITTEN = re.compile(r"\s*(python|answer)\s*\[(.*)\]\s*", re.DOTALL)
_FENCED = re.compile(r"\s*```(?:python|py)\s*\n(.*?)\n?```\s*", re.DOTALL)


def calls(action: str) -> Sequence[Call]:
    """The calls that an action makes, at least one; raises `Malformed` where it makes none."""
    if written := _WRITTEN.fullmatch(action):
        return [Call(name=written[1], arguments={_ARGUMENT[written[1]]: written[2]})]
    if fenced := _FENCED.fullmatch(action):
        return [Call(name="python", arguments={"code": fenced[1]})]
    move = read(action)
    if isinstance(move, str):
        raise Malformed(f"this is no action. {GRAMMAR}")
    return move


def python(code: str) -> str:
    """The action that runs `code`."""
    return f"python[{code}]"


def answer(text: str) -> str:
    """The action that answers `text`."""
    return f"answer[{text}]"
