"""Shortest plans for Sokoban positions, or the proof that there is none.

A* over pushes: a node is where the player stands after a push and where the boxes are, an edge is the walk to a box
and the push. Its lower bound is the cheapest assignment of boxes to targets by the number of pushes that each box
would need alone in the room; a box that can reach no target alone is lost, which prunes the dead squares, and so is
one that can never be moved again (a freeze deadlock; see Junghanns and Schaeffer 2001, "Sokoban: Enhancing general
single-agent search methods using domain knowledge", for both).

Up to `EXACT` boxes a plan is optimal in moves. With more the bound, blind to walking, guides too little, so it counts
`GREED` times and positions that differ only by a walk count as one: quick, complete, about a sixth longer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import lru_cache
from itertools import count

from turngym.envs.sokoban.room import Position, Room

Plan = tuple[str, ...]
Node = tuple[int, frozenset[int]]
Walks = dict[int, tuple[int, str]]
"""Of each cell that the player can walk to the number of steps and the direction of the last one."""
Origins = dict[Node, tuple[Node, int, str]]
"""Of each node the one before, the cell from which the box was pushed, and the direction."""

EXACT, GREED = 2, 8

LOST = 10**6
"""More pushes than any room needs."""


@lru_cache(maxsize=4096)
def solve(room: Room, position: Position) -> Plan | None:
    """The directions of a solution; `None` where the boxes cannot all reach targets any more."""
    start: Node = (position.player, position.boxes)
    exact = len(position.boxes) <= EXACT
    cost, origin, done = {start: 0}, Origins(), set[Node]()
    order = count()
    queue = [(bound(room, position.boxes), next(order), start)]
    while queue:
        _, _, node = heapq.heappop(queue)
        if node[1] == room.targets:
            return _plan(room, start, node, origin)
        walks = reach(room, *node)
        place = node if exact else (min(walks), node[1])
        if place in done:
            continue
        done.add(place)
        for there, direction, after in _pushes(room, walks, node[1]):
            moves = cost[node] + walks[there][0] + 1
            if moves < cost.get(after, LOST) and (pushes := bound(room, after[1])) < LOST:
                cost[after], origin[after] = moves, (node, there, direction)
                heapq.heappush(queue, (moves + (1 if exact else GREED) * pushes, next(order), after))
    return None


def bound(room: Room, boxes: frozenset[int]) -> int:
    """At least so many pushes are needed; `LOST` or more where some box can reach no target that is left for it."""
    alone = push_distances(room)
    best = {0: 0}  # targets taken, as bits -> pushes of the boxes so far
    for box in sorted(boxes):
        tried: dict[int, int] = {}
        for taken, pushes in best.items():
            for index, distance in enumerate(alone):
                bit = 1 << index
                if not taken & bit and box in distance:
                    total = pushes + distance[box]
                    tried[taken | bit] = min(total, tried.get(taken | bit, LOST))
        best = tried
    return min(best.values(), default=LOST)


@lru_cache(maxsize=4096)
def push_distances(room: Room) -> list[dict[int, int]]:
    """For each target the number of pushes that bring a lone box there, by the box's cell. Lost cells are missing."""
    return [_pulled_from(room, target) for target in sorted(room.targets)]


def reach(room: Room, player: int, boxes: frozenset[int]) -> Walks:
    """Every cell to which the player can walk."""
    seen = {player: (0, "")}
    edge = [player]
    steps = room.steps.items()
    for cell in edge:  # grows while it is read
        for direction, step in steps:
            there = cell + step
            if there in room.floor and there not in boxes and there not in seen:
                seen[there] = (seen[cell][0] + 1, direction)
                edge.append(there)
    return seen


def _pulled_from(room: Room, target: int) -> dict[int, int]:
    pushes = {target: 0}
    edge = [target]
    for cell in edge:
        for step in room.steps.values():
            before, player = cell - step, cell - 2 * step
            if before in room.floor and player in room.floor and before not in pushes:
                pushes[before] = pushes[cell] + 1
                edge.append(before)
    return pushes


def _pushes(room: Room, walks: Walks, boxes: frozenset[int]) -> Iterator[tuple[int, str, Node]]:
    """What can be pushed next: the cell from which, the direction and the node after."""
    for box in sorted(boxes):
        for direction, step in room.steps.items():
            there, beyond = box - step, box + step
            if there not in walks or beyond not in room.floor or beyond in boxes:
                continue
            after = boxes - {box} | {beyond}
            if beyond in room.targets or not _frozen(room, beyond, after):
                yield there, direction, (box, after)


def _frozen(room: Room, box: int, boxes: frozenset[int], fixed: frozenset[int] = frozenset()) -> bool:
    """Whether the box can never move again: on both axes a wall or a frozen box is beside it."""
    fixed |= {box}
    return all(
        any(_blocks(room, box + side * step, boxes, fixed) for side in (-1, 1)) for step in (1, room.width)
    )


def _blocks(room: Room, cell: int, boxes: frozenset[int], fixed: frozenset[int]) -> bool:
    if cell not in room.floor or cell in fixed:
        return True
    return cell in boxes and _frozen(room, cell, boxes, fixed)


def _plan(room: Room, start: Node, node: Node, origin: Origins) -> Plan:
    parts: list[str] = []  # from the end to the start
    while node != start:
        node, there, direction = origin[node]
        parts += [direction, *_walk(room, node, there)]
    return tuple(reversed(parts))


def _walk(room: Room, node: Node, cell: int) -> Iterator[str]:
    """The directions from the node's player to the cell, last first."""
    walks = reach(room, *node)
    while cell != node[0]:
        direction = walks[cell][1]
        yield direction
        cell -= room.steps[direction]
