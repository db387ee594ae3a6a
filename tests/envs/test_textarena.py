from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.envs import recordings

from turngym import envs
from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs import check
from turngym.envs.experts import NoExpert

pytest.importorskip("textarena")

from turngym.envs.textarena.connect_four import connect_four
from turngym.envs.textarena.env import TextArena

WON = ("TowerOfHanoi-v0-medium", "Mastermind-v0", "GuessTheNumber-v0", "Sudoku-v0-easy", "Minesweeper-v0")
PUZZLES = ("2048-v0-easy", "LightsOut-v0", "Countdown-v0")
FOR_TWO = ("TicTacToe-v0", "ConnectFour-v0", "Nim-v0", "KuhnPoker-v0", "PigDice-v0")
OF_EXPERTS = (check.stays_ended, check.expert_wins)


@pytest.mark.parametrize("rule", check.rules)
@pytest.mark.parametrize("game", ["TowerOfHanoi-v0", "Minesweeper-v0-small"])
def test_the_contract_is_kept(rule: check.Rule, game: str) -> None:
    rule(envs.factory("turngym/TextArena-v0", game=game), 0)


@pytest.mark.parametrize("rule", [rule for rule in check.rules if rule not in OF_EXPERTS])
@pytest.mark.parametrize("game", PUZZLES)
def test_the_contract_is_kept_without_an_expert(rule: check.Rule, game: str) -> None:
    rule(envs.factory("turngym/TextArena-v0", game=game), 0)


@pytest.mark.parametrize("rule", [rule for rule in check.rules if rule not in OF_EXPERTS])
@pytest.mark.parametrize("game", FOR_TWO)
def test_the_contract_is_kept_by_games_for_two(rule: check.Rule, game: str) -> None:
    rule(envs.factory("turngym/TextArena-v0", game=game, player=1), 0)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize("game", WON)
def test_the_expert_wins(game: str, split: str) -> None:
    env = TextArena(game, split=split, expert=True)
    for task in range(3):
        _, info = env.reset(options={"task": task})
        ended = False
        while not ended:
            _, reward, ended, _, info = env.step(info["expert"])
        assert (reward, info["success"], info["score"]) == (1.0, True, 1.0)


def test_recorded_episodes_play_the_same() -> None:
    recordings.check("textarena")


def test_the_processs_random_generators_are_left_as_they_were() -> None:
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    env = TextArena("2048-v0-easy")
    env.reset(seed=1)
    env.step("[up]")
    assert (random.random(), np.random.random()) == expected


def test_two_games_side_by_side_do_not_share_their_chance() -> None:
    def boards(beside: bool) -> list[str]:
        one, other = TextArena("2048-v0-easy"), TextArena("2048-v0-easy")
        told = [one.reset(seed=1)[0]]
        for move in ("[up]", "[left]", "[down]", "[right]"):
            if beside:
                other.reset(seed=2)
            told.append(one.step(move)[0])
        return told

    assert boards(beside=True) == boards(beside=False)


def test_an_observation_is_what_was_told_since_the_last_move() -> None:
    env = TextArena("TowerOfHanoi-v0")
    env.reset(seed=0)
    told = "[GAME] You moved disk 1 from A to C.\n[GAME] Current Board: \nA: [3, 2]\nB: []\nC: [1]\n."
    assert env.step("A C")[0] == told


def test_a_refused_move_may_be_repeated_once() -> None:
    env = TextArena("TowerOfHanoi-v0")
    _, start = env.reset(seed=0)
    obs, reward, ended, _, info = env.step("[B C]")
    assert "invalid move" in obs
    assert (reward, ended, info["valid"], info["state"]) == (0.0, False, False, start["state"])
    assert env.step("[A C]")[4]["valid"] is True
    env.step("nonsense")
    _, reward, ended, _, info = env.step("nonsense")
    assert (ended, info["valid"], info["success"]) == (True, False, False)


