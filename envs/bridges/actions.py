"""Text for what a server calls an action and an observation, by its JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXTS = ("text", "message", "content", "prompt", "observation", "output", "result")
"""Fields of an observation that are taken for what the agent sees, the first there is."""


class ActionForm:
    """How a text becomes an action of a server, by the JSON schema of that action.

    - The schema has one field that matters and it is a string (`field` names it where there are several): the
      text is its value as it stands.
    - One field that is no string: the text is its value, as JSON where that fits (`3`, `true`, `[1, 2]`).
    - Several fields: the text is a JSON object.

    The fields that matter are the required ones, or all but `metadata` where none is required.
    """

    def __init__(self, schema: Schema, field: str | None = None) -> None:
        self._fields = {name: one for name, one in schema.get("properties", {}).items() if name != "metadata"}
        required = [name for name in schema.get("required", ()) if name in self._fields]
        wanted = [field] if field else required or list(self._fields)
        self._field = wanted[0] if len(wanted) == 1 else None
        self.is_text = self._field is not None and self._type(self._field) == "string"

    @property
    def grammar(self) -> str:
        """One line that says how an action is written."""
        if self.is_text:
            return f"any text; it is sent as {self._field!r}"
        if self._field:
            return f"the value of {self._field!r} ({self._type(self._field)}), as JSON"
        listed = ", ".join(f"{name!r} ({self._type(name)})" for name in self._fields)
        return f"a JSON object with {listed or 'no fields'}"

    def action(self, text: str) -> dict[str, Any] | None:
        """The action that `text` says; `None` where it says none."""
        if self.is_text:
            return {str(self._field): text}
        value = _json(text)
        if self._field is None:
            return value if isinstance(value, dict) else None
        return None if value is _NOT_JSON else {self._field: value}

    def _type(self, name: str) -> str:
        schema = self._fields.get(name, {})
        return str(schema.get("type") or "/".join(_types(schema)) or "any value")


def observed(observation: Mapping[str, Any], field: str | None = None) -> str:
    """What an agent sees of an observation: `field`, or the first of `TEXTS`, or the only field, or all as JSON."""
    shown = {name: value for name, value in observation.items() if name not in ("metadata", "done", "reward")}
    names = (field,) if field else TEXTS
    found = [shown[name] for name in names if isinstance(shown.get(name), str)]
    if found:
        return str(found[0])
    if len(shown) == 1 and isinstance(only := next(iter(shown.values())), str):
        return only
    return json.dumps(shown, sort_keys=True, ensure_ascii=False)


_NOT_JSON = object()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _types(schema: Schema) -> list[str]:
    return [str(one["type"]) for one in schema.get("anyOf", ()) if "type" in one]
