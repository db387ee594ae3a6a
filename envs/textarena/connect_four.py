"""Connect Four, looked ahead a few moves: enough to beat chance, not a perfect player."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

AHEAD = 4
"""Moves that are looked ahead, one's own included."""

WON = 1000.0

Board = list[list[str]]
"""Rows from the top, `.` where nothing lies."""


def connect_four(game: Any) -> str:
    """The column that leads to the best position after `AHEAD` moves, the middle one first where several do."""
    board = [[*row] for row in game.state.game_state["board"]]
    own, other = ("X", "O") if game.state.current_player_id == 0 else ("O", "X")
    values = {column: -_after(board, column, own, other, AHEAD) for column in _free(board)}
    return f"[col {max(values, key=lambda column: values[column])}]"


def _after(board: Board, column: int, own: str, other: str, depth: int) -> float:
    """What the position is worth to `other` once `own` has dropped a disc into the column, which is taken out again."""
    row = max(number for number, line in enumerate(board) if line[column] == ".")
    board[row][column] = own
    worth = -WON - depth if _four(board, row, column) else _worth(board, other, own, depth - 1)
    board[row][column] = "."
    return worth


def _worth(board: Board, own: str, other: str, depth: int) -> float:
    """What the position is worth to `own`, who moves: sooner wins are worth more."""
    free = _free(board)
    if not depth or not free:
        return 0.0
    return max(-_after(board, column, own, other, depth) for column in free)


def _free(board: Board) -> list[int]:
    """The columns with room, from the middle outwards."""
    middle = (len(board[0]) - 1) / 2
    free = [column for column, top in enumerate(board[0]) if top == "."]
    return sorted(free, key=lambda column: abs(column - middle))


def _four(board: Board, row: int, column: int) -> bool:
    """Whether the disc at this place is one of four in a line."""
    return any(sum(_run(board, row, column, way)) + 1 >= 4 for way in ((0, 1), (1, 0), (1, 1), (1, -1)))


def _run(board: Board, row: int, column: int, way: Sequence[int]) -> Iterator[int]:
    """How many like it lie next to a disc, in a direction and in the opposite one."""
    for sign in (1, -1):
        count, i, j = 0, row + sign * way[0], column + sign * way[1]
        while 0 <= i < len(board) and 0 <= j < len(board[0]) and board[i][j] == board[row][column]:
            count, i, j = count + 1, i + sign * way[0], j + sign * way[1]
        yield count
