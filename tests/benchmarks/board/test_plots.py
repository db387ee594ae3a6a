"""Where the marks of plots lie."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.benchmarks.board.plots import BINS, Axis, histogram, path, spread

TURNS = st.lists(st.integers(0, 300), max_size=60)


@given(won=TURNS, rest=TURNS)
def test_a_histogram_shows_every_episode_once(won: list[int], rest: list[int]) -> None:
    bars = histogram(won, rest)
    told = [bar.label.rpartition(": ")[2].replace(",", "").split() for bar in bars]
    assert (sum(int(one[0]) for one in told), sum(int(one[2]) for one in told)) == (len(won), len(rest))
    assert len(bars) <= BINS
    assert all(bar.won + bar.rest <= 1 + 1e-9 for bar in bars)
    assert not bars or max(bar.won + bar.rest for bar in bars) == pytest.approx(1)
    assert not bars or bars[-1].left + bars[-1].width == pytest.approx(1)


def test_a_histogram_of_few_turns_has_a_bar_for_each() -> None:
    assert [bar.label for bar in histogram([3, 5], [5])] == [
        "3 turns: 1 won, 0 not",
        "4 turns: 0 won, 0 not",
        "5 turns: 1 won, 1 not",
    ]


def test_a_path_goes_through_its_points() -> None:
    x, y = Axis(low=0, high=40, start=100, end=500), Axis(low=0, high=1, start=300, end=0)
    assert path([(0, 0.5), (20, 1.0), (40, 0.0)], x, y) == "M100.0 150.0 L300.0 0.0 L500.0 300.0"


def test_an_axis_of_one_value_has_one_place() -> None:
    assert Axis(low=5, high=5, start=10, end=90).at(5) == 10


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 300), max_size=9))
def test_labels_keep_their_distance_and_their_order(wanted: dict[str, float]) -> None:
    placed = spread(wanted, gap=16)
    heights = [placed[name] for name in sorted(wanted, key=lambda name: (wanted[name], placed[name]))]
    assert all(after - before >= 16 - 1e-9 for before, after in pairwise(heights))
    assert all(placed[name] >= height for name, height in wanted.items())
