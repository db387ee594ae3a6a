"""A Sokoban room, what a move does in it, and its text.

A cell is a number, row by row from the top left. The border of a room is wall, so a neighbour always exists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

WALL, FLOOR, TARGET, BOX, STORED, PLAYER, ON_TARGET = SYMBOLS = "#_OX√PS"
"""Wall, floor, target, box, box on a target, player, player on a target: the signs of RAGEN's text rooms."""

DIRECTIONS = ("up", "down", "left", "right")


class Position(NamedTuple):
    """What can change in a room."""

    player: int
    boxes: frozenset[int]


@dataclass(frozen=True, eq=False)
class Room:
    """What cannot change in a room: its walls and targets. Equal only to itself."""

    width: int
    height: int
    floor: frozenset[int]
    """Every cell that is no wall."""
    targets: frozenset[int]
    steps: dict[str, int] = field(init=False, repr=False)
    """How far a direction takes a cell's number."""
    blank: tuple[str, ...] = field(init=False, repr=False)
    """The text of the room without player and boxes, in characters; a cell's sign stands at twice its number."""

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "steps", dict(zip(DIRECTIONS, (-self.width, self.width, -1, 1), strict=True))
        )
        object.__setattr__(self, "blank", tuple(self._blank()))

    def _blank(self) -> Iterable[str]:
        for cell in range(self.width * self.height):
            yield TARGET if cell in self.targets else FLOOR if cell in self.floor else WALL
            yield "\n" if (cell + 1) % self.width == 0 else " "

    def text(self, position: Position) -> str:
        """A row a line, the signs of `SYMBOLS` with a space between."""
        signs = list(self.blank)
        for box in position.boxes:
            signs[2 * box] = STORED if box in self.targets else BOX
        signs[2 * position.player] = ON_TARGET if position.player in self.targets else PLAYER
        return "".join(signs[:-1])

    def move(self, position: Position, direction: str) -> Position | None:
        """One step, pushing the box that is in the way; `None` where a wall or a second box stops it."""
        step = self.steps[direction]
        cell = position.player + step
        if cell not in self.floor:
            return None
        if cell not in position.boxes:
            return Position(cell, position.boxes)
        beyond = cell + step
        if beyond not in self.floor or beyond in position.boxes:
            return None
        return Position(cell, position.boxes - {cell} | {beyond})

    def stored(self, position: Position) -> int:
        """How many boxes are on targets."""
        return len(position.boxes & self.targets)

    def solved(self, position: Position) -> bool:
        """Whether every box is on a target."""
        return position.boxes == self.targets


def parse(text: str) -> tuple[Room, Position]:
    """The room and position that `Room.text` wrote.

    Raises `ValueError` for a text that is no room.
    """
    rows = [line.split() for line in text.splitlines()]
    signs = [sign for row in rows for sign in row]
    cells = {symbol: [cell for cell, sign in enumerate(signs) if sign == symbol] for symbol in SYMBOLS}
    players = cells[PLAYER] + cells[ON_TARGET]
    if (
        len(players) != 1
        or len({len(row) for row in rows}) != 1
        or sum(map(len, cells.values())) != len(signs)
    ):
        raise ValueError(f"this is no room, which has equal rows of {SYMBOLS} and one player: {text[:200]!r}")
    floor = frozenset(range(len(signs))) - {*cells[WALL]}
    room = Room(len(rows[0]), len(rows), floor, frozenset(cells[TARGET] + cells[STORED] + cells[ON_TARGET]))
    return room, Position(players[0], frozenset(cells[BOX] + cells[STORED]))


def puzzle_digest(room: Room, boxes: frozenset[int]) -> bytes:
    """SHA-256 of walls, targets and boxes: equal for rotations and reflections, and wherever the player is."""
    text = "".join(_sign(room, boxes, cell) for cell in range(room.width * room.height))
    rows = [text[start : start + room.width] for start in range(0, len(text), room.width)]
    return hashlib.sha256(min("\n".join(view) for view in _views(rows)).encode()).digest()


def _sign(room: Room, boxes: frozenset[int], cell: int) -> str:
    if cell in boxes:
        return STORED if cell in room.targets else BOX
    return TARGET if cell in room.targets else FLOOR if cell in room.floor else WALL


def _views(rows: list[str]) -> Iterable[list[str]]:
    """The eight ways to look at a rectangle."""
    for side in (rows, ["".join(column) for column in zip(*rows, strict=True)]):
        for upright in (side, side[::-1]):
            yield upright
            yield [row[::-1] for row in upright]
