"""An action by chance, for any environment that says what an action may be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from turngym.core.types import Info
from turngym.envs.samples import words


class Guess:
    """Draws actions from what an episode has told: the random agent, and the detours of a demonstration.

    The first of these that `info` has decides, each of its entries with equal chance: `sample`; `admissible`; a tool
    of `tools`, which may be told at the reset alone, with arguments that fit its schema, words out of the first
    observation and the last.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._tools: Sequence[Mapping[str, Any]] = ()
        self._opening: list[str] = []

    def hear(self, obs: str, info: Info) -> None:
        """Remember what is told but once; needed only for turns in which no action is asked for."""
        self._tools = info.get("tools", self._tools)
        self._opening = self._opening or words(obs)

    def action(self, obs: str, info: Info) -> str | None:
        """An action, or `None` where nothing says what one may be."""
        self.hear(obs, info)
        if listed := info.get("sample") or info.get("admissible"):
            return str(_one(listed, self._rng))
        if not self._tools:
            return None
        tool = _one(self._tools, self._rng)["function"]
        known = [*self._opening, *words(obs)]
        arguments = value(tool.get("parameters", {"type": "object"}), known, self._rng)
        return json.dumps({"name": tool["name"], "arguments": arguments})


def value(schema: Mapping[str, Any], known: Sequence[str], rng: np.random.Generator) -> Any:
    """A value that fits a JSON schema: strings are `known` words, optional properties are there every other time."""
    if "enum" in schema:
        return _one(schema["enum"], rng)
    if "const" in schema:
        return schema["const"]
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return value(_one(branches, rng), known, rng)
    kind = schema.get("type", "string")
    return _typed(kind if isinstance(kind, str) else str(_one(kind, rng)), schema, known, rng)


def _typed(kind: str, schema: Mapping[str, Any], known: Sequence[str], rng: np.random.Generator) -> Any:
    match kind:
        case "object":
            return _object(schema, known, rng)
        case "array":
            count = int(schema.get("minItems", 1))
            return [value(schema.get("items", {}), known, rng) for _ in range(count)]
        case "integer" | "number":
            return _number(schema, rng)
        case "boolean":
            return bool(rng.integers(2))
        case "null":
            return None
        case _:
            return str(_one(known, rng))


def _object(schema: Mapping[str, Any], known: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    chosen = [name for name in properties if name in required or rng.integers(2)]
    return {name: value(properties[name], known, rng) for name in chosen}


def _number(schema: Mapping[str, Any], rng: np.random.Generator) -> int:
    low = int(schema.get("minimum", 0))
    high = int(schema.get("maximum", low + 100))
    return int(rng.integers(low, max(low, high) + 1))


def _one(items: Sequence[Any], rng: np.random.Generator) -> Any:
    return items[int(rng.integers(len(items)))]
