"""A tool, which is a function with a name and a JSON schema, and a box of tools that answers calls with text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from turngym.core.errors import suggest
from turngym.envs.tools.schema import Schema, fault

Arguments = Mapping[str, Any]
"""A call's arguments by name, as JSON gives them."""

LIMIT = 100_000
"""So many characters of an answer are shown."""


def no_parameters() -> Schema:
    """The schema of a call without arguments."""
    return {"type": "object", "properties": {}, "required": []}


class ToolError(Exception):
    """A tool cannot do what it was asked; its message is what the model is told, after `Error: `."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A function that a model may call.

    `function` is called with the arguments by name and answers text. It raises `ToolError` to refuse;
    anything else that it raises is a fault of the tool and is not caught.
    """

    name: str
    description: str
    function: Callable[..., str]
    parameters: Schema = field(default_factory=no_parameters)
    """JSON schema of the arguments, of type `object`."""

    @property
    def schema(self) -> dict[str, Any]:
        """The tool in OpenAI's function format."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}

    def fault(self, arguments: Any) -> str | None:
        """What is wrong with arguments under the tool's schema; `None` where they fit."""
        return fault(arguments, {"type": "object", **self.parameters}, "arguments")

    def call(self, arguments: Arguments) -> str:
        """The answer, or `Error: ...` where the arguments do not fit or the tool refuses."""
        if wrong := self.fault(arguments):
            return f"Error: {wrong}"
        try:
            return self.function(**arguments)
        except ToolError as error:
            return f"Error: {error}"


class Toolbox:
    """Tools in their order, each with a name of its own.

    `limit` is how many characters of an answer are shown. Raises `ValueError` where two tools share a name.
    """

    def __init__(self, tools: Iterable[Tool], *, limit: int = LIMIT) -> None:
        self._tools: dict[str, Tool] = {}
        self.limit = limit
        for tool in tools:
            if tool.name in self._tools:
                raise ValueError(f"two tools are called {tool.name!r}; rename one")
            self._tools[tool.name] = tool

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    @property
    def names(self) -> list[str]:
        """The tools' names in their order."""
        return list(self._tools)

    def schemas(self) -> list[dict[str, Any]]:
        """All tools in OpenAI's function format: what a chat template takes as `tools`."""
        return [tool.schema for tool in self]

    def fault(self, name: str, arguments: Any) -> str | None:
        """Why a call is not even tried: no such tool, or arguments that do not fit; `None` where it is."""
        return self[name].fault(arguments) if name in self else self.unknown(name)

    def unknown(self, name: str) -> str:
        """What is answered to the name of no tool."""
        return f"Error: there is no tool {name[:80]!r}; {suggest(name[:80], self.names)}"

    def call(self, name: str, arguments: Arguments) -> str:
        """A tool's answer, cut where it is longer than `limit`; `Error: ...` where the call is at fault."""
        told = self[name].call(arguments) if name in self else self.unknown(name)
        return bounded(told, self.limit)


def bounded(text: str, limit: int) -> str:
    """`text`, or its beginning and a note of how much was cut."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut: {limit:,} of {len(text):,} characters are shown]"
