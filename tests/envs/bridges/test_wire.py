from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from turngym.envs.bridges.wire import hashable, plain, plain_info, restored_info, well_formed

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
states = st.recursive(leaves, lambda inner: st.lists(inner).map(tuple), max_leaves=20)


def over_the_wire(info: dict[str, Any]) -> dict[str, Any]:
    return restored_info(json.loads(json.dumps(plain_info(info))))


@given(states)
def test_a_state_of_plain_values_comes_back_as_it_was(state: Any) -> None:
    back = over_the_wire({"state": state})["state"]
    assert back == state
    assert hash(back) == hash(state)


@given(st.frozensets(st.text(max_size=3)), st.frozensets(st.text(max_size=3)))
def test_sets_come_back_equal_where_they_were(one: frozenset[str], other: frozenset[str]) -> None:
    assert (over_the_wire({"state": one}) == over_the_wire({"state": other})) == (one == other)


@dataclass(frozen=True)
class Cell:
    x: int
    holds: frozenset[str]


def test_dataclasses_and_numpy_become_lists_and_numbers() -> None:
    info = {"state": (Cell(3, frozenset({"b", "a"})), np.int64(4)), "score": np.float64(0.5)}
    assert plain_info(info) == {"state": [[3, ["a", "b"]], 4], "score": 0.5}
    assert over_the_wire(info)["state"] == ((3, ("a", "b")), 4)


def test_what_is_no_plain_data_is_left_out() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert plain_info({"valid": True, "handle": object(), "endless": endless}) == {"valid": True}


def test_objects_are_hashable_as_sorted_pairs() -> None:
    assert hashable({"b": [1], "a": 2}) == (("a", 2), ("b", (1,)))


@given(st.text(st.characters(codec=None, categories=None)))
def test_any_string_can_be_sent(text: str) -> None:
    assert plain(text).encode() == well_formed(text).encode()
