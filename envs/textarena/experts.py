"""Winning moves of a few games, found by a look behind the scenes; in Connect Four by a look ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turngym.envs.experts import NoExpert
from turngym.envs.textarena.connect_four import connect_four

Expert = Callable[[Any], str]
"""From the game to a move."""


def expert_of(game: str) -> Expert:
    """The expert of a game by its id; raises `NoExpert`."""
    name = game.partition("-")[0]
    if name in _EXPERTS:
        return _EXPERTS[name]
    raise NoExpert(
        f"there is no expert for {game}: leave out expert=True, or play one of {', '.join(_EXPERTS)}"
    )


def _hanoi(game: Any) -> str:
    towers: dict[str, list[int]] = game.state.game_state["towers"]
    at = {disk: name for name, disks in towers.items() for disk in disks}
    return _hanoi_move(at, max(at), "C") or ""


def _hanoi_move(at: dict[int, str], disk: int, goal: str) -> str | None:
    """The next move that brings `disk` and all smaller ones to `goal`; `None` where they are there."""
    if disk == 0:
        return None
    if at[disk] == goal:
        return _hanoi_move(at, disk - 1, goal)
    aside = next(name for name in "ABC" if name not in (at[disk], goal))
    return _hanoi_move(at, disk - 1, aside) or f"[{at[disk]} {goal}]"


def _mastermind(game: Any) -> str:
    return f"[{' '.join(map(str, game.state.game_state['secret_code']))}]"


def _number(game: Any) -> str:
    return f"[{game.game_number}]"


def _sudoku(game: Any) -> str:
    board = game.state.game_state["board"]
    row, column = next((i, j) for i in range(9) for j in range(9) if not board[i][j])
    return f"[{row + 1} {column + 1} {game.full_grid[row][column]}]"


def _minesweeper(game: Any) -> str:
    """The middle first, since mines are laid after the first move and away from it."""
    if game.first_move:
        return f"[{game.rows // 2} {game.cols // 2}]"
    free = [(i, j) for i in range(game.rows) for j in range(game.cols) if game.grid[i][j] != -1]
    row, column = next((i, j) for i, j in free if not game.revealed[i][j])
    return f"[{row} {column}]"


_EXPERTS: dict[str, Expert] = {
    "TowerOfHanoi": _hanoi,
    "Mastermind": _mastermind,
    "GuessTheNumber": _number,
    "Sudoku": _sudoku,
    "Minesweeper": _minesweeper,
    "ConnectFour": connect_four,
}
