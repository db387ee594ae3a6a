"""The timing of environments: it really plays them, and the table says what was measured."""

from __future__ import annotations

import asyncio
import json

import pytest

from turngym import envs
from turngym.benchmarks import envs as timing
from turngym.benchmarks.envs import Case, Figures, chosen, crowd, machine, measured, merge, number, one
from turngym.benchmarks.envs_table import END, START, markdown, with_table

CORRIDOR = Case(id="turngym/Corridor-v0", arguments={"length": 5})


def test_one_environment_is_timed():
    figures = one(CORRIDOR, 0.1)
    assert figures["steps_per_second"] > 100
    assert figures["first_ms"] > 0
    assert figures["memory_mb"] > 5


def test_a_crowd_plays_every_step():
    figures = asyncio.run(crowd(CORRIDOR, 16))
    assert figures["crowd"] == 16
    assert figures["crowd_steps_per_second"] > 100
    assert figures["crowd_mb"] > 10


def test_what_cannot_run_says_what_it_lacks(monkeypatch):
    monkeypatch.delenv("NO_SUCH_DATA", raising=False)
    case = Case(id="turngym/Corridor-v0", data="NO_SUCH_DATA", needs="the cells")
    assert measured(case, 0.1, 0).problem == "set NO_SUCH_DATA to the folder of the cells"
    wrong = measured(Case(id="turngym/Corridor-v0", arguments={"length": 1}), 0.1, 0)
    assert "at least 3 cells, got length=1" in wrong.problem


def test_every_built_in_environment_is_timed():
    known = {case.id for case in chosen(())}
    assert known == {name for name in envs.registry.names() if name.startswith("turngym/")}
    assert [case.id for case in chosen(["corr"])] == ["turngym/Corridor-v0"]


def test_cases_take_the_arguments_that_their_environment_has():
    for case in chosen(()):
        if envs.registry.extra(case.id) is None:
            envs.factory(case.id, **timing._arguments(case) if not case.data else case.arguments)


def test_a_record_keeps_what_was_not_measured_again(tmp_path):
    file = tmp_path / "figures.json"
    merge(file, [Figures(title="a", steps_per_second=1.0), Figures(title="b", steps_per_second=2.0)])
    merge(file, [Figures(title="b", steps_per_second=3.0), Figures(title="a", problem="no data")])
    found = json.loads(file.read_text())
    assert {title: one["steps_per_second"] for title, one in found.items()} == {"a": 1.0, "b": 3.0}
    assert found["a"]["machine"] == machine()


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0351, "0.035"), (1.24, "1.2"), (58.3, "58"), (12345.0, "12,300")]
)
def test_numbers_keep_the_digits_that_count(value, shown):
    assert number(value) == shown


def test_the_table_goes_between_the_markers():
    page = f"before\n{START}\nold\n{END}\nafter\n"
    assert with_table(page) == f"before\n{START}\n{markdown()}{END}\nafter\n"
    with pytest.raises(ValueError, match="to write between"):
        with_table("no markers")
