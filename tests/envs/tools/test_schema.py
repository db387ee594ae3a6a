"""The check of arguments under a JSON schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.tools.schema import fault

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def described(value: Any) -> dict[str, Any]:
    """A schema that a value fits, and few others do."""
    if isinstance(value, dict):
        properties = {key: described(item) for key, item in value.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": [*value],
            "additionalProperties": False,
        }
    if isinstance(value, list):
        return {"type": "array", "items": {"anyOf": [*map(described, value)]}, "minItems": len(value)}
    return {"const": value}


@given(VALUES)
def test_a_value_fits_the_schema_made_from_it(value: Any) -> None:
    assert fault(value, described(value)) is None


@given(VALUES, VALUES)
def test_a_value_fits_the_schema_of_another_only_if_it_is_like_it(value: Any, other: Any) -> None:
    if isinstance(other, dict | list) or isinstance(value, dict | list):
        return
    alike = value == other and isinstance(value, bool) == isinstance(other, bool)
    assert (fault(value, described(other)) is None) == alike


@pytest.mark.parametrize(
    ("value", "schema", "words"),
    [
        ("x", {"type": "integer"}, "it: 'x' is not of type 'integer'"),
        (True, {"type": "integer"}, "it: True is not of type 'integer'"),
        ({}, {"required": ["a"]}, "it: 'a' is a required property"),
        (
            {"b": 1},
            {"properties": {"a": {}}, "additionalProperties": False},
            "it: Additional properties are not allowed ('b' was unexpected)",
        ),
        (
            {"a": [1, "x"]},
            {"properties": {"a": {"items": {"type": "number"}}}},
            "it.a[1]: 'x' is not of type 'number'",
        ),
        (
            {"a": 1},
            {"$defs": {"A": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/A"}}},
            "it.a: 1 is not of type 'string'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(value: Any, schema: dict[str, Any], words: str) -> None:
    assert fault(value, schema, "it") == words


def test_a_huge_value_makes_a_short_complaint() -> None:
    assert len(fault("x" * 1_000_000, {"type": "integer"}) or "") < 300


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"b": 1}, {"properties": {"a": {}}}),
        (7, {"type": "number", "minimum": 7, "maximum": 7}),
        ("é" * 3, {"maxLength": 3}),
        ({"next": {"next": {}}}, {"properties": {"next": {"$ref": "#"}}}),
        (1, {"type": "kind of our own"}),
    ],
)
def test_what_is_right_has_no_fault(value: Any, schema: dict[str, Any]) -> None:
    assert fault(value, schema) is None


def test_a_schema_that_refers_to_itself_ends() -> None:
    assert fault(1, {"$ref": "#"}) is None
