"""The array functions that methods are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.credit.toolbox import after, before, center, code, discount, position, size, whiten

small = st.integers(-2, 3)
keys = st.lists(st.integers(0, 3), min_size=1, max_size=12).map(np.array)
few = settings(max_examples=40, deadline=None)


@few
@given(st.lists(st.tuples(small, small, small), max_size=12))
def test_codes_are_equal_exactly_where_all_columns_are(rows):
    columns = [np.array([row[i] for row in rows], dtype=np.int64) for i in range(3)]
    found = code(*columns)
    assert sorted(set(found.tolist())) == list(range(len(set(rows))))
    assert all((a == b) == (rows[n] == rows[m]) for n, a in enumerate(found) for m, b in enumerate(found))


@few
@given(keys, st.randoms(use_true_random=False))
def test_size_counts_the_rows_of_a_key_that_are_among_the_chosen(key, random):
    among = np.array([random.random() < 0.5 for _ in key])
    assert size(key).tolist() == [key.tolist().count(k) for k in key]
    assert size(key, among).tolist() == [key[among].tolist().count(k) for k in key]


@few
@given(keys, st.sampled_from([0.0, 0.5, 1.0]))
def test_discount_looks_ahead_within_a_trajectory_only(traj, gamma):
    x = np.arange(1.0, len(traj) + 1)
    for n, found in enumerate(discount(x, traj, gamma)):
        ahead = [x[m] for m in range(n, len(x)) if traj[m] == traj[n]]
        assert found == pytest.approx(sum(gamma**k * reward for k, reward in enumerate(ahead)))


@few
@given(keys)
def test_neighbours_and_positions_follow_row_order_within_a_trajectory(traj):
    for n, (place, earlier, later) in enumerate(zip(position(traj), before(traj), after(traj), strict=True)):
        mine = [m for m in range(len(traj)) if traj[m] == traj[n]]
        assert mine.index(n) == place
        assert earlier == (mine[place - 1] if place else -1)
        assert later == (mine[place + 1] if place + 1 < len(mine) else -1)


def test_centering_divides_by_the_standard_deviation_that_is_asked_for():
    x, key = np.array([1.0, 3.0, 7.0]), np.array([0, 0, 1])
    assert center(x, key).tolist() == [-1, 1, 0]
    assert center(x, key, std="population") == pytest.approx([-1, 1, 0], rel=1e-5)
    assert center(x, key, std="sample") == pytest.approx([-(0.5**0.5), 0.5**0.5, 0], rel=1e-5)


def test_only_chosen_rows_enter_the_statistics():
    x, key = np.array([1.0, 3.0, 9.0]), np.array([0, 0, 0])
    assert center(x, key, among=np.array([True, True, False])).tolist() == [-1, 1, 7]


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_deviation_counts_from_four_parts_in_ten_million(offset):
    scale = 10.0 + offset
    noise, signal = np.array([scale, scale * (1 + 6e-7)]), np.array([scale, scale * (1 + 1e-6)])
    assert not center(noise, np.zeros(2, dtype=np.int64)).any()
    assert center(signal, np.zeros(2, dtype=np.int64)).all()


@few
@given(st.lists(st.tuples(st.floats(-9, 9, width=32), st.integers(1, 4)), min_size=2, max_size=9))
def test_whitened_values_have_mean_0_and_variance_1_by_weight(pairs):
    x, weight = (np.array(column) for column in zip(*pairs, strict=True))
    white = np.repeat(whiten(x, weight), weight)
    assert white.mean() == pytest.approx(0, abs=1e-4)
    spread = np.repeat(x, weight).var(ddof=1)
    assert white.var(ddof=1) == pytest.approx(spread / (spread + 1e-8), abs=1e-4)


def test_whitening_fewer_than_two_values_gives_nothing():
    assert whiten(np.array([5.0, 7.0]), np.array([1, 0])).tolist() == [0, 0]
