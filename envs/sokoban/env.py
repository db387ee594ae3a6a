"""`turngym/Sokoban-v0`: push boxes onto targets, read as text or seen as a picture."""

from __future__ import annotations

from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.sokoban.generator import SPLITS, check_size, make_level
from turngym.envs.sokoban.picture import Image, picture
from turngym.envs.sokoban.room import DIRECTIONS, SYMBOLS, Position
from turngym.envs.sokoban.solver import solve
from turngym.envs.tasks import check_split, one_of

NUMBERS = dict(zip("1234", DIRECTIONS, strict=True))

OBSERVATIONS, REWARDS = ("text", "image"), ("sparse", "shaped")

LEGEND = "# is a wall, _ is floor, O a target, X a box, √ a box on a target, P is you, S is you on a target."
COLOURS = "Bricks are walls, a red ring is a target, a brown crate is a box, a green one stands on a target."
TASK = (
    "Your task is to: push every box onto a target. You push a box by walking into it; you cannot pull, "
    "nor push two at once."
)
SEE = "The picture shows the room."
BLOCKED = "Nothing moves: a wall or a second box is in the way."
UNKNOWN = "That is no move; say up, down, left or right."
SOLVED = "Every box is on a target."


class Sokoban(TextEnv):
    """Push every box onto a target: seeded levels that can all be solved, as a text grid or a picture.

    The seed of `reset`, or `options={"task": number}` in its place, is the level's number: it alone chooses the
    level, out of the split. Without either the environment draws a number of its own. An action is `up`, `down`,
    `left` or `right`, or `1` to `4` for them.

    Args:
        width, height: cells a side, with the border of walls.
        boxes: how many there are, and targets.
        split: `train` or `test`, which share no level, not even turned, mirrored or with the player elsewhere.
        observation: `text` shows the grid; `image` puts a picture into `info["image"]`, uint8 [H, W, 3], and
            says only what happened.
        reward: `sparse`: 1 for the solution; `shaped`, as gym-sokoban has it: -0.1 an action, 1 for a box that
            comes onto a target, -1 for one that leaves it, 10 for the solution.
        scale: side of a pixel; at 1 a cell is 16 pixels wide.
        expert: put the next move of a plan into `info["expert"]`. Where a box is stuck for good there is none, and
            `info["dead"]` is true.
        render_mode: `rgb_array` or `ansi`: what `render` returns, whatever the observation.

    `info` also has `state` (the grid), `admissible` (moves that move something), `valid`, `success` and `score`, the
    share of boxes on targets.

    Raises:
        ValueError: an argument out of range or that names nothing known.
    """

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 4}  # noqa: RUF012 (as Gymnasium has it)

    def __init__(
        self,
        width: int = 6,
        height: int = 6,
        boxes: int = 1,
        split: str = "train",
        observation: str = "text",
        reward: str = "sparse",
        scale: int = 1,
        expert: bool = False,
        render_mode: str | None = None,
    ) -> None:
        check_size(width, height, boxes)
        self.size = {"width": width, "height": height, "boxes": boxes}
        self.split = check_split(split, SPLITS)
        self.observation = one_of("observation", observation, OBSERVATIONS)
        self.reward = one_of("reward", reward, REWARDS)
        self.scale = _whole("scale", scale)
        self.expert = expert
        self.render_mode = render_mode and one_of("render_mode", render_mode, self.metadata["render_modes"])
        self._start(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Enter the level of that number; the first observation ends with the task."""
        super().reset(seed=seed)
        own = int(self.np_random.integers(2**31)) if seed is None else seed
        self._start((options or {}).get("task", own))
        legend = LEGEND if self.observation == "text" else COLOURS
        return f"{self._look()}\n\n{TASK} {legend}", self._info(valid=True)

    def step(self, action: str) -> Step:
        """Walk or push. A move that is blocked and any other text leave everything as it is."""
        if self.room.solved(self.position):
            return self._look(SOLVED), 0.0, True, False, self._info(valid=False)
        word = action.strip().lower()
        direction = NUMBERS.get(word, word)
        if direction not in DIRECTIONS:
            return self._look(UNKNOWN), self._reward(self.position), False, False, self._info(valid=False)
        after = self.room.move(self.position, direction)
        if after is None:
            return self._look(BLOCKED), self._reward(self.position), False, False, self._info(valid=False)
        reward = self._reward(after)
        self._go(direction, after)
        solved = self.room.solved(after)
        return self._look(SOLVED if solved else ""), reward, solved, False, self._info(valid=True)

    def render(self) -> Image | str | None:
        """The picture or the grid, as `render_mode` says; `None` without one."""
        if self.render_mode == "rgb_array":
            return picture(self._text, self.scale)
        return self._text if self.render_mode == "ansi" else None

    def vocabulary(self) -> list[str]:
        """The phrases of every text and action: one token each for a small model of its own."""
        said = [SEE, BLOCKED, UNKNOWN, SOLVED, TASK, LEGEND, COLOURS]
        return [*said, *DIRECTIONS, *SYMBOLS]

    def _start(self, number: Any) -> None:
        level = make_level(number, split=self.split, **self.size)
        self.room = level.room
        self._stand(level.start)
        self._plan = solve(self.room, self.position) if self.expert else None

    def _stand(self, position: Position) -> None:
        self.position = position
        self._text = self.room.text(position)

    def _go(self, direction: str, after: Position) -> None:
        """Move on, and keep the plan while it is followed."""
        self._stand(after)
        if self.expert:
            kept = self._plan and self._plan[0] == direction
            self._plan = self._plan[1:] if kept and self._plan else solve(self.room, after)

    def _reward(self, after: Position) -> float:
        solved = self.room.solved(after)
        if self.reward == "sparse":
            return float(solved)
        return -0.1 + self.room.stored(after) - self.room.stored(self.position) + 10.0 * solved

    def _look(self, said: str = "") -> str:
        seen = self._text if self.observation == "text" else SEE
        return f"{said}\n\n{seen}" if said else seen

    def _info(self, valid: bool) -> Info:
        solved = self.room.solved(self.position)
        info: Info = {
            "state": self._text,
            "admissible": []
            if solved
            else [word for word in DIRECTIONS if self.room.move(self.position, word)],
            "valid": valid,
            "success": solved,
            "score": self.room.stored(self.position) / len(self.room.targets),
        }
        if self.observation == "image":
            info["image"] = picture(self._text, self.scale)
        if self.expert:
            info["dead"] = self._plan is None
            if self._plan:
                info["expert"] = self._plan[0]
        return info


def _whole(name: str, value: int) -> int:
    if 1 <= value <= 32:
        return value
    raise ValueError(f"{name}={value}: choose a whole number from 1 to 32")
