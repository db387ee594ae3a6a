"""The expert wins from the start, after detours, and says so where nothing can be won any more."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.kitchen import kitchen, play
from tests.shared import shared

from turngym.envs.household import Problem, ProblemError, World
from turngym.envs.household.expert import next_command
from turngym.envs.household.games import PUBLISHED, TASK_TYPES, PublishedGame, load_split, problem_of
from turngym.envs.household.generator import make_game
from turngym.envs.household.sizes import find


def games(split: str) -> tuple[PublishedGame, ...]:
    return load_split(split, shared(f"data/alfworld/games_{split}.jsonl.xz").parent).games


def wins(world: World, turns: int = 30) -> bool:
    """Whether following the expert wins; every command it gives must be admissible."""
    for _ in range(turns):
        command = next_command(world)
        if command is None:
            break
        assert command in world.admissible
        world.step(command)
    return world.won


def lost(world: World) -> bool:
    """Whether the hands hold, for ever, what no receptacle of this household may contain."""
    return any(not world.problem.objects[item].fits for item in world.state.held)


def stray(world: World, turns: int, draw: random.Random) -> None:
    """Random turns that rather touch things than look at them."""
    for _ in range(turns):
        looks = "go", "look", "help", "inventory", "examine"
        touching = [command for command in world.admissible if not command.startswith(looks)]
        world.step(draw.choice(touching if touching and draw.random() < 0.7 else world.admissible))


@pytest.mark.parametrize("split", ["valid_seen", "valid_unseen"])
@pytest.mark.parametrize("logic", ["0.4", "2.1.1"])
def test_the_expert_wins_every_validation_game(split: str, logic: str) -> None:
    assert all(wins(World(problem_of(game), game.task, logic)) for game in games(split))


@pytest.mark.slow
@pytest.mark.parametrize("logic", ["0.4", "2.1.1"])
@pytest.mark.parametrize("split", PUBLISHED)
def test_the_expert_wins_every_game_there_is(split: str, logic: str) -> None:
    assert all(wins(World(problem_of(game), game.task, logic)) for game in games(split))


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_the_expert_wins_after_any_detour_that_is_not_the_end(task_type: str) -> None:
    draw = random.Random(task_type)
    mine = [game for game in games("valid_seen") if game.task_type == task_type]
    saved = 0
    for game in mine:
        world = World(problem_of(game), game.task)
        stray(world, draw.randrange(5, 60), draw)
        winnable = world.won or not lost(world)
        won = wins(world)
        assert won == winnable
        saved += won
    assert saved > len(mine) // 2


@settings(deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_the_expert_wins_the_kitchen_from_every_state_but_one_with_the_roll_in_hand(seed: int) -> None:
    world = kitchen()
    stray(world, 25, random.Random(seed))
    winnable = world.won or not lost(world)  # what strayed may have won on the way
    assert wins(world) == winnable


def test_the_expert_has_nothing_to_say_once_the_goal_holds_or_cannot_hold() -> None:
    world = kitchen()
    assert wins(world)
    assert next_command(world) is None
    world.reset()
    play(world, "go to counter 1", "take roll 1 from counter 1")
    assert next_command(world) is None


def test_the_expert_leaves_one_of_two_objects_where_it_should_be() -> None:
    two = """(exists (?r - receptacle) (exists (?o1 - object) (and (objectType ?o1 AppleType)
        (receptacleType ?r FridgeType) (inReceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2))
        (objectType ?o2 AppleType) (receptacleType ?r FridgeType) (inReceptacle ?o2 ?r))))))"""
    world = kitchen(goal=two)
    commands = []
    while (command := next_command(world)) is not None:
        commands.append(command)
        world.step(command)
    assert commands == [
        "go to counter 1",
        "take apple 2 from counter 1",
        "go to fridge 1",
        "open fridge 1",
        "move apple 2 to fridge 1",
    ]


def test_two_targets_in_two_good_places_are_brought_together() -> None:
    game = make_game(47, find("small"), task_types=("pick_two_obj_and_place",))
    assert game.task == "find two saltshaker and put them in drawer"
    world = World(Problem.parse(game.pddl_problem), game.task)
    for number in (1, 2):
        carry(world, f"saltshaker {number}", f"drawer {number}")
    assert not world.won
    assert wins(world)


def carry(world: World, thing: str, place: str) -> None:
    """Take a thing from wherever it is and put it into a place."""
    names = world.problem.names
    ids = {name: id for id, name in names.items()}
    source = next(names[one] for one, items in world.state.contents.items() if ids[thing] in items)
    for target, command in ((source, f"take {thing} from {source}"), (place, f"move {thing} to {place}")):
        world.step(f"go to {target}")
        world.step(f"open {target}")
        assert command in world.admissible
        world.step(command)


def test_a_goal_of_another_kind_is_refused() -> None:
    with pytest.raises(ProblemError, match="none of ALFWorld's six tasks"):
        next_command(kitchen(goal="(exists (?r - receptacle) (opened ?r))"))
