"""Sokoban levels from a seed, solvable because they are played backwards from the solution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral

from turngym.envs.draw import Draw
from turngym.envs.sokoban.room import Position, Room, puzzle_digest
from turngym.envs.sokoban.solver import bound, reach
from turngym.envs.tasks import check_split

SPLITS = ("train", "test")

LARGEST, MOST_BOXES = 30, 8

_TRIES = 2000
_PULLS = 24
"""Pulls a box when a level is played backwards."""


class LevelError(ValueError):
    """A size, a number of boxes or a seed from which no level can be made."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """A room and where an episode in it begins."""

    seed: int
    split: str
    room: Room
    start: Position

    @property
    def id(self) -> str:
        return f"{self.split}-{self.seed}"

    @property
    def text(self) -> str:
        """The level as `Room.text` writes it, which decides the task."""
        return self.room.text(self.start)


@lru_cache(maxsize=1024, typed=True)
def make_level(seed: int, *, width: int = 6, height: int = 6, boxes: int = 1, split: str = "train") -> Level:
    """The level of this seed: equal arguments give equal levels, in every process and on every machine.

    A quarter of all levels, told by a digest that does not look at the player and is the same for rotations and
    reflections, belong to the split "test" and never come up in "train". Every box needs two pushes or more
    on average, and none begins on a target.

    Raises `LevelError` for a seed below 0 and a size or number of boxes out of range, `UnknownSplit` likewise.
    """
    check_size(width, height, boxes)
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise LevelError(f"a level's number is a whole number of 0 or more, not {str(seed)[:200]!r}")
    draw = Draw(seed, SPLITS.index(check_split(split, SPLITS)), width, height, boxes)
    for _ in range(_TRIES):
        room = _room(draw, width, height, boxes)
        start = room and _start(room, draw)
        if room and start and split_of(room, start) == split:
            return Level(seed=seed, split=split, room=room, start=start)
    raise LevelError(
        f"{_TRIES} rooms of {width} by {height} had no level with {boxes} boxes; ask for fewer boxes"
    )


def check_size(width: int, height: int, boxes: int) -> None:
    """Raises `LevelError` where a room of that size is too small, too large or too full."""
    for name, side in (("width", width), ("height", height)):
        if not 5 <= side <= LARGEST:
            raise LevelError(f"{name}={side}: a room has 5 to {LARGEST} cells a side, its walls included")
    most = min(MOST_BOXES, (width - 2) * (height - 2) // 8)
    if not 1 <= boxes <= most:
        raise LevelError(f"boxes={boxes}: a room of {width} by {height} takes 1 to {most}")


def split_of(room: Room, start: Position) -> str:
    """The split to which the level belongs."""
    return "test" if puzzle_digest(room, start.boxes)[0] < 64 else "train"


def _room(draw: Draw, width: int, height: int, boxes: int) -> Room | None:
    """A cave dug by a digger who walks at random, with targets from which a box can be pulled."""
    floor = _dig(draw, width, height)
    steps = (-width, width, -1, 1)
    free = sorted(cell for cell in floor if any({cell + s, cell + 2 * s} <= floor for s in steps))
    if len(free) < boxes:
        return None
    return Room(width, height, frozenset(floor), frozenset(draw.some(free, boxes)))


def _dig(draw: Draw, width: int, height: int) -> set[int]:
    """Between half and nine tenths of the inside, in one piece."""
    inside = {row * width + column for row in range(1, height - 1) for column in range(1, width - 1)}
    wanted = len(inside) * draw.between((50, 90)) // 100
    cell = draw.one(sorted(inside))
    step, floor = 1, {cell}
    while len(floor) < wanted:
        if draw.below(3) == 0 or cell + step not in inside:
            step = draw.one((-width, width, -1, 1))
        if cell + step in inside:
            cell += step
            floor.add(cell)
    return floor


def _start(room: Room, draw: Draw) -> Position | None:
    """Of the positions on a random walk backwards from the solution the one that needs the most pushes."""
    free = sorted(room.floor - room.targets)
    best, most = None, 2 * len(room.targets) - 1
    for player, boxes in _pulls(room, draw, draw.one(free)):
        if boxes & room.targets or (pushes := bound(room, boxes)) <= most:
            continue
        best, most = (player, boxes), pushes
    if best is None:
        return None
    return Position(draw.one(sorted(reach(room, *best))), best[1])


def _pulls(room: Room, draw: Draw, player: int) -> Iterator[tuple[int, frozenset[int]]]:
    """Positions of a random walk from the solution: walk to a box and pull it one cell, again and again."""
    boxes, steps = room.targets, tuple(room.steps.values())
    for _ in range(_PULLS * len(boxes)):
        at = reach(room, player, boxes)
        moves = [(box, s) for box in sorted(boxes) for s in steps if box + s in at and box + 2 * s in at]
        if not moves:
            return
        box, step = draw.one(moves)
        boxes, player = boxes - {box} | {box + step}, box + 2 * step
        yield player, boxes
