"""Reading problems: names, and what is no problem at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.envs.kitchen import kitchen_text

from turngym.envs.household import Problem, ProblemError
from turngym.envs.household.names import display_names
from turngym.envs.household.pddl import read

kinds = st.sampled_from(["apple", "cd", "drawer"])


def test_names_count_down_in_the_order_of_the_ids_and_basins_are_told_apart() -> None:
    ids = [
        "sink_bar__minus_1_bar_sinkbasin",
        "drawer_bar__plus_2",
        "drawer_bar__minus_1",
        "drawer_bar__plus_1",
        "sink_bar__minus_1",
        "agent1",
        "a_minus_b",
    ]
    assert display_names(ids) == {
        "drawer_bar__minus_1": "drawer 3",
        "drawer_bar__plus_1": "drawer 2",
        "drawer_bar__plus_2": "drawer 1",
        "sink_bar__minus_1": "sink 1",
        "sink_bar__minus_1_bar_sinkbasin": "sinkbasin 1",
        "agent1": "agent1 ",
        "a_minus_b": "a-b ",
    }


@given(ids=st.lists(st.builds("{}_bar_{}".format, kinds, st.integers(0, 99)), unique=True))
def test_no_two_things_share_a_name_and_each_kind_is_numbered_without_a_gap(ids: list[str]) -> None:
    names = display_names(ids)
    for kind in {one.partition("_bar_")[0] for one in ids}:
        mine = [name for one, name in names.items() if one.startswith(f"{kind}_bar_")]
        assert sorted(mine) == sorted(f"{kind} {number}" for number in range(1, len(mine) + 1))


def test_comments_and_capitals_do_not_matter() -> None:
    assert read("(A ; (not read\n (b C))") == ["a", ["b", "c"]]


def test_only_things_told_in_facts_have_names() -> None:
    text = kitchen_text().replace("agent1 - agent", "agent1 - agent Apple_bar_0 - object")
    assert Problem.parse(text).names == Problem.parse(kitchen_text()).names


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("", "expected one PDDL expression, found ''"),
        ("hello", "expected one PDDL expression, found 'hello'"),
        ("(define (problem x)", "ends with 1 '(' still open"),
        ("(define (problem x)))", "has a ')' too many"),
        ("(define (domain alfred) (:types a))", "expected (define (problem ...) ...)"),
        ("(define (problem x) () (:objects a))", "the problem has no :init section"),
        (kitchen_text().replace("(:goal", "(:aim"), "the problem has no :goal section"),
        (kitchen_text().replace("(atLocation agent1 loc_bar_9)", ""), "one agent at one location, found 0"),
        (kitchen_text(more="(isHot Pear_bar_1)"), "expected (ishot object), found (ishot pear_bar_1)"),
        (kitchen_text(more="(isHot)"), "expected (ishot object), found (ishot )"),
        (kitchen_text(more="(tasty Apple_bar_1)"), "expected a fact of ALFWorld's domain, found (tasty"),
        (kitchen_text(more="((isHot Apple_bar_1))"), "expected a fact in :init, found"),
        (kitchen_text(more="(receptacleAtLocation Sink_bar_1 loc_bar_2)"), "'sink_bar_1' is at 2 locations"),
        (kitchen_text().replace("- agent", "- (either a b)"), "expected one type after 'agent1' -"),
    ],
)
def test_what_is_no_problem_is_refused_with_the_reason(broken: str, sentence: str) -> None:
    with pytest.raises(ProblemError) as error:
        Problem.parse(broken)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
