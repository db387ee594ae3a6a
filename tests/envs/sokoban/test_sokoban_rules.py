"""Rooms, levels and plans of Sokoban: moves by hand, plans against a plain search, levels solvable and apart."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.envs.sokoban.generator import LevelError, make_level, split_of
from turngym.envs.sokoban.room import DIRECTIONS, Position, Room, parse, puzzle_digest
from turngym.envs.sokoban.solver import LOST, bound, solve
from turngym.envs.tasks import UnknownSplit, digest

seeds = st.integers(min_value=0, max_value=2**63 - 1)
sizes = st.sampled_from([(5, 5, 1), (6, 6, 1), (6, 6, 2), (7, 6, 2), (8, 8, 3), (10, 10, 4)])
splits = st.sampled_from(["train", "test"])
walks = st.lists(st.sampled_from(DIRECTIONS), max_size=25)

ROOM = """\
# # # # # #
# P X O _ #
# _ _ _ _ #
# _ X _ O #
# _ _ _ _ #
# # # # # #"""


def level(seed, size, split="train"):
    width, height, boxes = size
    return make_level(seed, width=width, height=height, boxes=boxes, split=split)


def walked(room: Room, position: Position, directions) -> Position:
    for direction in directions:
        position = room.move(position, direction) or position
    return position


def shortest(room: Room, start: Position) -> int | None:
    """The length of a shortest solution by plain breadth-first search over moves."""
    depth, edge, seen = 0, [start], {start}
    while edge:
        if any(room.solved(position) for position in edge):
            return depth
        moved = [room.move(position, direction) for position in edge for direction in DIRECTIONS]
        edge = [position for position in dict.fromkeys(moved) if position and position not in seen]
        seen |= {*edge}
        depth += 1
    return None


def test_a_box_is_pushed_and_stands_on_the_target():
    room, position = parse(ROOM)
    pushed = room.move(position, "right")
    assert pushed is not None
    assert room.text(pushed).splitlines()[1] == "# _ P √ _ #"
    assert room.stored(pushed) == 1
    over = room.move(pushed, "right")
    assert over is not None
    assert room.text(over).splitlines()[1] == "# _ _ S X #"
    assert room.move(over, "right") is None


def test_two_boxes_in_a_row_are_not_pushed():
    room, position = parse(ROOM.replace("P X O _", "P X X O").replace("_ X _ O", "_ _ _ O"))
    assert room.move(position, "right") is None


def test_walls_stop_the_player_and_a_box():
    room, position = parse(ROOM)
    assert room.move(position, "up") is None
    below = walked(room, position, ["down", "down"])
    assert room.move(walked(room, below, ["right", "right"]), "right") is None


@given(seed=seeds, size=sizes, walk=walks)
def test_the_text_of_a_position_says_all_of_it(seed, size, walk):
    made = level(seed, size)
    position = walked(made.room, made.start, walk)
    room, again = parse(made.room.text(position))
    assert again == position
    assert (room.floor, room.targets, room.width) == (made.room.floor, made.room.targets, made.room.width)


@pytest.mark.parametrize("text", ["", "# # #\n# P", "# P P #", "# _ _ #", "# P ? #"])
def test_a_text_that_is_no_room_is_refused(text):
    with pytest.raises(ValueError, match="this is no room"):
        parse(text)


@given(seed=seeds, size=st.sampled_from([(5, 5, 1), (6, 6, 1), (6, 6, 2)]), walk=walks)
@settings(max_examples=40, deadline=None)
def test_plans_are_as_short_as_plain_search_finds_and_missing_where_it_finds_none(seed, size, walk):
    made = level(seed, size)
    position = walked(made.room, made.start, walk)
    plan = solve(made.room, position)
    assert (None if plan is None else len(plan)) == shortest(made.room, position)


@given(seed=seeds, size=sizes, walk=walks)
@settings(deadline=None)
def test_a_plan_solves_the_room(seed, size, walk):
    made = level(seed, size)
    position = walked(made.room, made.start, walk)
    plan = solve(made.room, position)
    if plan is not None:
        assert made.room.solved(walked(made.room, position, plan))


