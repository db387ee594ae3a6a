"""Records in JSON that every browser reads."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.benchmarks.viewer.sendable import EXACT, LONGEST, lookup, sendable

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@given(VALUES)
def test_whatever_is_sent_is_strict_json(value):
    json.loads(json.dumps(sendable(value), allow_nan=False))


@given(st.lists(st.booleans() | st.none() | st.integers(-EXACT + 1, EXACT - 1) | st.text(max_size=5)))
def test_what_a_browser_reads_as_it_is_stays_as_it_is(value):
    assert sendable(value) == value


@pytest.mark.parametrize(
    ("value", "sent"),
    [(math.nan, "nan"), (-math.inf, "-inf"), (EXACT + 1, str(EXACT + 1)), (True, True), ((1, 2), [1, 2])],
)
def test_numbers_that_a_browser_does_not_have_are_sent_as_text(value, sent):
    assert sendable(value) == sent


def test_a_long_text_is_cut_and_says_where_the_rest_is():
    record = {"turns": [{"obs": "a"}, {"obs": "é" * (LONGEST + 1)}]}
    cut = sendable(record)["turns"][1]["obs"]
    assert cut == {"head": "é" * LONGEST, "length": LONGEST + 1, "path": "turns.1.obs"}
    assert lookup(record, cut["path"]) == record["turns"][1]["obs"]


def test_a_long_list_is_cut_and_its_entries_stay_readable():
    cut = sendable({"ids": [math.inf] * (LONGEST + 5)})["ids"]
    assert (cut["head"], cut["length"]) == (["inf"] * LONGEST, LONGEST + 5)


@pytest.mark.parametrize("path", ["turns.7", "turns.x", "nothing", "turns.0.obs.1", "", "turns.-1"])
def test_a_path_to_nothing_is_a_lookup_error(path):
    with pytest.raises(LookupError):
        lookup({"turns": [{"obs": "a"}]}, path)
