"""Intervals against their plain definitions."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.benchmarks.stats import (
    bootstrap,
    mcnemar,
    paired_bootstrap,
    pass_at,
    pass_hat,
    share,
    sign_flip,
    wilson,
)

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


@given(st.integers(0, 5), st.integers(0, 5))
def test_mcnemar_equals_the_count_of_coin_tosses(wins: int, losses: int) -> None:
    n = wins + losses
    lopsided = [k for k in range(n + 1) if abs(2 * k - n) >= abs(wins - losses)]
    tosses = sum(Fraction(len([*combinations(range(n), k)]), 2**n) for k in lopsided)
    assert mcnemar(wins, losses) == pytest.approx(float(tosses))


def test_mcnemar_of_a_known_table() -> None:
    assert mcnemar(10, 1) == pytest.approx(24 / 2048)
    assert mcnemar(0, 0) == 1.0


@given(st.lists(st.integers(-2, 2).map(lambda x: x / 2), min_size=1, max_size=7))
def test_sign_flips_come_near_to_trying_all_signs(differences: list[float]) -> None:
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product([1, -1], repeat=len(differences))
    ]
    exact = np.mean([one >= abs(sum(differences)) - 1e-9 for one in sums])
    assert sign_flip(differences, seed=0) == pytest.approx(exact, abs=0.03)


@given(st.integers(1, 8), st.data())
def test_pass_at_and_pass_hat_equal_trying_every_draw(n: int, data: st.DataObject) -> None:
    won, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = [*combinations([1] * won + [0] * (n - won), k)]
    assert pass_at(n, won, k) == pytest.approx(np.mean([any(draw) for draw in draws]))
    assert pass_hat(n, won, k) == pytest.approx(np.mean([all(draw) for draw in draws]))


@pytest.mark.parametrize("k", [0, 4])
def test_more_tries_than_episodes_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}; give 1 to 3"):
        pass_at(3, 1, k)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8), st.integers(0, 9))
def test_the_paired_interval_turns_around_with_the_players(
    scores: list[tuple[float, float]], seed: int
) -> None:
    a, b = [x for x, _ in scores], [y for _, y in scores]
    low, high = paired_bootstrap(a, b, seed=seed)
    assert -1 <= low <= high <= 1
    assert paired_bootstrap(b, a, seed=seed) == pytest.approx((-high, -low), abs=1e-9)


def test_players_who_are_equal_on_few_tasks_are_not_called_equal() -> None:
    low, high = paired_bootstrap([1.0] * 5, [1.0] * 5, seed=0)
    assert low < -0.3
    assert high > 0.3
    assert paired_bootstrap([], [], seed=0) == (-1.0, 1.0)


def test_scores_of_different_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        paired_bootstrap([1.0], [1.0, 0.0], seed=0)


@given(st.lists(st.lists(st.floats(0, 1), max_size=3), max_size=6))
def test_an_interval_of_shares_holds_its_mean_and_stays_in_0_to_1(per_task: list[list[float]]) -> None:
    (low, high), _ = share(per_task)
    means = [np.mean(task) for task in per_task if task]
    assert 0 <= low <= high <= 1
    if means:
        assert low - 1e-9 <= np.mean(means) <= high + 1e-9


def test_shares_say_how_their_interval_was_found() -> None:
    assert share([[1.0], [0.0], []]) == (wilson(1, 2), "wilson")
    assert share([[1.0, 1.0], [0.0, 1.0]])[1] == "bootstrap over tasks"
    assert share([[0.5], [0.5]])[1] == "wilson over tasks"


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.5, 0.9])
def test_wilson_holds_the_truth_about_95_times_in_100(rate: float) -> None:
    rng = np.random.default_rng(1)
    ends = [wilson(int(won), 60) for won in rng.binomial(60, rate, size=2000)]
    assert 0.92 <= np.mean([low <= rate <= high for low, high in ends]) <= 0.99


def test_the_bootstrap_over_tasks_holds_the_truth_about_95_times_in_100() -> None:
    """Tasks of different difficulty, four episodes each; an interval over episodes would hold it 80 times."""
    rng = np.random.default_rng(2)
    held, naive = [], []
    for _ in range(300):
        episodes = rng.binomial(1, rng.beta(0.5, 0.5, size=(60, 1)), size=(60, 4)).astype(float)
        low, high = bootstrap(episodes.tolist(), seed=0, draws=400)
        held.append(low <= 0.5 <= high)
        low, high = wilson(int(episodes.sum()), 240)
        naive.append(low <= 0.5 <= high)
    assert 0.91 <= np.mean(held) <= 0.98
    assert np.mean(naive) < 0.88


def test_the_paired_bootstrap_holds_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(300):
        a = rng.binomial(1, 0.6, size=100).astype(float)
        b = np.where(rng.random(100) < 0.5, a, rng.binomial(1, 0.4, size=100))  # half the tasks go alike
        low, high = paired_bootstrap(a.tolist(), b.tolist(), seed=0, draws=400)
        held.append(low <= 0.1 <= high)
    assert 0.91 <= np.mean(held) <= 0.98


def test_equal_players_are_rarely_told_apart() -> None:
    rng = np.random.default_rng(4)
    p = [sign_flip(rng.normal(size=20).tolist(), seed=0, draws=199) for _ in range(300)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.09
    tables = rng.binomial(1, 0.5, size=(300, 2, 60))
    exact = [mcnemar(int((a & ~b & 1).sum()), int((b & ~a & 1).sum())) for a, b in tables]
    assert np.mean(np.array(exact) <= 0.05) <= 0.06
