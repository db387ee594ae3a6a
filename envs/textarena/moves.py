"""The moves that the rules of a game allow, for those who draw among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from turngym.envs.draw import Draw

Moves = Callable[[Any], Sequence[str]]
"""From the game to all its moves."""


def moves_of(game: str) -> Moves | None:
    """Who lists the moves of a game by its id; `None` where nobody here does."""
    return MOVES.get(game.partition("-")[0])


def drawn(id: str, game: Any, draw: Draw) -> str | None:
    """A move in the form of the game; `None` where that is not known here, or no move is left."""
    if own := _DRAWN.get(id.partition("-")[0]):
        return own(game, draw)
    moves = moves_of(id)
    allowed = moves(game) if moves else ()
    return draw.one(allowed) if allowed else None


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


def _sudoku(game: Any, draw: Draw) -> str:
    """Any digit in any empty cell; the game refuses those that are wrong."""
    board = game.state.game_state["board"]
    row, column = draw.one([(i, j) for i in range(9) for j in range(9) if not board[i][j]] or [(0, 0)])
    return f"[{row + 1} {column + 1} {draw.between((1, 9))}]"


def _mastermind(game: Any, draw: Draw) -> str:
    rules = game.state.game_state
    digits, length = range(1, rules["num_numbers"] + 1), rules["code_length"]
    if rules["duplicate_numbers"]:
        return f"[{' '.join(str(draw.one(digits)) for _ in range(length))}]"
    return f"[{' '.join(map(str, draw.some(digits, length)))}]"


MOVES: dict[str, Moves] = {
    "TicTacToe": _tic_tac_toe,
    "ConnectFour": _connect_four,
    "Nim": _nim,
    "KuhnPoker": _kuhn_poker,
    "PigDice": _pig_dice,
}
"""The games for two of which all moves are known, and who lists them."""

_DRAWN: dict[str, Callable[[Any, Draw], str]] = {"Mastermind": _mastermind, "Sudoku": _sudoku}
"""Games with moves that are easier drawn than listed."""
