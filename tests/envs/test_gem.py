from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.envs import recordings

from turngym import envs
from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs import check
from turngym.envs.experts import NoExpert

pytest.importorskip("gem")

from turngym.envs.gem.env import GEM

WON = ("game:GuessTheNumber-v0-easy", "game:Mastermind-v0-hard", "rg:chain_sum")
GAMES = (
    "game:Minesweeper-v0-easy",
    "game:FifteenPuzzle-v0-easy",
    "game:Sudoku-v0-easy",
    "game:TowerofHanoi-v0-easy",
    "game:Game2048-v0-easy",
    "game:Sokoban-v0-easy",
)


@pytest.mark.parametrize("rule", check.rules)
@pytest.mark.parametrize("game", WON)
def test_the_contract_is_kept(rule: check.Rule, game: str) -> None:
    rule(envs.factory("turngym/GEM-v0", game=game), 0)


@pytest.mark.parametrize(
    "rule", [rule for rule in check.rules if rule not in (check.stays_ended, check.expert_wins)]
)
@pytest.mark.parametrize("game", GAMES)
def test_the_contract_is_kept_without_an_expert(rule: check.Rule, game: str) -> None:
    rule(envs.factory("turngym/GEM-v0", game=game), 0)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize("game", WON)
def test_the_expert_wins(game: str, split: str) -> None:
    env = GEM(game, split=split, expert=True)
    for task in range(5):
        _, info = env.reset(options={"task": task})
        _, reward, ended, truncated, info = env.step(info["expert"])
        assert (reward, ended, truncated, info["success"], info["score"]) == (1.0, True, False, True, 1.0)


def test_recorded_episodes_play_the_same() -> None:
    recordings.check("gem")


def test_the_board_follows_what_was_told() -> None:
    env = GEM("game:TowerofHanoi-v0-easy")
    env.reset(seed=0)
    assert env.step(r"Let me see. \boxed{A C}")[0] == (
        "At turn 1, you moved disk 1 from tower A to tower C.\n"
        "Here is the current state of the tower of hanoi:\nA: [3, 2]\nB: []\nC: [1]\n\nEnter your move."
    )


def test_equal_boards_are_equal_states_whatever_the_way_there() -> None:
    env = GEM("game:TowerofHanoi-v0-easy")
    _, start = env.reset(seed=0)
    *_, between = env.step(r"\boxed{A C}")
    *_, back = env.step(r"\boxed{C A}")
    assert between["state"] != start["state"] == back["state"]


def test_text_without_a_move_ends_the_game_with_gems_penalty() -> None:
    env = GEM()
    env.reset(seed=0)
    _, reward, ended, _, info = env.step("seven")
    assert (reward, ended, info["valid"], info["success"], info["score"]) == (-0.1, True, False, False, 0.0)
    assert env.step("seven")[1:4] == (0.0, True, False)


def test_the_processs_random_generator_is_left_as_it_was() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    GEM("game:Game2048-v0-easy").reset(seed=1)
    assert random.random() == expected


def test_an_answer_is_never_run(tmp_path: Path) -> None:
    target = tmp_path / "made_by_the_answer"
    env = GEM("rg:string_insertion")
    env.reset(seed=0)
    _, reward, ended, _, _ = env.step(rf"\boxed{{[open({str(target)!r}, 'w').name]}}")
    assert (reward, ended, target.exists()) == (-0.1, True, False)


@pytest.mark.parametrize("action", ["", r"\boxed{", r"\boxed{²}", "x" * 10**6, r"\boxed{" * 10**5, "\ud800"])
@pytest.mark.parametrize("game", [*WON, *GAMES])
def test_any_string_is_answered(game: str, action: str) -> None:
    env = GEM(game)
    env.reset(seed=0)
    assert isinstance(env.step(action)[0], str)


def test_what_cannot_be_played_is_named() -> None:
    with pytest.raises(UserError, match="the nearest is 'game:Sokoban-v0-easy'"):
        GEM("game:Sokoban-v0-eas")
    with pytest.raises(UserError, match="play it as turngym/ReasoningGym-v0"):
        GEM("rg:countdown")
    with pytest.raises(UserError, match="that runs without a network"):
        GEM("math:GSM8K")
    with pytest.raises(PrerequisiteError, match="cannot be played here"):
        GEM("game:Wordle-v0-easy")
    with pytest.raises(NoExpert, match="there is no expert for game:Sokoban-v0-easy"):
        GEM("game:Sokoban-v0-easy", expert=True)
