"""The shortest way to a goal square, with the keys and doors on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
Place = tuple[int, int]

MOST = 300_000
"""Situations that are looked at before the search is given up."""


class _Node(NamedTuple):
    """Where one could be, and what one could have done until then."""

    place: Place
    heading: int
    key: str | None
    """Colour of the key that is carried; empty for another thing."""
    changed: frozenset[Place]
    """Doors that were opened and keys that were taken."""


def way_to_goal(env: Any) -> list[str] | None:
    """The fewest actions that lead from here to a goal square; `None` where no way was found.

    Things that are neither keys nor doors are walked around; nothing is put down.
    """
    start = _start(env)
    before: dict[_Node, tuple[_Node, str] | None] = {start: None}
    waiting = deque([start])
    while waiting and len(before) < MOST:
        node = waiting.popleft()
        if _kind(env.grid.get(*node.place)) == "goal":
            return _actions(before, node)
        for action, follower in _moves(env.grid, node):
            if follower not in before:
                before[follower] = (node, action)
                waiting.append(follower)
    return None


def _start(env: Any) -> _Node:
    x, y = map(int, env.agent_pos)
    carried = env.carrying
    key = None if carried is None else carried.color if carried.type == "key" else ""
    return _Node((x, y), int(env.agent_dir), key, frozenset())


def _moves(grid: Any, node: _Node) -> Iterator[tuple[str, _Node]]:
    (x, y), (dx, dy) = node.place, _STEPS[node.heading]
    front = (x + dx, y + dy)
    yield "turn left", node._replace(heading=(node.heading - 1) % 4)
    yield "turn right", node._replace(heading=(node.heading + 1) % 4)
    cell = None if front in node.changed else grid.get(*front)
    if cell is None or cell.type in ("goal", "floor") or (cell.type == "door" and cell.is_open):
        yield "go forward", node._replace(place=front)
    elif cell.type == "key" and node.key is None:
        yield "pick up", node._replace(key=cell.color, changed=node.changed | {front})
    elif cell.type == "door" and (not cell.is_locked or node.key == cell.color):
        yield "toggle", node._replace(changed=node.changed | {front})


def _kind(cell: Any) -> str:
    return "" if cell is None else str(cell.type)


def _actions(before: dict[_Node, tuple[_Node, str] | None], node: _Node) -> list[str]:
    actions = []
    while (step := before[node]) is not None:
        node, action = step
        actions.append(action)
    return actions[::-1]
