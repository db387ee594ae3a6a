"""`turngym/Household-v0`: games its expert wins, its vocabulary says, and ALFWorld's engine plays alike."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared import shared

from turngym.envs.check import check_env
from turngym.envs.household.env import Household
from turngym.envs.household.expert import next_command
from turngym.envs.household.games import TASK_TYPES
from turngym.envs.household.generator import Game, make_game
from turngym.envs.household.problem import Problem
from turngym.envs.household.sizes import SIZES
from turngym.envs.household.vocabulary import entities, split_words, vocabulary
from turngym.envs.household.world import World
from turngym.envs.household.writing import write_game

seeds = st.integers(min_value=0, max_value=2**31)
sizes = st.sampled_from(list(SIZES))
logics = st.sampled_from(["0.4", "2.1.1"])


def expert_episode(env: Household, seed: int) -> list[str]:
    """The commands with which the expert wins."""
    _, info = env.reset(seed=seed)
    commands: list[str] = []
    while not info["success"]:
        assert info["expert"] in info["admissible"]
        commands.append(info["expert"])
        _, reward, terminated, truncated, info = env.step(commands[-1])
        assert terminated == info["success"] == (reward == 1.0)
        assert not truncated
        assert len(commands) < 30
    return commands


def random_walk(env: Household, seed: int, turns: int) -> Iterator[str]:
    """All that is said on a random walk: observations and admissible commands."""
    obs, info = env.reset(seed=seed)
    choice = random.Random(seed)
    yield obs
    for _ in range(turns):
        yield from info["admissible"]
        obs, _, over, _, info = env.step(choice.choice(info["admissible"]))
        yield obs
        if over:
            return


@given(seed=seeds, size=sizes, split=st.sampled_from(["train", "test"]), logic=logics)
def test_the_expert_wins_every_game(seed: int, size: str, split: str, logic: str) -> None:
    commands = expert_episode(Household(size, split=split, logic=logic, expert=True), seed)
    assert len(commands) >= 3


@pytest.mark.parametrize("size", SIZES)
def test_the_expert_wins_a_panel_of_every_task(size: str) -> None:
    for task_type in SIZES[size].task_types:
        env = Household(size, task_types=[task_type], expert=True)
        for seed in range(40):
            expert_episode(env, seed)
            assert env.game.task_type == task_type


def test_small_games_take_the_expert_about_seven_commands() -> None:
    lengths = [len(expert_episode(Household("small", expert=True), seed)) for seed in range(200)]
    assert 6 < sum(lengths) / len(lengths) < 8
    assert max(lengths) <= 12


@given(seed=seeds, size=sizes, logic=logics)
def test_all_that_is_said_is_in_the_vocabulary(seed: int, size: str, logic: str) -> None:
    words = vocabulary(size, logic)
    for said in random_walk(Household(size, logic=logic), seed, turns=30):
        assert set(split_words(said, words)) <= set(words)


@given(seed=seeds, size=sizes, logic=logics)
def test_the_tokens_of_a_command_joined_by_spaces_are_the_command(seed: int, size: str, logic: str) -> None:
    words = vocabulary(size, logic)
    env = Household(size, logic=logic)
    _, info = env.reset(seed=seed)
    choice = random.Random(seed)
    for _ in range(20):
        for command in info["admissible"]:
            assert " ".join(split_words(command, words)) == command
        *_, over, _, info = env.step(choice.choice(info["admissible"]))
        if over:
            break


def test_an_observation_is_few_tokens() -> None:
    words = vocabulary("small")
    said = "You open the fridge 1. The fridge 1 is open. In it, you see a mug 2, a mug 1, and a apple 1."
    assert split_words(said, words) == [
        *["You open the", "fridge 1", "."],
        *["The", "fridge 1", "is open."],
        *["In it, you see a", "mug 2", ", a", "mug 1", ", and a", "apple 1", "."],
    ]
    assert split_words("move mug 1 to countertop 2", words) == ["move", "mug 1", "to", "countertop 2"]


def test_a_number_is_never_cut() -> None:
    assert split_words("drawer 12", ["drawer 1", "drawer 12"]) == ["drawer 12"]
    with pytest.raises(ValueError, match="drawer 12"):
        split_words("drawer 12", ["drawer 1", "2"])


def test_text_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="no entry of the vocabulary begins ' into the garden'"):
        split_words("go to into the garden", vocabulary("tiny"))


def test_a_vocabulary_has_every_entry_once_and_small_sizes_have_few() -> None:
    for size in SIZES:
        words = vocabulary(size)
        assert len(words) == len(set(words))
        assert set(entities(size)) <= set(words)
    assert len(vocabulary("small")) < 150


@given(seed=seeds, size=sizes)
def test_the_number_alone_chooses_the_game(seed: int, size: str) -> None:
    first, second = Household(size), Household(size)
    second.reset(seed=seed + 1)
    assert first.reset(seed=seed) == second.reset(seed=5, options={"task": seed})
    assert first.game == make_game(seed, size)


def test_a_reset_without_a_seed_draws_another_game() -> None:
    env = Household("small")
    env.reset(seed=0)
    drawn = [env.reset()[0] for _ in range(3)]
    env.reset(seed=0)
    assert [env.reset()[0] for _ in range(3)] == drawn
    assert len(set(drawn)) == 3


def test_two_environments_on_one_game_do_not_disturb_each_other() -> None:
    first, second = Household("tiny", expert=True), Household("tiny", expert=True)
    fresh = second.reset(seed=7)
    expert_episode(first, 7)
    assert second.step("look")[4]["admissible"] == fresh[1]["admissible"]
    assert second.reset(seed=7) == fresh


def test_what_is_not_admissible_changes_nothing_and_is_invalid() -> None:
    env = Household("small")
    _, before = env.reset(seed=0)
    obs, reward, terminated, truncated, info = env.step("fly to the moon")
    assert (obs, reward, terminated, truncated) == ("Nothing happens.", 0.0, False, False)
    assert before["valid"]
    assert not info["valid"]
    assert info["admissible"] == before["admissible"]


def test_the_state_is_the_observation_where_that_is_asked_for() -> None:
    env = Household("small", state="observation")
    obs, info = env.reset(seed=0)
    assert info["state"] == obs
    obs, *_, info = env.step(info["admissible"][0])
    assert info["state"] == obs


def test_the_state_tells_worlds_apart_and_not_the_ways_to_them() -> None:
    env = Household("small")
    _, info = env.reset(seed=0)
    start = info["state"]
    obs, *_, info = env.step("no such command")
    assert (obs, info["state"]) == ("Nothing happens.", start)
    first, second = [command for command in info["admissible"] if command.startswith("go to")][:2]
    *_, there = env.step(first)
    assert there["state"] != start
    env.step(second)
    *_, back = env.step(first)
    assert back["state"] == there["state"]


def test_an_unknown_kind_of_state_is_named() -> None:
    with pytest.raises(ValueError, match="unknown state 'pixels': choose one of world, observation"):
        Household(state="pixels")


@pytest.mark.parametrize(
    "arguments", [{}, {"size": "tiny", "split": "test"}, {"size": "full", "logic": "2.1.1"}]
)
def test_the_household_keeps_the_contract(arguments: dict[str, str]) -> None:
    verdicts = check_env(partial(Household, expert=True, **arguments))
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize(
    "wrong", [{"size": "huge"}, {"logic": "3"}, {"split": "valid"}, {"task_types": ["dance"]}]
)
def test_a_wrong_argument_is_refused_when_the_environment_is_made(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"unknown|no task type"):
        Household(**wrong)  # type: ignore[arg-type]


def rules(folder: Path) -> dict[str, Path]:
    """A stand-in for ALFWorld's rule files, which this project does not ship."""
    (folder / "alfred.pddl").write_text("(define (domain alfred))")
    (folder / "alfred.twl2").write_text("Your task is to: UNKNOWN GOAL.")
    return {"domain": folder / "alfred.pddl", "grammar": folder / "alfred.twl2"}


