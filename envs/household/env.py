"""`turngym/Household-v0`: households made from a seed, played by the engine that is equal to ALFWorld's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.household.expert import next_command
from turngym.envs.household.generator import Game, make_game
from turngym.envs.household.logic import logic_of
from turngym.envs.household.problem import Problem
from turngym.envs.household.sizes import Size, find
from turngym.envs.household.vocabulary import vocabulary
from turngym.envs.household.world import NOTHING, World, check_anchor


class Household(TextEnv):
    """A household and one of ALFWorld's tasks in it; reward 1 and the end when the task is done.

    The seed of `reset`, or `options={"task": number}` in its place, is the game's number: it alone chooses
    the household and the task, out of the split. Without either the environment draws a number of its own.

    Args:
        size: `tiny`, `small`, `medium`, `large`, `full`, or a `Size` of your own numbers.
        task_types: the tasks that may be asked; all that the size has if `None`.
        split: `train` or `test`, which share no household.
        logic: version of ALFWorld's rules and texts, `0.4` (`move mug 1 to shelf 1`) or `2.1.1` (`put mug 1
            in/on shelf 1`).
        expert: put the next command of a winning plan into `info["expert"]`.
        state: what `info["state"]` tells, by which GiGPO and HGPO compare turns: `world`, a fingerprint of all that
            is so in the household, or `observation`, the last answer. "Nothing happens." is one answer to many
            situations, so the world tells them apart far better.

    `info` also has `state`, `admissible`, `valid`, `success`, `task_type` and `game` (id).

    Raises:
        ValueError: an argument that names nothing known.
    """

    def __init__(
        self,
        size: str | Size = "small",
        task_types: Sequence[str] | None = None,
        split: str = "train",
        logic: str = "0.4",
        expert: bool = False,
        state: str = "world",
    ) -> None:
        self.size = find(size)
        self.task_types = None if task_types is None else tuple(task_types)
        self.split = split
        self.logic = logic
        self.expert = expert
        self.state = check_anchor(state)
        logic_of(logic)
        self._load(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Enter the household of that number; the first observation shows the room and the task."""
        super().reset(seed=seed)
        own = int(self.np_random.integers(2**31)) if seed is None else seed
        self._load((options or {}).get("task", own))
        obs = self.world.reset()
        return obs, self._info(obs, valid=True)

    def step(self, action: str) -> Step:
        """Do a command. Text that is not an admissible one changes nothing; after the win nothing does."""
        if self.world.won:
            return NOTHING, 0.0, True, False, self._info(NOTHING, valid=False)
        valid = action.strip() in self.world.actions
        obs, won = self.world.step(action)
        return obs, float(won), won, False, self._info(obs, valid)

    def vocabulary(self) -> list[str]:
        """Every entity and phrase of this size: one token each for a small model of its own."""
        return vocabulary(self.size, self.logic)

    def _load(self, number: int) -> None:
        self.game, world = _world(number, self.size, self.task_types, self.split, self.logic)
        self.world = world.copy()

    def _info(self, obs: str, valid: bool) -> Info:
        info: Info = {
            "state": self.world.anchor(self.state, obs),
            "admissible": self.world.admissible,
            "valid": valid,
            "success": self.world.won,
            "score": float(self.world.won),
            "task_type": self.game.task_type,
            "game": self.game.id,
        }
        command = next_command(self.world) if self.expert else None
        return info if command is None else {**info, "expert": command}


@lru_cache(maxsize=256)
def _world(
    number: int, size: Size, task_types: tuple[str, ...] | None, split: str, logic: str
) -> tuple[Game, World]:
    """A game and its household, kept because a group's episodes play the same one; play a `copy` of it."""
    game = make_game(number, size, task_types=task_types, split=split)
    return game, World(Problem.parse(game.pddl_problem), game.task, logic)
