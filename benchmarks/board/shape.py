"""The parts of `result.json` that a board shows, as a JSON schema: results come from strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema

from turngym.benchmarks.result import TRAINED_ON, ResultError

Schema = dict[str, Any]


def told(*types: str) -> Schema:
    """One of JSON's types, or null where it is not told."""
    return {"type": [*types, "null"]}


def need(**properties: Schema) -> Schema:
    """An object that has at least these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def each(schema: Schema) -> Schema:
    """An object whose values are of one kind, under any names."""
    return {"type": "object", "additionalProperties": schema}


TEXT, NUMBER, COUNT, TABLE = (
    {"type": "string"},
    {"type": "number"},
    {"type": "integer", "minimum": 0},
    {"type": "object"},
)
METRIC = need(mean=NUMBER, low=NUMBER, high=NUMBER, n=COUNT, method=TEXT)
MAYBE = METRIC | told("object")
SHAPE = need(
    panel=need(
        name=TEXT,
        digest={"type": "string", "pattern": "^[0-9a-f]{64}$"},
        env=need(name=TEXT),
        tasks=COUNT,
        samples=COUNT,
        max_turns=COUNT,
        about=TEXT,
    ),
    env=need(id=TEXT, packages=TABLE, data=TABLE),
    agent=need(name=TEXT, arguments=TABLE, distribution=told("string"), digest=told("string")),
    model=need(name=TEXT, engine=told("string"), arguments=TABLE, digest=told("string")) | told("object"),
    trained_on={"enum": list(TRAINED_ON)},
    metrics=need(
        **dict.fromkeys(("success", "reward", "score", "turns", "tokens", "seconds", "error_rate"), MAYBE),
        pass_at=each(NUMBER),
        pass_hat=each(NUMBER),
    ),
    categories=each(MAYBE),
    counts=need(**dict.fromkeys(("tasks", "episodes", "counted", "failed", "lost"), COUNT)),
    failures=each(COUNT),
    code=need(version=TEXT, commit=told("string"), dirty=told("boolean")),
    machine=TABLE,
)


def check(record: Mapping[str, Any], where: str) -> None:
    """Raise `ResultError` that names the first key of `result.json` with a value of another form."""
    fault = next(iter(jsonschema.Draft202012Validator(SHAPE).iter_errors(record)), None)
    if fault is not None:
        raise ResultError(f"{where} has a wrong value at {fault.json_path}: {fault.message[:200]}")
