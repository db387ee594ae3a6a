"""The teaching environment: walk along a corridor to the side where the exit is."""

from __future__ import annotations

from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv


class Corridor(TextEnv):
    """Cells in a row, an exit at one end, two actions. The seed chooses the start and the exit's side.

    Reaching the exit gives reward 1 and ends the episode. No constant action wins on both sides, and every
    observation says where the exit is, so a policy that reads it wins in at most `length - 2` steps.

    Raises `ValueError` for fewer than three cells.
    """

    def __init__(self, length: int = 5, expert: bool = False) -> None:
        if length < 3:
            raise ValueError(
                f"a corridor needs at least 3 cells, got length={length}; the start lies between the ends"
            )
        self.length = length
        self.expert = expert

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Choose an exit and a start between the two ends."""
        super().reset(seed=seed)
        self.exit = int(self.np_random.choice([1, self.length]))
        self.cell = int(self.np_random.integers(2, self.length))
        return self._look(), self._info(valid=True)

    def step(self, action: str) -> Step:
        """Move one cell; any text but an admissible action leaves everything as it is."""
        valid = action in self._admissible()
        if not valid:
            return f"Nothing happens. {self._look()}", 0.0, self._won(), False, self._info(valid=False)
        self.cell += 1 if action == "right" else -1
        return self._look(), float(self._won()), self._won(), False, self._info(valid=True)

    def vocabulary(self) -> list[str]:
        """The phrases of every text and action: one token each for a small model of its own."""
        said = ["You are in cell", "of", ".", "The exit is to the", "left", "right", "You are at the exit."]
        return [*said, "Nothing happens.", *(str(cell) for cell in range(1, self.length + 1))]

    def _won(self) -> bool:
        return self.cell == self.exit

    def _way(self) -> str:
        return "right" if self.exit > self.cell else "left"

    def _admissible(self) -> list[str]:
        if self._won():
            return []
        return [action for action, wall in (("left", 1), ("right", self.length)) if self.cell != wall]

    def _look(self) -> str:
        if self._won():
            return "You are at the exit."
        return f"You are in cell {self.cell} of {self.length}. The exit is to the {self._way()}."

    def _info(self, valid: bool) -> Info:
        info: Info = {
            "state": (self.cell, self.exit),
            "admissible": self._admissible(),
            "valid": valid,
            "success": self._won(),
            "score": float(self._won()),
        }
        if self.expert and not self._won():
            info["expert"] = self._way()
        return info
