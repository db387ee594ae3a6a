"""One entrant beats another only on the same panel, and only where the numbers show it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.benchmarks import compare as module
from turngym.benchmarks.compare import NotComparable, compare
from turngym.benchmarks.result import Stored

Outcome = bool | None


def stored(name: str, *outcomes: Sequence[Outcome], samples: int = 1, **changes: Any) -> Stored:
    """A result in memory: for each task the success of its episodes; one that is missing was lost."""
    rows = [
        {
            "task": f"task {number}",
            "member": member,
            "success": success,
            "score": None if success is None else success / 2,
            "reward": float(bool(success)) * 10,
            "start": f"start {number}",
            "counted": True,
        }
        for number, told in enumerate(outcomes)
        for member, success in enumerate(told)
    ]
    rows += [
        {"task": f"task {number}", "member": 0, "success": None, "start": None, "counted": False}
        for number, told in enumerate(outcomes)
        if not told
    ]
    panel = {"name": "halls", "digest": "d" * 64, "samples": samples}
    record = {"panel": panel, "env": {"data": {}}, "agent": {"name": name}, "model": None}
    return Stored(folder=Path(name), record=record | changes, rows=rows)


def test_one_that_wins_more_tasks_beats_the_other() -> None:
    a = stored("expert", *[[True]] * 20)
    b = stored("random", *[[True]] * 10, *[[False]] * 10)
    found = compare(a, b)
    assert not found.tie
    assert (found.means, found.difference) == ((1.0, 0.5), 0.5)
    assert (found.wins, found.losses, found.tasks) == (10, 0, 20)
    assert found.p == pytest.approx(2 / 2**10)
    assert str(found).startswith("expert beats random\n")
    assert "difference  +50.0%" in str(found)
    assert "McNemar's exact test" in str(found)
    assert str(compare(b, a)).startswith("expert beats random\n")


def test_a_small_difference_is_a_tie() -> None:
    a = stored("expert", *[[True]] * 20)
    b = stored("random", *[[True]] * 18, *[[False]] * 2)
    found = compare(a, b)
    assert found.tie
    assert str(found).startswith("tie: neither expert nor random is shown to be better\n")


def test_two_tasks_show_nothing() -> None:
    assert compare(stored("a", [True], [True]), stored("b", [False], [False])).tie


def test_several_episodes_a_task_are_compared_task_by_task() -> None:
    a = stored("expert", *[[True, True]] * 12, samples=2)
    b = stored("random", *[[True, False]] * 12, samples=2)
    found = compare(a, b)
    assert (found.difference, found.wins, found.tasks) == (0.5, 12, 12)
    assert found.test == "sign-flip test over tasks"
    assert not found.tie


def test_a_lost_episode_is_a_failure() -> None:
    a, b = stored("a", [True], [True], []), stored("b", [True], [True], [True])
    assert compare(a, b).means == (pytest.approx(2 / 3), 1.0)
    pair = compare(stored("a", [True], samples=2), stored("b", [True, True], samples=2))
    assert pair.means == (0.5, 1.0)


def test_rewards_are_compared_where_both_have_them() -> None:
    a, b = stored("a", [True], [True], []), stored("b", [True], [False], [True])
    found = compare(a, b, "reward")
    assert (found.means, found.tasks) == ((10.0, 5.0), 2)
    assert "reward  a 10, b 5" in str(found)


outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(outcomes)
def test_a_comparison_turns_around(pairs: list[tuple[bool, bool]]) -> None:
    a, b = stored("a", *([x] for x, _ in pairs)), stored("b", *([y] for _, y in pairs))
    there, back = compare(a, b), compare(b, a)
    assert there.difference == pytest.approx(-back.difference)
    assert there.p == back.p
    assert there.tie == back.tie
    low, high = there.interval
    assert low - 1e-9 <= there.difference <= high + 1e-9


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_nobody_beats_himself(won: list[bool]) -> None:
    one = stored("a", *([x] for x in won))
    assert compare(one, one).tie


def test_results_of_two_panels_are_not_compared() -> None:
    other = {"name": "rooms", "digest": "e" * 64, "samples": 1}
    with pytest.raises(NotComparable) as refusal:
        compare(stored("a", [True]), stored("b", [True], panel=other))
    assert str(refusal.value) == (
        "a is of panel halls (dddddddd) and b is of panel rooms (eeeeeeee): results compare on one panel only"
    )


def test_results_on_other_data_are_not_compared() -> None:
    with pytest.raises(NotComparable, match="a and b were played on different data"):
        compare(stored("a", [True]), stored("b", [True], env={"data": {"test": "f" * 64}}))


def test_tasks_that_start_differently_are_not_compared() -> None:
    other = stored("b", [True], [True])
    other.rows[1]["start"] = "another hall"
    with pytest.raises(NotComparable, match="task task 1 starts differently in a and in b"):
        compare(stored("a", [True], [True]), other)
    other.rows[1]["start"] = None  # not known, so nothing speaks against it
    assert compare(stored("a", [True], [True]), other).tasks == 2


def test_a_metric_that_is_not_told_is_refused() -> None:
    with pytest.raises(
        NotComparable, match="the episodes of a or b do not tell success; choose another --metric"
    ):
        compare(stored("a", [None]), stored("b", [True]))
    with pytest.raises(NotComparable, match="--metric is 'succes'; did you mean 'success'"):
        compare(stored("a", [True]), stored("b", [True]), "succes")


def test_the_two_are_called_by_what_tells_them_apart() -> None:
    assert module.names(stored("a", [True]), stored("b", [True])) == ("a", "b")
    told = {"name": "hgpo"}
    first, second = stored("chat", [True]), stored("chat", [True], model=told)
    assert module.names(first, second) == ("chat", "chat with hgpo")
    assert module.names(first, first) == ("A", "B")
