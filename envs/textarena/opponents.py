"""Who plays the other side of a game for two: somebody who draws among the moves that the rules allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from turngym.core.errors import UserError

Opponent = Callable[[Any, str, np.random.Generator], str]
"""From the game, what the player has been told since the last move, and a generator to a move."""


def opponent_of(game: str, opponent: str | Opponent) -> Opponent:
    """`random`, a function, or a function's place as `module:attribute`.

    Raises `UserError` where the moves of the game are not known here, or the function is not found.
    """
    if not isinstance(opponent, str):
        return opponent
    if opponent != "random":
        return _imported(opponent)
    name = game.partition("-")[0]
    if name not in _MOVES:
        raise UserError(
            f"no random opponent knows the moves of {game}: give opponent='module:function', or play one of"
            f" {', '.join(_MOVES)}"
        )
    moves = _MOVES[name]

    def draws(game: Any, told: str, random: np.random.Generator) -> str:
        allowed = moves(game)
        return allowed[int(random.integers(len(allowed)))]

    return draws


def _imported(place: str) -> Opponent:
    module, _, name = place.partition(":")
    try:
        found: Opponent = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"opponent={place!r} is not found ({error}); write module:function") from error
    return found


def _tic_tac_toe(game: Any) -> Sequence[str]:
    cells = [cell for row in game.state.game_state["board"] for cell in row]
    return [f"[{number}]" for number, cell in enumerate(cells) if not cell]


def _connect_four(game: Any) -> Sequence[str]:
    return [f"[col {column}]" for column, top in enumerate(game.state.game_state["board"][0]) if top == "."]


def _nim(game: Any) -> Sequence[str]:
    piles = game.state.game_state["piles"]
    return [f"[{pile} {count}]" for pile, size in enumerate(piles) for count in range(1, size + 1)]


def _kuhn_poker(game: Any) -> Sequence[str]:
    return [f"[{move}]" for move in game.state.game_state["current_legal_action_tree"]]


def _pig_dice(game: Any) -> Sequence[str]:
    return ["[roll]", "[hold]"]


_MOVES: dict[str, Callable[[Any], Sequence[str]]] = {
    "TicTacToe": _tic_tac_toe,
    "ConnectFour": _connect_four,
    "Nim": _nim,
    "KuhnPoker": _kuhn_poker,
    "PigDice": _pig_dice,
}
