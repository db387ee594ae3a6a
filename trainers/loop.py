"""The training loop: sample groups, give credit, learn, repeat. Its length is limited by a test."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from turngym.agents.rollout import Sampler
from turngym.core.samples import Sample, assign, pack
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Task, Trajectory
from turngym.credit import Credit, Learned, Steps
from turngym.trainers import Trainer
from turngym.trainers.values import with_values

Metrics = dict[str, float]


@dataclass(kw_only=True)
class Loop:
    """What one training step needs; everything that changes lives in `trainer` and, if learned, in `credit`."""

    sampler: Sampler
    credit: Credit
    trainer: Trainer
    tasks: Callable[[int], Sequence[Task]]
    """The tasks of a step, by its number."""
    group_size: int
    seed: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """What went wrong in episodes that do not count, and how often."""
    keep_equal: bool = False
    """Whether groups whose episodes all earned the same are trained on: only step-level credit learns from them."""

    async def step(self, number: int) -> Metrics:
        """Do one training step and say what happened."""
        clock = Clock()
        groups = await self.rollout(number)
        clock.lap("rollout")
        learned = self.learn(groups, clock)
        return rollout_metrics(groups) | learned | clock.seconds

    async def rollout(self, number: int) -> list[Group]:
        """The groups of a step, whose tasks and seeds follow from its number."""
        seed = derive_seed(self.seed, "rollout", number)
        return await self.sampler.collect(self.tasks(number), self.group_size, seed)

    def learn(self, groups: Sequence[Group], clock: Clock) -> Metrics:
        """Give credit to the groups, update the policy and publish it."""
        self.failures.update(
            f"{episode.status}: {episode.error}" for group in groups for episode in group.failed
        )
        usable = [group for group in groups if self._usable(group)]
        samples = pack(trajectory for group in usable for trajectory in group.trajectories)
        self.trainer.score(samples)
        clock.lap("score")
        credited = self._give_credit(usable, samples)
        clock.lap("credit")
        learned = self.trainer.update(samples)
        self.sampler.engine = self.trainer.publish()
        clock.lap("update")
        return {"usable_groups": len(usable)} | credited | learned

    async def close(self) -> None:
        """Leave off whatever is still being played; here nothing is."""

    def _usable(self, group: Group) -> bool:
        enough = len(group.trajectories) >= min(2, self.group_size)
        return enough and (self.keep_equal or group.informative)

    def _give_credit(self, groups: Sequence[Group], samples: Sequence[Sample]) -> Metrics:
        if not samples:
            return {}
        steps = with_values(Steps.of(groups, samples), samples)
        credits = self.credit.fit(steps) if isinstance(self.credit, Learned) else self.credit(steps)
        returns = None if credits.returns is None else credits.returns.tolist()
        assign(samples, credits.advantages.tolist(), returns, per=credits.per)
        spread = {
            "advantage_mean": float(np.mean(credits.advantages)),
            "advantage_std": float(np.std(credits.advantages)),
        }
        return credits.metrics | spread


@dataclass
class Clock:
    """Wall seconds of the parts of a step, which add up to the whole."""

    seconds: Metrics = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Charge the time since the last lap to `name`."""
        moment = time.perf_counter()
        self.seconds[f"seconds_{name}"] = moment - self.last
        self.last = moment


def rollout_metrics(groups: Sequence[Group]) -> Metrics:
    """Means over the episodes that count, and how many failed or were cut off."""
    episodes = [trajectory for group in groups for trajectory in group.trajectories]
    if not episodes:
        return {"episodes": 0, "failed": sum(len(group.failed) for group in groups)}
    turns = [turn for episode in episodes for turn in episode.turns]
    return {
        "episodes": len(episodes),
        "failed": sum(len(group.failed) for group in groups),
        "success": float(np.mean([won(episode) for episode in episodes])),
        "reward": float(np.mean([episode.reward for episode in episodes])),
        "turns": len(turns) / len(episodes),
        "valid": float(np.mean([turn.valid for turn in turns])) if turns else 0.0,
        "sampled_tokens": sum(len(call.action_ids) for turn in turns for call in turn.calls),
    }


def won(episode: Trajectory) -> bool:
    """Strict success, or a positive total reward where the environment does not say."""
    return episode.reward > 0 if episode.success is None else episode.success
