"""Generated households: the same everywhere, legal by ALFRED's facts, of the size asked for, unsolved."""

from __future__ import annotations

import json
import lzma
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared import shared

from turngym.envs.household.catalog import HOLDS, LAMP, OBJECT_FACTS, OPENABLE
from turngym.envs.household.games import TASK_TYPES
from turngym.envs.household.generator import make_game, panel_digest
from turngym.envs.household.home import SENTENCES
from turngym.envs.household.sizes import SIZES

seeds = st.integers(min_value=0, max_value=2**63)
sizes = st.sampled_from(list(SIZES))
splits = st.sampled_from(["train", "test"])

Facts = dict[str, list[tuple[str, ...]]]


def read_facts(problem: str) -> Facts:
    """The initial facts of a PDDL problem: predicate to its argument tuples."""
    initial = problem[problem.index("(:init") : problem.index("(:goal")]
    facts: Facts = {}
    for predicate, arguments in re.findall(r"\((\w+) ([^()]*)\)", initial):
        facts.setdefault(predicate, []).append(tuple(arguments.split()))
    return facts


def kinds(facts: Facts, predicate: str) -> dict[str, str]:
    return {name: kind.removesuffix("Type") for name, kind in facts[predicate]}


def goal_structure(problem: str) -> list[str]:
    """The goal's tokens with every type name blanked."""
    goal = problem[problem.index("(:goal") :]
    return re.findall(r"[()]|[^\s()]+", re.sub(r"\b\w+Type\b", "Type", goal))


def real_games() -> list[dict[str, str]]:
    with lzma.open(shared("data/alfworld/games_valid_seen.jsonl.xz"), "rt") as lines:
        return [json.loads(line) for line in lines]


@given(seed=seeds, size=sizes, split=splits)
def test_equal_arguments_give_equal_games(seed: int, size: str, split: str) -> None:
    assert make_game(seed, size, split=split) == make_game(seed, size, split=split)


