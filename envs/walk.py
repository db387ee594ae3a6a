"""Random episodes of an environment, written down so that the checker can compare them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import gymnasium

from turngym.core.types import Info

Environment = gymnasium.Env[Any, Any]

TURNS = 30
"""How long a walk is where the episode does not end before."""

WORDS = ("look", "left", "right", "no such action")
"""What is tried where no admissible actions are known."""


class Seen(NamedTuple):
    """What one call of an environment showed; a reset is the call without an action."""

    action: str | None
    obs: Any
    reward: Any
    terminated: Any
    truncated: Any
    info: Any

    @property
    def over(self) -> bool:
        """Whether the episode ended with this call."""
        return bool(self.terminated or self.truncated)


def reset(env: Environment, seed: int) -> Seen:
    """Start an episode."""
    obs, info = env.reset(seed=seed)
    return Seen(None, obs, 0.0, False, False, info)


def step(env: Environment, action: str) -> Seen:
    """Take one action."""
    return Seen(action, *env.step(action))


def walk(env: Environment, seed: int, *, turns: int = TURNS, nonsense: float = 0.0) -> Iterator[Seen]:
    """A random episode: its reset and at most `turns` steps; equal seeds choose alike.

    `nonsense` is the share of actions taken without a look at the admissible ones.
    """
    chance = random.Random(seed)
    seen = reset(env, seed)
    yield seen
    for _ in range(turns):
        if seen.over:
            return
        seen = step(env, choice({} if chance.random() < nonsense else seen.info, chance))
        yield seen


def walks(env: Environment, seed: int) -> Iterator[Seen]:
    """Random episodes one after another, without end."""
    while True:
        yield from walk(env, seed)
        seed += 1


def replay(env: Environment, seed: int, calls: Iterable[Seen]) -> Iterator[Seen]:
    """The same actions again."""
    for call in calls:
        yield reset(env, seed) if call.action is None else step(env, call.action)


def guided(env: Environment, seed: int, turns: int) -> Iterator[Seen]:
    """An episode that follows `info["expert"]` until it is missing, the episode ends or `turns` are over."""
    seen = reset(env, seed)
    yield seen
    for _ in range(turns):
        if seen.over or "expert" not in seen.info:
            return
        seen = step(env, seen.info["expert"])
        yield seen


def choice(info: Info, chance: random.Random) -> str:
    """A random admissible action, or any word."""
    actions: Sequence[str] = info.get("admissible") or WORDS
    return chance.choice(actions)
