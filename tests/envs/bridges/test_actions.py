from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.bridges.actions import ActionForm, observed

METADATA = {"type": "object", "additionalProperties": True}


def form(required: list[str] | None = None, field: str | None = None, **properties: str) -> ActionForm:
    fields = {name: {"type": kind} for name, kind in properties.items()} | {"metadata": METADATA}
    return ActionForm({"properties": fields, "required": required or []}, field)


@given(st.text())
def test_the_only_string_takes_any_text_as_it_stands(text: str) -> None:
    assert form(["message"], message="string", loud="boolean").action(text) == {"message": text}
    assert form(message="string").action(text) == {"message": text}


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("[1, 2]", [1, 2]), ("true", True), ('"left"', "left")]
)
def test_the_only_field_of_another_kind_takes_json(text: str, value: Any) -> None:
    assert form(["move"], move="integer").action(text) == {"move": value}


@pytest.mark.parametrize("text", ["", "go left", "{", "[" * 10_000])
def test_text_that_says_no_value_is_no_action(text: str) -> None:
    assert form(["move"], move="integer").action(text) is None
    assert form(["x", "y"], x="integer", y="integer").action(text) is None


def test_several_fields_are_a_json_object() -> None:
    several = form(["x", "y"], x="integer", y="string")
    assert several.action('{"x": 1, "y": "up"}') == {"x": 1, "y": "up"}
    assert several.action("[1]") is None
    assert several.grammar == "a JSON object with 'x' (integer), 'y' (string)"


def test_a_field_can_be_named_where_there_are_several() -> None:
    assert form(["x", "y"], field="y", x="integer", y="string").action("up") == {"y": "up"}


@pytest.mark.parametrize(
    ("observation", "seen"),
    [
        ({"text": "a room", "terminated": False, "info": {}}, "a room"),
        ({"echo": "hello", "metadata": {}, "done": False, "reward": 1.0}, "hello"),
        ({"board": [0, 1], "turn": "x"}, json.dumps({"board": [0, 1], "turn": "x"})),
        ({}, "{}"),
    ],
)
def test_what_is_seen_of_an_observation(observation: dict[str, Any], seen: str) -> None:
    assert observed(observation) == seen


def test_the_field_to_see_can_be_named() -> None:
    assert observed({"text": "a", "hint": "b"}, "hint") == "b"
