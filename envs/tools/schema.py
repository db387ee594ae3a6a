"""What is wrong with a JSON value under a JSON schema, in one sentence that a model can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import UnknownType, best_match
from referencing.exceptions import Unresolvable

Schema = Mapping[str, Any]
"""A JSON schema."""

LONGEST = 200
"""Characters of a complaint, which may quote the value."""


def fault(value: Any, schema: Schema, name: str = "the value") -> str | None:
    """The most telling fault of `value`, called `name`, or `None` where it fits.

    A schema that cannot be applied (a type nobody knows, a reference that leads nowhere or in a circle) asks for
    nothing: schemas come from servers that a player cannot mend.
    """
    try:
        found = best_match(Draft202012Validator(schema).iter_errors(value))
    except (UnknownType, Unresolvable, RecursionError):
        return None
    if found is None:
        return None
    message = found.message if len(found.message) <= LONGEST else f"{found.message[:LONGEST]}..."
    return f"{name}{found.json_path.removeprefix('$')}: {message}"
