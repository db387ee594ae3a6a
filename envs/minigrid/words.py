"""A grid world in words: what the agent sees, or the whole map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

HEADINGS = ("east", "south", "west", "north")

_STATES = {0: "open ", 1: "closed ", 2: "locked "}
_MARKS = {"wall": "#", "lava": "~", "goal": "G", "door": "D", "key": "K", "ball": "O", "box": "B"}
_AGENT = ">v<^"


def thing(cell: Any) -> str:
    """A thing with its article: `a locked red door`."""
    if cell.type == "lava":
        return "lava"
    state = _STATES[cell.encode()[2]] if cell.type == "door" else ""
    name = f"{state}{cell.color} {cell.type}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def partial(env: Any) -> str:
    """What lies in the agent's view, the nearest first, then the walls straight ahead and to both sides."""
    grid, seen = env.gen_obs_grid()
    middle, own_row = grid.width // 2, grid.height - 1
    found = []
    for row in range(grid.height):
        for column in range(grid.width):
            cell = grid.get(column, row) if seen[column, row] else None
            if cell is not None and cell.type not in ("wall", "floor") and (column, row) != (middle, own_row):
                found.append((own_row - row, column - middle, thing(cell)))
    found.sort(key=lambda one: (one[0] + abs(one[1]), one))
    told = [f"{what} {_where(ahead, right)}" for ahead, right, what in found]
    lines = [f"You see {_listed(told)}." if told else "You see nothing."]
    if walls := list(_walls(grid, seen, middle, own_row)):
        lines.append(f"There is a wall {_listed(walls)}.")
    return " ".join([*lines, _carried(env)])


def full(env: Any) -> str:
    """The map with a legend, then all things with their columns and rows, counted from 0 at the top left."""
    grid, rows, found = env.grid, [], []
    for row in range(grid.height):
        cells = [grid.get(column, row) for column in range(grid.width)]
        marks = ["." if cell is None else _MARKS.get(cell.type, ".") for cell in cells]
        if row == env.agent_pos[1]:
            marks[env.agent_pos[0]] = _AGENT[env.agent_dir]
        rows.append("".join(marks))
        for column, cell in enumerate(cells):
            if cell is not None and cell.type not in ("wall", "floor", "lava"):
                found.append(f"{thing(cell)} at column {column}, row {row}")
    column, row = map(int, env.agent_pos)
    place = f"You are at column {column}, row {row}, facing {HEADINGS[env.agent_dir]}."
    there = f"There is {_listed(found)}." if found else "There is nothing else."
    return "\n".join([*rows, f"{place} {there} {_carried(env)}"])


def _where(ahead: int, right: int) -> str:
    side = f"{abs(right)} to the {'right' if right > 0 else 'left'}"
    if not ahead:
        return side.replace(" to", " step to" if abs(right) == 1 else " steps to")
    forward = f"{ahead} step{'s' if ahead > 1 else ''} ahead"
    return f"{forward} and {side}" if right else forward


def _walls(grid: Any, seen: Any, middle: int, own_row: int) -> Iterator[str]:
    """The nearest wall on each line of sight."""
    lines = {
        "ahead": [(middle, row) for row in range(own_row - 1, -1, -1)],
        "to the left": [(column, own_row) for column in range(middle - 1, -1, -1)],
        "to the right": [(column, own_row) for column in range(middle + 1, grid.width)],
    }
    for where, cells in lines.items():
        for steps, place in enumerate(cells, start=1):
            cell = grid.get(*place) if seen[place] else None
            if cell is not None and cell.type == "wall":
                yield f"{steps} step{'s' if steps > 1 else ''} {where}"
                break


def _carried(env: Any) -> str:
    return f"You carry {thing(env.carrying)}." if env.carrying else "You carry nothing."


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
