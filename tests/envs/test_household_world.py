"""What a household says and admits, written out by hand. (test_household_traces.py has recorded games.)"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.kitchen import kitchen, play

from turngym.envs.household.world import NOTHING

seeds = st.integers(min_value=0, max_value=2**32)


def walk(seed: int, steps: int, logic: str = "0.4") -> list[str]:
    """Commands of a random walk through the kitchen."""
    world, draw, commands = kitchen(logic), random.Random(seed), []
    for _ in range(steps):
        commands.append(draw.choice(world.admissible))
        world.step(commands[-1])
    return commands


def test_the_first_observation_lists_the_room_by_id_with_numbers_counting_down() -> None:
    assert kitchen().reset() == (
        "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, "
        "you see a counter 1, a fridge 1, a microwave 1, a sink 1, and a sinkbasin 1.\n\n"
        "Your task is to: put some apple in microwave."
    )


def test_only_going_and_looking_is_possible_in_the_middle_of_the_room() -> None:
    places = ["counter 1", "fridge 1", "microwave 1", "sink 1", "sinkbasin 1"]
    assert kitchen().admissible == [f"go to {place}" for place in places] + ["help", "inventory", "look"]
    assert "help" not in kitchen("2.1.1").admissible


def test_a_look_from_the_middle_of_the_room_sees_nothing() -> None:
    assert play(kitchen(), "look") == [
        "You are in the middle of a room. Looking quickly around you, you see nothing."
    ]


def test_receptacles_at_one_location_are_all_within_reach() -> None:
    world = kitchen()
    assert play(world, "go to counter 1", "look") == [
        "You arrive at counter 1. On the counter 1, you see a apple 2, a knife 1, and a roll 1.",
        "You are facing the counter 1, sink 1, and sinkbasin 1. Next to it, you see nothing.",
    ]
    assert world.admissible == [
        "examine counter 1",
        "examine sink 1",
        "examine sinkbasin 1",
        "go to fridge 1",
        "go to microwave 1",
        "help",
        "inventory",
        "look",
        "take apple 2 from counter 1",
        "take bowl 1 from sink 1",
        "take bowl 1 from sinkbasin 1",
        "take knife 1 from counter 1",
        "take roll 1 from counter 1",
    ]


def test_version_2_1_1_names_the_location_and_says_put() -> None:
    assert play(
        kitchen("2.1.1"),
        "go to sinkbasin 1",
        "take bowl 1 from sinkbasin 1",
        "move bowl 1 to counter 1",
        "put bowl 1 in/on counter 1",
    ) == [
        "You arrive at loc 4. On the sinkbasin 1, you see a bowl 1.",
        "You pick up the bowl 1 from the sinkbasin 1.",
        NOTHING,
        "You put the bowl 1 in/on the counter 1.",
    ]


def test_the_sink_washes_in_version_2_1_1_only() -> None:
    commands = "go to sink 1", "take bowl 1 from sink 1", "clean bowl 1 with sink 1"
    assert play(kitchen("2.1.1"), *commands)[-1] == "You clean the bowl 1 using the sink 1."
    assert play(kitchen("0.4"), *commands)[-1] == NOTHING


def test_a_closed_receptacle_hides_its_inside_until_it_is_opened() -> None:
    world = kitchen()
    assert play(world, "go to fridge 1", "take apple 1 from fridge 1", "open fridge 1", "open fridge 1") == [
        "You arrive at fridge 1. The fridge 1 is closed.",
        NOTHING,
        "You open the fridge 1. The fridge 1 is open. In it, you see a apple 1, and a desklamp 1.",
        NOTHING,
    ]
    assert play(world, "take apple 1 from fridge 1", "close fridge 1", "move apple 1 to fridge 1") == [
        "You pick up the apple 1 from the fridge 1.",
        "You close the fridge 1.",
        NOTHING,
    ]


def test_heating_and_cooling_undo_each_other_and_need_nothing_open() -> None:
    world = kitchen()
    play(world, "go to counter 1", "take apple 2 from counter 1", "go to microwave 1")
    assert play(world, "heat apple 2 with microwave 1", "examine apple 2", "go to fridge 1") == [
        "You heat the apple 2 using the microwave 1.",
        "This is a hot apple 2.",
        "You arrive at fridge 1. The fridge 1 is closed.",
    ]
    assert play(world, "cool apple 2 with fridge 1", "examine apple 2", "heat apple 2 with fridge 1") == [
        "You cool the apple 2 using the fridge 1.",
        "This is a cold apple 2.",
        NOTHING,
    ]


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ("", "There's nothing special about apple 2."),
        ("isSliced", "This is a sliced apple 2."),
        ("isClean", "This is a clean apple 2."),
        ("isClean isSliced", "This is a clean sliced apple 2."),
        ("isHot isSliced", "This is a hot sliced apple 2."),
        ("isCool isSliced", "This is a cool sliced apple 2."),
        ("isHot isClean", "This is a hot and clean apple 2."),
        ("isCool isClean", "This is a cool and clean apple 2."),
        ("isHot isClean isSliced", "This is a hot and clean sliced apple 2."),
        ("isCool isClean isSliced", "This is a cool and clean sliced apple 2."),
    ],
)
def test_examining_an_object_in_hand_tells_what_was_done_to_it(facts: str, answer: str) -> None:
    world = kitchen(more=" ".join(f"({fact} Apple_bar_1)" for fact in facts.split()))
    play(world, "go to counter 1", "take apple 2 from counter 1")
    assert play(world, "examine apple 2") == [answer]


def test_an_object_that_is_not_in_hand_cannot_be_examined() -> None:
    assert play(kitchen(), "go to counter 1", "examine apple 2")[-1] == NOTHING


def test_a_bowl_tells_what_is_inside_it() -> None:
    commands = "go to sink 1", "take bowl 1 from sink 1", "examine bowl 1"
    assert play(kitchen(), *commands)[-1] == "This is a normal bowl 1. In it, you see nothing."
    assert play(kitchen(more="(inReceptacleObject Apple_bar_2 Bowl_bar_1)"), *commands)[-1] == (
        "This is a normal bowl 1. In it, you see a apple 1."
    )


def test_only_the_hand_that_holds_a_knife_slices_what_is_at_its_location() -> None:
    world = kitchen()
    play(world, "go to counter 1")
    assert play(world, "slice apple 2 with knife 1", "take knife 1 from counter 1") == [
        NOTHING,
        "You pick up the knife 1 from the counter 1.",
    ]
    assert play(world, "slice apple 2 with knife 1", "slice bowl 1 with knife 1", "inventory") == [
        "You sliced the apple 2 with the knife 1.",
        NOTHING,
        "You are carrying: a knife 1.",
    ]


def test_a_lamp_is_used_even_in_a_closed_fridge_and_never_goes_off() -> None:
    world = kitchen()
    assert play(world, "use desklamp 1", "go to fridge 1", "use desklamp 1", "use desklamp 1") == [
        NOTHING,
        "You arrive at fridge 1. The fridge 1 is closed.",
        "You turn on the desklamp 1.",
        "You turn on the desklamp 1.",
    ]
    assert not world.state.on


def test_what_was_moved_between_receptacles_of_one_location_lies_next_to_them() -> None:
    world = kitchen()
    play(world, "go to sink 1", "take bowl 1 from sink 1", "move bowl 1 to counter 1")
    assert play(world, "look", "examine sinkbasin 1", "examine sink 1") == [
        "You are facing the counter 1, sink 1, and sinkbasin 1. Next to it, you see a bowl 1.",
        "On the sinkbasin 1, you see a bowl 1.",
        "On the sink 1, you see nothing.",
    ]
    play(world, "take bowl 1 from sinkbasin 1", "move bowl 1 to counter 1")
    assert play(world, "look")[0].endswith("Next to it, you see a bowl 1, and a bowl 1.")


def test_hands_hold_one_object_and_receptacles_only_what_they_may() -> None:
    world = kitchen()
    play(world, "go to counter 1", "take roll 1 from counter 1")
    assert not [command for command in world.admissible if command.startswith(("take", "move"))]
    assert play(world, "take apple 2 from counter 1", "move roll 1 to counter 1") == [NOTHING, NOTHING]


def test_an_agent_that_starts_at_a_receptacle_faces_it() -> None:
    assert kitchen(start="loc_bar_2").reset().split("\n\n")[1] == (
        "You are facing the fridge 1. Next to it, you see nothing."
    )


def test_space_around_a_command_does_not_matter_but_everything_else_does() -> None:
    world = kitchen()
    assert (
        play(world, "\n inventory\t", "\N{NO-BREAK SPACE}inventory\N{EM SPACE}")
        == ["You are not carrying anything."] * 2
    )
    wrong = ["Inventory", "inventory.", "go  to counter 1", "GO TO COUNTER 1", "", "examine counter 1"]
    assert play(world, *wrong) == [NOTHING] * len(wrong)


def test_the_goal_may_stop_to_hold_and_a_reset_puts_everything_back() -> None:
    world = kitchen()
    play(world, "go to counter 1", "take apple 2 from counter 1", "go to microwave 1", "open microwave 1")
    assert world.step("move apple 2 to microwave 1") == ("You move the apple 2 to the microwave 1.", True)
    assert world.step("look")[1]
    assert not world.step("take apple 2 from microwave 1")[1]
    assert world.reset() == kitchen().reset()
    assert world.state.key() == kitchen().state.key()


@settings(deadline=None)
@given(seed=seeds, logic=st.sampled_from(["0.4", "2.1.1"]))
def test_every_admissible_command_does_something_and_no_other_does(seed: int, logic: str) -> None:
    world, draw = kitchen(logic), random.Random(seed)
    ever = {command for step in range(3) for command in walk(step, 30)}
    for _ in range(20):
        admissible = world.admissible
        assert admissible == sorted(set(admissible))
        before = world.state.key()
        for command in ever - set(admissible):
            assert world.step(command)[0] == NOTHING
        assert world.state.key() == before
        assert world.step(draw.choice(admissible))[0] != NOTHING


@settings(deadline=None)
@given(seed=seeds)
def test_a_copy_plays_on_its_own(seed: int) -> None:
    first, second = walk(seed, 20)[:10], walk(seed + 1, 20)
    world = kitchen()
    play(world, *first)
    copy, key, admissible = world.copy(), world.state.key(), world.admissible
    assert play(copy, *second) == play(world.copy(), *second)
    assert (world.state.key(), world.admissible) == (key, admissible)


@settings(deadline=None)
@given(seed=seeds)
def test_equal_keys_mean_equal_worlds_from_then_on(seed: int) -> None:
    world, copy = kitchen(), kitchen()
    play(world, *walk(seed, 15))
    play(copy, *walk(seed, 15), "look", "xyzzy")
    assert world.state.key() == copy.state.key()
    assert play(world, *walk(seed + 1, 15)) == play(copy, *walk(seed + 1, 15))
