"""Compiled goals against PDDL's definition, and against ALFWorld's six forms of goal."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.kitchen import PLACES, THINGS, kitchen, kitchen_text, play

from turngym.envs.household import Problem, ProblemError, World
from turngym.envs.household.goal import CHANGING, Facts
from turngym.envs.household.pddl import Expr, read, typed

TYPES = {
    **{place.lower(): "receptacle" for place in PLACES},
    **{thing.lower(): "object" for thing in THINGS},
    **{f"loc_bar_{number}": "location" for number in (1, 2, 3, 9)},
    "agent1": "agent",
}
FIXED: Facts = {
    "openable": {("fridge_bar_1",), ("microwave_bar_1",)},
    "objecttype": {(thing.lower(), kind.lower()) for thing, (kind, _, _) in THINGS.items()},
    "receptacleatlocation": {(place.lower(), location) for place, (_, location) in PLACES.items()},
}
VARIABLES = {"?o": "object", "?p": "object", "?r": "receptacle", "?l": "location"}
ATOMS = [
    "(openable ?r)",
    "(opened ?r)",
    "(inReceptacle ?o ?r)",
    "(inReceptacle ?p ?r)",
    "(objectType ?o AppleType)",
    "(objectType ?p KnifeType)",
    "(= ?o ?p)",
    "(holds agent1 ?o)",
    "(holdsAny agent1)",
    "(isHot ?p)",
    "(isToggled ?o)",
    "(atLocation agent1 ?l)",
    "(objectAtLocation ?o ?l)",
    "(receptacleAtLocation ?r ?l)",
]
conditions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.builds("(not {})".format, inner),
        st.builds("(imply {} {})".format, inner, inner),
        st.builds(
            lambda word, parts: f"({word} {' '.join(parts)})",
            st.sampled_from(["and", "or"]),
            st.lists(inner, max_size=4),
        ),
        st.builds(
            lambda word, names, part: (
                f"({word} ({' '.join(f'{name} - {VARIABLES[name]}' for name in names)}) {part})"
            ),
            st.sampled_from(["exists", "forall"]),
            st.lists(st.sampled_from(list(VARIABLES)), min_size=1, max_size=2, unique=True),
            inner,
        ),
    ),
    max_leaves=6,
)


def close(words: list[str], condition: str) -> str:
    """Quantify the condition's variables, each with the word at its place."""
    used = [(word, name) for word, name in zip(words, VARIABLES, strict=True) if name in condition]
    opened = "".join(f"({word} ({name} - {VARIABLES[name]}) " for word, name in used)
    return opened + condition + ")" * len(used)


quantifiers = st.lists(st.sampled_from(["exists", "forall"]), min_size=4, max_size=4)


def true_by_definition(expr: Expr, world: World, binding: dict[str, str]) -> bool:
    """PDDL's meaning of a condition, by trying everything."""
    assert isinstance(expr, list)
    word, *parts = expr
    if word in ("exists", "forall"):
        variables, body = dict(typed(parts[0])), parts[1]  # type: ignore[arg-type]
        domains = [
            [name for name in TYPES if TYPES[name] == kind or kind == "object"] for kind in variables.values()
        ]
        every = (
            true_by_definition(body, world, {**binding, **dict(zip(variables, names, strict=True))})
            for names in product(*domains)
        )
        return any(every) if word == "exists" else all(every)
    if word == "not":
        return not true_by_definition(parts[0], world, binding)
    if word == "imply":
        return not true_by_definition(parts[0], world, binding) or true_by_definition(
            parts[1], world, binding
        )
    if word in ("and", "or"):
        truths = [true_by_definition(part, world, binding) for part in parts]
        return all(truths) if word == "and" else any(truths)
    args = [binding.get(str(part), str(part)) for part in parts]
    if word == "=":
        return args[0] == args[1]
    return CHANGING[word](world.state, *args) if word in CHANGING else tuple(args) in FIXED[str(word)]


@settings(deadline=None, max_examples=60)
@given(goal=st.builds(close, quantifiers, conditions), seed=st.integers(min_value=0, max_value=2**32))
def test_a_compiled_goal_means_what_pddl_says(goal: str, seed: int) -> None:
    world, draw = kitchen(goal=goal), random.Random(seed)
    for _ in range(3):
        assert world.won == true_by_definition(read(goal), world, {})
        world.step(draw.choice(world.admissible))


def test_two_objects_must_lie_in_the_same_receptacle() -> None:
    two = """(exists (?r - receptacle) (exists (?o1 - object) (and (objectType ?o1 AppleType)
        (receptacleType ?r MicrowaveType) (inReceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2))
        (objectType ?o2 AppleType) (inReceptacle ?o2 ?r))))))"""
    world = kitchen(goal=two)
    play(world, "go to counter 1", "take apple 2 from counter 1", "go to microwave 1", "open microwave 1")
    play(
        world, "move apple 2 to microwave 1", "go to fridge 1", "open fridge 1", "take apple 1 from fridge 1"
    )
    play(world, "go to microwave 1")
    assert not world.won
    assert world.step("move apple 1 to microwave 1")[1]


def test_looking_at_something_in_light_needs_the_lamp_used_once_and_both_in_one_place() -> None:
    light = """(and (exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and
        (objectType ?ot DeskLampType) (toggleable ?ot) (isToggled ?ot) (receptacleAtLocation ?r ?l)
        (atLocation ?a ?l) (inReceptacle ?ot ?r)))
        (exists (?o - object ?a - agent) (and (objectType ?o KnifeType) (holds ?a ?o))))"""
    world = kitchen(goal=light)
    play(world, "go to fridge 1", "use desklamp 1", "use desklamp 1", "go to counter 1")
    assert not world.step("take knife 1 from counter 1")[1]
    assert world.step("go to fridge 1")[1]
    assert not world.step("go to microwave 1")[1]


@pytest.mark.parametrize(
    ("goal", "sentence"),
    [
        (
            "(checked agent1)",
            "the goal has a condition that this engine does not know: ['checked', 'agent1']",
        ),
        ("(isHot)", "the goal has a condition that this engine does not know: ['ishot']"),
        ("(= apple_bar_1)", "the goal has a condition that this engine does not know: ['=', 'apple_bar_1']"),
        ("(exists ?o (isHot ?o))", "the goal has a condition that this engine does not know"),
    ],
)
def test_a_goal_that_is_not_understood_is_refused(goal: str, sentence: str) -> None:
    with pytest.raises(ProblemError) as error:
        Problem.parse(kitchen_text(goal=goal))
    assert sentence in str(error.value)
