"""An action as an agent writes it: calls of tools, or words for the user."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from turngym.envs.tools.domain import Call

GRAMMAR = (
    'Call a tool with one JSON object {"name": TOOL, "arguments": {...}}, with <tool_call>{...}</tool_call> blocks '
    'or with an assistant message {"role": "assistant", "content": ..., "tool_calls": [...]}; any other text is '
    "said to the user."
)
"""What `info["grammar"]` says."""

RESPOND = "respond"
"""A call of this name says its `content` to the user, as in tau-bench's agents."""

CALLS = 32
"""So many calls one action may make."""
DEPTH = 64
"""Arguments may be nested so deep."""

_BLOCK = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_FENCE = "```"
_ACTION = re.compile(r"^[ \t]*action[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)


class Malformed(ValueError):
    """Text that begins as a call and is none; the message says why, in one sentence."""


def read(action: str) -> str | tuple[Call, ...]:
    """The calls that an action makes, or else what it says to the user.

    Text beside calls, before `</think>` and before a line `Action:` is the agent's own and is not said.
    Raises `Malformed`.
    """
    text = action.strip()
    if not text.startswith("{"):
        text = text.rpartition("</think>")[2].strip()
        if blocks := _BLOCK.findall(text):
            return _made(tuple(_call(_json(block), block) for block in blocks))
        _, *acted = _ACTION.split(text, maxsplit=1)
        text = _unfenced(acted[0].strip() if acted else text)
    if not text:
        raise Malformed("the action is empty; call a tool or say something")
    return _message(_json(text), text) if text.startswith("{") else text


def written(call: Call) -> str:
    """A call in the text form."""
    return json.dumps({"name": call.name, "arguments": call.arguments})


def _unfenced(text: str) -> str:
    """The inside of a code block that is the whole text."""
    if len(text) < 2 * len(_FENCE) or not (text.startswith(_FENCE) and text.endswith(_FENCE)):
        return text
    return text[len(_FENCE) : -len(_FENCE)].removeprefix("json").strip()


def _message(value: Any, text: str) -> str | tuple[Call, ...]:
    """A native assistant message or one call."""
    if not (isinstance(value, dict) and (value.get("role") == "assistant" or "tool_calls" in value)):
        return _made((_call(value, text),))
    calls = value.get("tool_calls") or []
    if not isinstance(calls, list):
        raise Malformed('"tool_calls" must be a list of calls')
    return _made(tuple(map(_native, calls))) if calls else _content(value)


def _made(calls: tuple[Call, ...]) -> str | tuple[Call, ...]:
    """The calls, or what a single one of `respond` says."""
    if len(calls) > CALLS:
        raise Malformed(f"one action may make {CALLS} calls, not {len(calls)}")
    return _content(calls[0].arguments) if [call.name for call in calls] == [RESPOND] else calls


def _native(value: Any) -> Call:
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict):
        raise Malformed('a call must be {"id": ..., "type": "function", "function": {"name", "arguments"}}')
    return _call(function, json.dumps(function), id=str(value.get("id") or ""))


def _call(value: Any, text: str, id: str = "") -> Call:
    if not (isinstance(value, dict) and isinstance(value.get("name"), str)):
        raise Malformed(f'a call must be {{"name": TOOL, "arguments": {{...}}}}, not {_short(text)}')
    arguments: Any = next((value[key] for key in ("arguments", "kwargs", "parameters") if key in value), {})
    arguments = _json(arguments or "{}") if isinstance(arguments, str) else arguments or {}
    if not isinstance(arguments, dict):
        raise Malformed(f"the arguments of {value['name'][:80]!r} must be a JSON object")
    return Call(name=value["name"], arguments=arguments, id=id)


def _content(value: Mapping[str, Any]) -> str | tuple[Call, ...]:
    """What a message says; blocks in it are calls."""
    content = value.get("content")
    if not (isinstance(content, str) and content.strip()):
        raise Malformed('a message without calls needs a "content" that is said to the user')
    return content.strip() if content.lstrip().startswith("{") else read(content)


def _json(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise Malformed(f"the JSON is nested deeper than {DEPTH} levels") from None
    except ValueError as error:
        raise Malformed(f"this is no JSON ({error}): {_short(text)}") from None
    if any(level > DEPTH for level in _levels(value)):
        raise Malformed(f"the JSON is nested deeper than {DEPTH} levels")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _levels(value: Any) -> Iterator[int]:
    """How deep each container lies."""
    waiting = [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        yield level
        if isinstance(item, dict | list) and level <= DEPTH:
            inner = item.values() if isinstance(item, dict) else item
            waiting += [(part, level + 1) for part in inner if isinstance(part, dict | list)]


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}...")
