from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from turngym.agents.allowance import Allowance

purchases = st.lists(
    st.tuples(st.floats(0, 30), st.floats(1, 50)), min_size=1, max_size=30
)  # (seconds since the last, units)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(purchases, st.floats(1, 600))
def test_no_stretch_of_time_starts_more_than_the_rate_and_one_purchase(
    made: list[tuple[float, float]], per_minute: float
) -> None:
    clock = Clock()
    allowance = Allowance(per_minute, clock)
    starts = []
    for pause, amount in made:
        clock.now += pause
        starts.append((clock.now + allowance.buy(amount), amount))
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            window = starts[last][0] - starts[first][0]
            spent = sum(amount for _, amount in starts[first:last])
            assert spent <= per_minute / 60 * window + 1e-6


@given(purchases)
def test_without_a_limit_nobody_waits(made: list[tuple[float, float]]) -> None:
    allowance = Allowance(None, Clock())
    assert [allowance.buy(amount) for _, amount in made] == [0.0] * len(made)


def test_what_was_not_used_is_free_again() -> None:
    allowance = Allowance(60, Clock())
    assert [allowance.buy(10), allowance.buy(1)] == [0.0, 10.0]
    allowance.give_back(9)
    assert allowance.buy(1) == 2.0


def test_a_closed_allowance_sells_to_nobody_until_its_time() -> None:
    clock = Clock()
    allowance = Allowance(None, clock)
    allowance.close(5)
    assert allowance.buy(1) == 5.0
    clock.now += 6
    assert allowance.buy(1) == 0.0
