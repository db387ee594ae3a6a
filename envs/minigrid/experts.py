"""Who knows the next action: BabyAI's own bot, or the shortest way to the goal square."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from minigrid.utils import baby_ai_bot

from turngym.envs.experts import NoExpert
from turngym.envs.minigrid.path import way_to_goal

GOAL_LEVELS = (
    "Empty",
    "DoorKey",
    "FourRooms",
    "SimpleCrossing",
    "LavaCrossing",
    "LavaGap",
    "DistShift",
    "MultiRoom",
    "LockedRoom",
)
"""MiniGrid levels in which reaching the goal square is all."""

UNSOLVED = (
    "BabyAI-PutNextS5N2Carrying",
    "BabyAI-PutNextS6N3Carrying",
    "BabyAI-PutNextS7N4Carrying",
    "BabyAI-KeyInBox",
    "BabyAI-OpenDoorsOrderN2Debug",
    "BabyAI-OpenDoorsOrderN4Debug",
)
"""Levels that the bot fails: four by its own page, and two that end with the first door opened out of order."""


class Expert(Protocol):
    """Advises on one episode."""

    def advise(self, taken: int | None) -> str | None:
        """The next action after `taken` (`None` at the start); `None` where it knows none."""
        ...


def expert_for(level: str, env: Any, actions: list[str]) -> Expert:
    """The expert of a level, for the episode that `env` has just begun.

    Raises `NoExpert` where there is none.
    """
    if level.startswith("BabyAI-") and not level.startswith(UNSOLVED):
        return _Bot(env, actions)
    if level.removeprefix("MiniGrid-").startswith(GOAL_LEVELS):
        return _Way(env, actions)
    raise NoExpert(
        f"there is no expert for {level}: leave out expert=True, or choose a BabyAI level that its bot solves or a"
        f" MiniGrid level of {', '.join(GOAL_LEVELS)}"
    )


_bot_of: Callable[[Any], Any] = baby_ai_bot.BabyAIBot


class _Bot:
    """BabyAI's bot, which has to hear of every action. It loses its way after some detours, and then is silent."""

    def __init__(self, env: Any, actions: list[str]) -> None:
        self._bot: Any = _bot_of(env)
        self._actions = actions

    def advise(self, taken: int | None) -> str | None:
        if self._bot is None:
            return None
        try:
            return self._actions[int(self._bot.replan(taken))]
        except Exception:
            self._bot = None
            return None


class _Way:
    """The shortest way, kept as long as it is followed."""

    def __init__(self, env: Any, actions: list[str]) -> None:
        self._env = env
        self._actions = actions
        self._way: list[str] = []

    def advise(self, taken: int | None) -> str | None:
        followed = taken is not None and self._way and self._way[0] == self._actions[taken]
        self._way = self._way[1:] if followed else way_to_goal(self._env) or []
        return self._way[0] if self._way else None
