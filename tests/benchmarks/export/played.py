"""Episodes that were really played, for tests of what is made of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from turngym.agents.rollout import Sampler
from turngym.agents.scripted import RandomAgent
from turngym.core.episodes import write_episodes
from turngym.core.types import Group, Task
from turngym.envs import Pool

CORRIDOR = "turngym/Corridor-v0"


def played(tasks: int = 8, size: int = 4, *, agent: Any = RandomAgent, max_turns: int = 6) -> list[Group]:
    """Corridors that chance walks: some are won within the limit, some are not."""
    with Pool(CORRIDOR, workers=0, expert=True) as pool:
        sampler = Sampler(pool=pool, agent=agent, max_turns=max_turns)
        return asyncio.run(sampler.collect([Task(env=CORRIDOR, seed=n) for n in range(tasks)], size, seed=0))


def stored(path: Path, groups: list[Group]) -> Path:
    """A file of the groups' episodes."""
    episodes = [episode for group in groups for episode in [*group.trajectories, *group.failed]]
    write_episodes(path, episodes, tokens=True)
    return path
