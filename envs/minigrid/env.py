"""`turngym/MiniGrid-v0`: the levels of MiniGrid and BabyAI (Chevalier-Boisvert et al. 2019, 2023), told in words."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import gymnasium
import minigrid  # noqa: F401 (registers the levels)
from minigrid.envs.babyai.core import roomgrid_level

from turngym.core.errors import UserError
from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.minigrid import words
from turngym.envs.minigrid.experts import Expert, expert_for
from turngym.envs.seeded import SEEDS, chosen_seed
from turngym.envs.tasks import check_split

ACTIONS = ["turn left", "turn right", "go forward", "pick up", "drop", "toggle", "done"]
"""In the order of MiniGrid's numbers."""

VIEWS = {"partial": words.partial, "full": words.full}

# Its generator prints every mission that it throws away.
setattr(roomgrid_level, "print", lambda *told: None)  # noqa: B010


class MiniGrid(TextEnv):
    """MiniGrid and BabyAI: go, fetch, open and put things in a grid world that is told in words.

    The reward is MiniGrid's: at success 1 - 0.9 x steps / step limit, else 0 (-1 for bumping into a moving
    obstacle); the level's step limit truncates. `success` is a positive reward at the end, `score` the reward.

    `reset(options={"task": ...})` plays the level that this seed of the split makes. `info` has `state`,
    `admissible` (the actions that change something), `valid`, `success`, `score`, `expert` if asked for and known,
    and at the reset `mission` and `task`. Text that is no action takes no step.

    Args:
        level: an id of MiniGrid's, `BabyAI-GoToLocal-v0` or `MiniGrid-DoorKey-5x5-v0`.
        view: `partial`, the 7 x 7 cells that the agent sees, or `full`, a map.
        split: `train`, `valid` or `test`: ranges of seeds, see `turngym.envs.seeded`.
        expert: put an action of BabyAI's bot, or of the shortest way to the goal, into `info["expert"]`; `reset` raises
            `NoExpert` for a level that neither solves.
    """

    def __init__(
        self,
        level: str = "BabyAI-GoToLocal-v0",
        view: str = "partial",
        split: str = "train",
        expert: bool = False,
    ) -> None:
        self.level = _known(level)
        if view not in VIEWS:
            raise UserError(f"view={view!r} is not known; choose one of {', '.join(VIEWS)}")
        self.view = view
        self.split = check_split(split, SEEDS)
        self.expert = expert
        self._env: Any = gymnasium.make(level, disable_env_checker=True).unwrapped

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Build the level and tell the mission."""
        super().reset(seed=seed)
        task = chosen_seed(options, self.split, self.np_random)
        self._env.reset(seed=task)
        self._terminated = self._truncated = self._success = False
        self._score = 0.0
        self._advisor: Expert | None = expert_for(self.level, self._env, ACTIONS) if self.expert else None
        told = {"mission": self._env.mission, "task": str(task)}
        return f"Your mission: {self._env.mission}.\n{self._look()}", self._info(True, None) | told

    def step(self, action: str) -> Step:
        """Take one of the seven actions; any other text is refused."""
        if self._over:
            return "The episode is over.", 0.0, self._terminated, self._truncated, self._info(False, None)
        wanted = action.strip().lower() if len(action) < 100 else ""
        if wanted not in ACTIONS:
            told = f"That is no action. Choose one of: {', '.join(ACTIONS)}."
            return told, 0.0, False, False, self._info(False, None)
        valid = wanted in self._admissible()
        number = ACTIONS.index(wanted)
        _, given, self._terminated, self._truncated, _ = self._env.step(number)
        reward = float(given)
        self._success = self._terminated and reward > 0
        self._score = max(0.0, reward)
        return self._look(), reward, self._terminated, self._truncated, self._info(valid, number)

    def close(self) -> None:
        """Let go of the level."""
        self._env.close()

    @property
    def _over(self) -> bool:
        return self._terminated or self._truncated

    def _look(self) -> str:
        if self._terminated:
            return "Mission accomplished." if self._success else "The mission has failed."
        return VIEWS[self.view](self._env)

    def _admissible(self) -> list[str]:
        """The actions that change something, and `done` where a level may ask for it."""
        if self._over:
            return []
        carrying, front = self._env.carrying, self._env.grid.get(*self._env.front_pos)
        does = {
            "go forward": front is None or front.can_overlap(),
            "pick up": front is not None and carrying is None and front.can_pickup(),
            "drop": front is None and carrying is not None,
            "toggle": front is not None and front.type in ("door", "box"),
            "done": not self.level.startswith("BabyAI-"),
        }
        return [action for action in ACTIONS if does.get(action, True)]

    def _info(self, valid: bool, taken: int | None) -> Info:
        info: Info = {
            "state": self._fingerprint(),
            "admissible": self._admissible(),
            "valid": valid,
            "success": self._success,
            "score": self._score,
        }
        if self._advisor is not None and not self._over:
            if taken is not None or valid:
                self._advice = self._advisor.advise(taken)
            if self._advice is not None:
                info["expert"] = self._advice
        return info

    def _fingerprint(self) -> str:
        """A hash of the grid, the agent, what is in hand and in boxes, the mission and how far it is done."""
        env = self._env
        cells = [_coded(cell) for cell in env.grid.grid]
        agent = [*map(int, env.agent_pos), int(env.agent_dir), _coded(env.carrying)]
        mission = [env.mission, list(_progress(getattr(env, "instrs", None)))]
        world = json.dumps([cells, agent, mission, self._terminated, self._success])
        return hashlib.sha256(world.encode()).hexdigest()[:32]


def _known(level: str) -> str:
    levels = [id for id in gymnasium.registry if id.startswith(("MiniGrid-", "BabyAI-"))]
    if level in levels:
        return level
    near = difflib.get_close_matches(level[:100], levels, n=1, cutoff=0)
    raise UserError(f"MiniGrid has no level {level[:100]!r}; the nearest is {near[0]!r}")


def _coded(cell: Any) -> Any:
    """A thing as numbers; a box with what is in it."""
    if cell is None:
        return None
    inside = getattr(cell, "contains", None)
    return [*map(int, cell.encode()), *([_coded(inside)] if inside else [])]


def _progress(instruction: Any) -> Iterator[Any]:
    """What a BabyAI instruction remembers: which parts are done and where the things it means are."""
    for part in ("instr_a", "instr_b"):
        if hasattr(instruction, part):
            yield str(getattr(instruction, f"{part[-1]}_done"))
            yield from _progress(getattr(instruction, part))
    for name in ("desc", "desc_move", "desc_fixed"):
        if description := getattr(instruction, name, None):
            yield sorted([*map(int, place)] for place in description.obj_poss)
            yield sorted([*map(int, thing.cur_pos)] for thing in description.obj_set)
