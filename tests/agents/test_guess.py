"""Actions by chance: from samples, from a list, from the schemas of tools."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.agents.guess import Guess, value
from turngym.core.types import Info
from turngym.envs.samples import COUNT, Samples, words

LEAVES = st.one_of(
    st.fixed_dictionaries({"enum": st.lists(st.integers() | st.text(), min_size=1)}),
    st.fixed_dictionaries({"type": st.sampled_from(["string", "boolean", "null", "integer", "number"])}),
    st.fixed_dictionaries({"type": st.just(["string", "null"])}),
    st.integers(-9, 9).map(lambda low: {"type": "integer", "minimum": low, "maximum": low + 3}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner, "minItems": st.integers(0, 2)}),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": [*properties][:1],
                "additionalProperties": False,
            }
        ),
    ),
    max_leaves=6,
)


def actions(told: list[tuple[str, Info]], seed: int = 0) -> list[str | None]:
    guess = Guess(np.random.default_rng(seed))
    return [guess.action(obs, info) for obs, info in told]


@given(SCHEMAS, st.integers(0, 2**32))
def test_a_drawn_value_fits_its_schema(schema: dict[str, Any], seed: int) -> None:
    jsonschema.validate(value(schema, ["one", "two"], np.random.default_rng(seed)), schema)


def test_samples_come_before_a_list_and_a_list_before_tools() -> None:
    tools = [{"function": {"name": "ask", "parameters": {"type": "object", "properties": {}}}}]
    assert actions([("", {"tools": tools, "admissible": ["go"], "sample": ["say"]})]) == ["say"]
    assert actions([("", {"tools": tools, "admissible": ["go"]})]) == ["go"]
    assert json.loads(actions([("", {"tools": tools})])[0] or "") == {"name": "ask", "arguments": {}}
    assert actions([("", {})]) == [None]


def test_tools_told_at_the_reset_are_called_with_words_of_the_first_observation_and_the_last() -> None:
    wanted = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    tools = [{"function": {"name": "find", "parameters": wanted}}]
    drawn = actions([("Order #W12.", {"tools": tools}), *[("Error: again", {})] * 60])
    said = {json.loads(action or "")["arguments"]["id"] for action in drawn}
    assert said == {"Order", "#W12", "Error", "again"}


def test_a_turn_that_was_only_heard_of_counts_as_told() -> None:
    guess = Guess(np.random.default_rng(0))
    guess.hear("Order", {"tools": [{"function": {"name": "find"}}]})
    assert json.loads(guess.action("", {}) or "")["name"] == "find"


@pytest.mark.parametrize(
    ("text", "found"), [("Sum 3.5, then stop.", ["Sum", "3.5", "then", "stop"]), ("... !", ["word"])]
)
def test_words_are_words_numbers_and_ids(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_samples_repeat_for_one_seed_and_go_on_from_turn_to_turn(seed: int, turns: int) -> None:
    def told() -> list[list[str]]:
        samples = Samples(seed)
        return [samples(lambda draw: str(draw.below(1000))) for _ in range(turns)]

    assert told() == told()
    assert all(1 <= len(set(listed)) == len(listed) <= COUNT for listed in told())
    assert Samples(seed)(lambda draw: "one") == ["one"]
