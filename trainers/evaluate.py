"""How well a policy plays a fixed panel of held-out tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from turngym.benchmarks.stats import wilson
from turngym.core.seeding import derive_seed
from turngym.core.types import Trajectory
from turngym.trainers.loop import rollout_metrics, won
from turngym.trainers.setup import Panel


@dataclass(kw_only=True)
class Evaluation:
    """One episode per task; failed episodes count as lost and are counted beside."""

    success: float
    interval: tuple[float, float]
    metrics: dict[str, float]
    episodes: list[Trajectory]

    def summary(self) -> dict[str, Any]:
        """What `summary.json` keeps."""
        return {"success": self.success, "interval": list(self.interval), **self.metrics}

    def curve(self) -> dict[str, float]:
        """A point of the learning curve."""
        return {**self.metrics, "success": self.success, "low": self.interval[0], "high": self.interval[1]}


async def evaluate(panel: Panel, engine: Any, *, greedy: bool = False) -> Evaluation:
    """Play the panel with the same sampling seeds each time; `greedy` takes the likeliest token instead."""
    sampler = replace(panel.sampler, engine=engine, **({"temperature": 0.0} if greedy else {}))
    groups = await sampler.collect(panel.tasks, 1, derive_seed("evaluation"))
    episodes = [episode for group in groups for episode in group.trajectories]
    wins = sum(won(episode) for episode in episodes)
    metrics = {name: value for name, value in rollout_metrics(groups).items() if name != "success"}
    return Evaluation(
        success=wins / len(panel.tasks),
        interval=wilson(wins, len(panel.tasks)),
        metrics=metrics,
        episodes=episodes,
    )
