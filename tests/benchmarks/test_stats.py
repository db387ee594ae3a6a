"""Intervals against their plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.benchmarks.stats import bootstrap, wilson

Z95 = 1.959963984540054
scores = st.lists(st.floats(0, 1), max_size=4)


@given(st.integers(1, 500), st.data())
def test_wilson_ends_lie_z_standard_errors_from_the_observed_rate(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    for end in wilson(successes, n):
        squared = (successes / n - end) ** 2
        assert squared == pytest.approx(Z95**2 * end * (1 - end) / n, abs=1e-12)


@given(st.integers(1, 500), st.data())
def test_wilson_holds_the_rate_and_is_symmetric(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_wilson_of_a_known_panel() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I


def test_without_trials_nothing_is_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert bootstrap([[], []], seed=0) == (0.0, 1.0)


@given(st.lists(scores, min_size=1, max_size=6).filter(any), st.integers(0, 99))
def test_bootstrap_equals_its_loop(per_task: list[list[float]], seed: int) -> None:
    kept = [task for task in per_task if task]
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(50):
        drawn = [kept[i] for i in rng.integers(len(kept), size=len(kept))]
        means.append(sum(sum(task) / len(task) for task in drawn) / len(drawn))
    expected = np.quantile(means, [0.025, 0.975])
    assert bootstrap(per_task, seed=seed, draws=50) == pytest.approx(tuple(expected), abs=1e-12)


def test_samples_of_one_task_add_no_certainty_about_tasks() -> None:
    once = [[1.0], [0.0], [1.0], [0.0]]
    often = [task * 100 for task in once]
    assert bootstrap(often, seed=1) == bootstrap(once, seed=1)