def test_a_game_is_the_same_bytes_in_another_process() -> None:
    code = (
        "from turngym.envs.household.generator import make_game, panel_digest;"
        "print(panel_digest(make_game(seed, 'medium') for seed in range(20)))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == panel_digest(make_game(seed, "medium") for seed in range(20))


@pytest.mark.parametrize(
    ("size", "digest"),
    [
        ("tiny", "216a0dfa22b57e8c96cfc2637122446399be85344dc6d94aefc6fa0aeac3c7ab"),
        ("small", "ccf0e9229be602414922855a17424e06701a1af31d179f8b6fdaf0c7bf6b5556"),
        ("medium", "5c0ffc4f8af0c2115fec90124f79d3a9b7374a45317154cee94c44c9ccb84d62"),
        ("large", "af809ffb01e6d204093625723358558f1ec907b917e527f84628c75b9966495a"),
        ("full", "02c8316afc46144e4a7efdde4b201d3e3816648cf8ff88f20e02a45f511c2ed2"),
    ],
)
def test_held_out_panels_never_change(size: str, digest: str) -> None:
    """Results compare only while a panel is these bytes: make a new size rather than change one."""
    assert panel_digest(make_game(seed, size, split="test") for seed in range(64)) == digest


def layout(problem: str) -> tuple[str, ...]:
    """What a problem asks, and the kinds of things in each kind of place: all but the numbers."""
    facts = read_facts(problem)
    places, things = kinds(facts, "receptacleType"), kinds(facts, "objectType")
    inside = {
        place: sorted(things[one] for one, at in facts["inReceptacle"] if at == place) for place in places
    }
    rows = sorted(f"{kind}: {inside[place]}" for place, kind in places.items())
    return problem[problem.index("(:goal") :], *rows


def test_the_splits_share_no_household() -> None:
    """Not even of the fewest there can be, where most seeds give a household that another seed gave."""
    few = replace(SIZES["tiny"], kinds=2, furniture=4, objects=(2, 2), task_types=("pick_and_place_simple",))
    for size in (few, SIZES["tiny"]):
        train = {layout(make_game(seed, size).pddl_problem) for seed in range(400)}
        test = {layout(make_game(seed, size, split="test").pddl_problem) for seed in range(200)}
        assert not train & test
        assert len(train) > len(test) > 5


@given(seed=seeds, name=sizes)
def test_a_household_has_the_size_asked_for(seed: int, name: str) -> None:
    size, facts = SIZES[name], read_facts(make_game(seed, name).pddl_problem)
    receptacles = Counter(kinds(facts, "receptacleType").values())
    objects = Counter(kinds(facts, "objectType").values())
    del objects[LAMP]
    assert size.receptacles[0] <= receptacles.total() <= size.receptacles[1]
    assert objects.total() <= size.objects[1]
    assert max(receptacles.values()) <= size.alike
    assert max(objects.values()) <= size.copies


@given(seed=seeds, size=sizes)
def test_every_object_begins_in_one_receptacle_that_holds_its_kind(seed: int, size: str) -> None:
    facts = read_facts(make_game(seed, size).pddl_problem)
    places, things = kinds(facts, "receptacleType"), kinds(facts, "objectType")
    at: dict[str, str] = dict(facts["receptacleAtLocation"])  # type: ignore[arg-type]
    assert len(set(at.values())) == len(places)
    assert [thing for thing, _ in facts["inReceptacle"]] == list(things)
    for thing, place in facts["inReceptacle"]:
        assert things[thing] == LAMP or things[thing] in HOLDS[places[place]]
    assert facts["objectAtLocation"] == [(thing, at[place]) for thing, place in facts["inReceptacle"]]


@given(seed=seeds, size=sizes, task=st.sampled_from(TASK_TYPES))
def test_targets_suffice_and_none_begins_where_it_shall_go(seed: int, size: str, task: str) -> None:
    if task not in SIZES[size].task_types:
        return
    game = make_game(seed, size, task_types=[task])
    facts = read_facts(game.pddl_problem)
    places, things = kinds(facts, "receptacleType"), kinds(facts, "objectType")
    target, place = re.fullmatch(r"\w+-(\w+)-None-(\w+)-\w+/trial_\w+", game.id).groups()  # type: ignore[union-attr]
    begin = [places[where] for thing, where in facts["inReceptacle"] if things[thing] == target]
    assert len(begin) >= (2 if task == "pick_two_obj_and_place" else 1)
    assert place not in begin
    assert place in {*places.values(), *things.values()}
    assert game.task_type == task
    assert game.task in [text.format(target=target.lower(), place=place.lower()) for text in SENTENCES[task]]


def test_every_task_of_a_size_comes_up() -> None:
    for name, size in SIZES.items():
        assert {make_game(seed, name).task_type for seed in range(100)} == set(size.task_types)


def test_the_share_of_closed_receptacles_is_the_one_asked_for() -> None:
    for name, size in SIZES.items():
        facts = [read_facts(make_game(seed, name).pddl_problem) for seed in range(200)]
        closed = sum(len(fact.get("openable", [])) for fact in facts)
        assert abs(closed / sum(len(fact["receptacleType"]) for fact in facts) - size.closed) < 0.12, name


def test_no_receptacle_is_closed_when_none_is_asked_for_and_needed() -> None:
    open_house = replace(
        SIZES["medium"], closed=0.0, rooms=("bedroom",), task_types=("look_at_obj_in_light",)
    )
    facts = [read_facts(make_game(seed, open_house).pddl_problem) for seed in range(50)]
    assert sum("openable" in fact for fact in facts) < 5


def test_what_fits_where_is_what_the_real_games_say() -> None:
    for game in real_games():
        facts = read_facts(game["pddl_problem"])
        here = set(kinds(facts, "receptacleType").values()) & set(HOLDS)
        things = set(kinds(facts, "objectType").values())
        pairs = {
            (place.removesuffix("Type"), kind.removesuffix("Type")) for place, kind in facts["canContain"]
        }
        listed = {(place, kind) for place in here for kind in HOLDS[place] & things}
        assert {(place, kind) for place, kind in pairs if place in here and kind in things} == listed


def test_what_an_object_is_good_for_is_what_the_real_games_say() -> None:
    for game in real_games():
        facts = read_facts(game["pddl_problem"])
        things, places = kinds(facts, "objectType"), kinds(facts, "receptacleType")
        for predicate, listed in OBJECT_FACTS.items():
            real = {things.get(name, name.split("_bar_")[0]) for (name,) in facts.get(predicate, [])}
            assert real - {"FloorLamp"} == listed & set(things.values()), (predicate, game["id"])
        assert {places[name] for (name,) in facts.get("openable", [])} <= OPENABLE


def test_goals_have_the_structure_of_the_real_ones() -> None:
    structures = {game["task_type"]: goal_structure(game["pddl_problem"]) for game in real_games()}
    assert set(structures) == set(TASK_TYPES)
    for task, structure in structures.items():
        assert goal_structure(make_game(0, "medium", task_types=[task]).pddl_problem) == structure


def test_goal_sentences_have_the_wording_of_the_real_ones() -> None:
    for game in real_games():
        target, place = game["id"].split("-")[1].lower(), game["id"].split("-")[3].lower()
        assert game["task"] in [
            text.format(target=target, place=place) for text in SENTENCES[game["task_type"]]
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 0, "size": "huge"}, "unknown size 'huge'"),
        ({"seed": 0, "split": "valid"}, "unknown split 'valid'"),
        ({"seed": 0, "task_types": ["dance"]}, "no task type dance"),
        (
            {"seed": 0, "size": "small", "task_types": ["look_at_obj_in_light"]},
            "no task type look_at_obj_in_light",
        ),
        ({"seed": -1}, "whole number of 0 or more, not -1"),
        ({"seed": "7"}, "whole number of 0 or more, not '7'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_game(**arguments)  # type: ignore[arg-type]


def test_a_size_without_room_for_its_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match="no pick_heat_then_place_in_recep fits"):
        replace(SIZES["tiny"], rooms=("bathroom",), task_types=("pick_heat_then_place_in_recep",))
    with pytest.raises(ValueError, match="unknown room cellar"):
        replace(SIZES["tiny"], rooms=("cellar",))
    with pytest.raises(ValueError, match="3 receptacles"):
        replace(SIZES["tiny"], receptacles=(2, 4))


def test_a_size_with_too_few_households_for_two_splits_is_refused() -> None:
    one = replace(
        SIZES["tiny"],
        kinds=1,
        furniture=2,
        objects=(2, 2),
        task_types=("pick_two_obj_and_place",),
        closed=0.0,
    )
    with pytest.raises(ValueError, match="more variety"):
        [make_game(seed, one, split=split) for seed in range(50) for split in ("train", "test")]