def test_equal_boards_are_equal_states_whatever_the_way_there() -> None:
    env = TextArena("TowerOfHanoi-v0")
    _, start = env.reset(seed=0)
    *_, between = env.step("[A B]")
    *_, back = env.step("[B A]")
    assert between["state"] != start["state"] == back["state"]


@pytest.mark.parametrize("game", FOR_TWO)
def test_a_random_opponent_keeps_the_rules_and_is_sometimes_beaten(game: str) -> None:
    results = []
    for seed in range(20):
        env = TextArena(game, player=seed % 2)
        env.reset(seed=seed)
        mine, ended = np.random.default_rng(seed), False
        while not ended:
            move = env._opponent(env._game, "", mine)  # type: ignore[misc]
            _, reward, ended, _, info = env.step(move)
            assert info["valid"]
        results.append(reward)
        assert info["success"] is (reward == 1)
        assert info["score"] == (reward + 1) / 2
        assert not env._game.state.game_info[1 - env.player]["invalid_move"]
    assert {-1.0, 1.0} <= set(results) <= {-1.0, 0.0, 1.0}


def first_column(game: Any, told: str, random: np.random.Generator) -> str:
    assert "Board state" in told
    return "[col 0]"


def test_an_opponent_can_be_a_function_or_its_name() -> None:
    told = []
    for opponent in (first_column, f"{__name__}:first_column"):
        env = TextArena("ConnectFour-v0", opponent=opponent)
        env.reset(seed=0)
        told.append(env.step("[col 1]")[0])
    assert told[0] == told[1]
    assert "Player 1 dropped their disk (O) into column 0." in told[0]


@pytest.mark.parametrize(
    "action", ["", "[", "[]", "[9999999999999999999 1]", "[" * 10**6, "[1 " * 300_000, "[²  ³]", "\ud800"]
)
@pytest.mark.parametrize("game", [*WON, *PUZZLES, *FOR_TWO])
def test_any_string_is_answered(game: str, action: str) -> None:
    env = TextArena(game)
    env.reset(seed=0)
    for _ in range(3):
        assert isinstance(env.step(action)[0], str)


def test_what_cannot_be_played_is_named() -> None:
    with pytest.raises(UserError, match="the nearest is 'TicTacToe-v0'"):
        TextArena("TicTacTo-v0")
    with pytest.raises(UserError, match="no random opponent knows the moves of Othello-v0: give opponent="):
        TextArena("Othello-v0")
    with pytest.raises(UserError, match="player=2 is not at this table"):
        TextArena("Nim-v0", player=2)
    with pytest.raises(UserError, match="is for more than two players"):
        TextArena("ThreePlayerTicTacToe-v0")
    with pytest.raises(UserError, match="opponent='nowhere:nobody' is not found"):
        TextArena("Nim-v0", opponent="nowhere:nobody")
    with pytest.raises(PrerequisiteError, match="cannot be played here"):
        TextArena("TwentyQuestions-v0")
    with pytest.raises(NoExpert, match="there is no expert for 2048-v0"):
        TextArena("2048-v0", expert=True)


@pytest.mark.parametrize("task", range(3))
def test_looking_ahead_wins_connect_four_against_chance(task: int) -> None:
    env = TextArena("ConnectFour-v0", split="test", expert=True)
    _, info = env.reset(seed=0, options={"task": task})
    over = False
    while not over:
        _, _, over, _, info = env.step(info["expert"])
    assert info["success"]


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        (
            [".......", ".......", ".......", "X......", "X......", "X.OOO.."],
            0,
        ),  # four of one's own come first
        (
            [".......", ".......", ".......", ".......", ".......", "XXOOO.."],
            5,
        ),  # or the other's are prevented
        ([".......", ".......", ".......", ".......", ".......", "O.OO..X"], 1),  # a gap is filled
    ],
)
def test_four_in_a_line_is_made_or_prevented(rows: list[str], column: int) -> None:
    state = SimpleNamespace(game_state={"board": [[*row] for row in rows]}, current_player_id=0)
    chosen = connect_four(SimpleNamespace(state=state))
    assert chosen == f"[col {column}]"
    assert state.game_state["board"] == [[*row] for row in rows]