def test_a_box_in_a_corner_is_lost():
    room, position = parse(ROOM.replace("P X O _", "X P O _"))
    assert bound(room, position.boxes) >= LOST
    assert solve(room, position) is None


def test_two_boxes_frozen_along_a_wall_are_lost():
    room, position = parse(
        "# # # # # # #\n# _ _ P _ _ #\n# _ _ _ _ _ #\n# O _ _ _ O #\n# X X _ _ _ #\n# # # # # # #"
    )
    assert solve(room, position) is None


@given(seed=seeds, size=sizes, split=splits)
@settings(deadline=None)
def test_every_level_is_solvable_of_its_size_and_split(seed, size, split):
    made = level(seed, size, split)
    width, height, boxes = size
    assert (made.room.width, made.room.height, len(made.start.boxes)) == (width, height, boxes)
    assert len(made.room.targets) == boxes
    assert not made.start.boxes & made.room.targets
    assert split_of(made.room, made.start) == split
    assert len(solve(made.room, made.start) or ()) >= 2 * boxes


@given(seed=seeds, size=sizes)
@settings(deadline=None)
def test_equal_arguments_give_equal_levels(seed, size):
    first = level(seed, size)
    make_level.cache_clear()
    assert level(seed, size).text == first.text


def test_a_puzzle_turned_or_mirrored_is_the_same_puzzle():
    rows = ROOM.splitlines()
    turned = "\n".join(" ".join(column) for column in zip(*(row.split() for row in rows), strict=True))
    mirrored = "\n".join(row[::-1] for row in rows)
    elsewhere = ROOM.replace("P", "_", 1).replace("# _ _ _ _ #", "# _ _ P _ #", 1)
    digests = {puzzle_digest(*(r, p.boxes)) for r, p in map(parse, (ROOM, turned, mirrored, elsewhere))}
    assert len(digests) == 1
    other, position = parse(ROOM.replace("P X O _", "P X _ O"))
    assert puzzle_digest(other, position.boxes) not in digests


def test_the_splits_share_no_puzzle():
    train, test = ({puzzle_digest(made.room, made.start.boxes) for made in panel(split)} for split in SPLITS)
    assert not train & test


SPLITS = ("train", "test")


def panel(split, size=(6, 6, 1), count=256):
    return [level(number, size, split) for number in range(count)]


@pytest.mark.parametrize(
    ("size", "split", "pinned"),
    [
        ((6, 6, 1), "train", "5132fa619ef8d53894a9dc9090d2978925287159eba962ebbee3bd59b1a6bdf3"),
        ((6, 6, 1), "test", "7e6d0aa41fce4383e952072542375b9fabe451ae0f5fae50aa28d4e038f1498c"),
        ((6, 6, 2), "train", "324623bd48f7463bdf079bc2f5edafc07f4c59fdc86ca6582a97371f16e6d77d"),
        ((6, 6, 2), "test", "56cbf5bffe280fa47b2f0b05d1395a0f9c3e9c101d6d07bbc7d6d09fb2a9dd13"),
    ],
)
def test_panels_never_change(size, split, pinned):
    """Results compare only while a panel is these levels: add a size rather than change one."""
    assert digest((made.id, made.text) for made in panel(split, size)) == pinned


def test_a_level_is_the_same_in_another_process():
    code = "from turngym.envs.sokoban.generator import make_level; print(make_level(7, boxes=2).text)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout == make_level(7, boxes=2).text + "\n"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"width": 4}, "5 to 30 cells"), ({"boxes": 3}, "takes 1 to 2"), ({"boxes": 0}, "takes 1 to 2")],
)
def test_an_impossible_size_is_told_with_what_is_possible(wrong, told):
    with pytest.raises(LevelError, match=told):
        make_level(0, **wrong)


def test_an_unknown_split_or_number_is_told():
    with pytest.raises(UnknownSplit, match="choose one of train, test"):
        make_level(0, split="dev")
    make_level(1)
    for number in (-1, "x" * 1_000_000, 1.5, 1.0, True):
        with pytest.raises(LevelError, match="whole number of 0 or more") as error:
            make_level(number)
        assert len(str(error.value)) < 300