def test_a_written_game_has_the_layout_of_alfworld(tmp_path: Path) -> None:
    game = make_game(0, "medium", task_types=["look_at_obj_in_light"])
    file = write_game(game, tmp_path / "games", **rules(tmp_path))
    assert file == tmp_path / "games" / game.id / "game.tw-pddl"
    data = json.loads(file.read_text())
    assert list(data) == ["pddl_domain", "grammar", "pddl_problem", "solvable"]
    assert data["grammar"] == f"Your task is to: {game.task}."
    assert data["pddl_problem"] == game.pddl_problem
    record = json.loads((file.parent / "traj_data.json").read_text())
    assert record["task_type"] == game.task_type
    assert record["pddl_params"]["toggle_target"] == "DeskLamp"


def test_a_grammar_without_a_place_for_the_goal_is_refused(tmp_path: Path) -> None:
    files = rules(tmp_path)
    files["grammar"].write_text("nothing")
    with pytest.raises(ValueError, match="UNKNOWN GOAL"):
        write_game(make_game(0), tmp_path, **files)


GAMES = [
    (size, task_type) for size in SIZES for task_type in TASK_TYPES if task_type in SIZES[size].task_types
]


@pytest.mark.alfworld
@pytest.mark.parametrize(("size", "task_type"), GAMES)
def test_the_real_engine_plays_a_written_game_alike(size: str, task_type: str, tmp_path: Path) -> None:
    game = make_game(1, size, task_types=[task_type], split="test")
    assert_played_alike(game, write_game(game, tmp_path), "0.4")


@pytest.mark.alfworld
@pytest.mark.parametrize("size", ["tiny", "small", "medium"])
def test_the_real_engine_plays_a_game_written_with_the_older_rules_alike(size: str, tmp_path: Path) -> None:
    rules = {
        "domain": shared("data/alfworld/alfred_2.1.1.pddl"),
        "grammar": shared("data/alfworld/alfred_2.1.1.twl2"),
    }
    game = make_game(2, size)
    assert_played_alike(game, write_game(game, tmp_path, **rules), "2.1.1")


def assert_played_alike(game: Game, file: Path, logic: str) -> None:
    """A random walk, then the expert's plan to the win: texts, admissible commands and wins agree."""
    engine = pytest.importorskip("turngym.envs.textworld_engine").TextWorldEngine()
    data = json.loads(file.read_text())
    engine.load(data["pddl_domain"], data["grammar"], data["pddl_problem"])
    world = World(Problem.parse(game.pddl_problem), game.task, logic)
    assert engine.reset() == world.reset()
    choice = random.Random(0)
    for turn in range(60):
        assert engine.admissible == world.admissible
        if world.won:
            break
        command = choice.choice(world.admissible) if turn < 15 else str(next_command(world))
        assert engine.step(command) == world.step(command)
    assert engine.won


WALK = """
from turngym.envs.household.env import Household
env = Household("full", expert=True)
for seed in range(5):
    obs, info = env.reset(seed=seed)
    while "expert" in info:
        print(info["state"])
        for command in info["admissible"]:
            if command.startswith("open"):
                *_, info = env.step(command)
        *_, info = env.step(info["expert"])
"""


def test_the_state_is_the_same_in_every_process() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", WALK],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": salt},
        ).stdout
        for salt in ("1", "2", "3")
    }
    assert len(told) == 1
    assert len(told.pop().split()) > 20
