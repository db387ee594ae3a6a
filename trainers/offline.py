"""SPA in stages, as its paper has it: explore, fit the estimator, redistribute, then PPO over what was stored.

The stages are the steps of one run, so that it is saved, interrupted, resumed and evaluated like any other.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from turngym.agents.rollout import Sampler
from turngym.core.config import bind, section
from turngym.core.episodes import read_episodes, write_episodes
from turngym.core.errors import ConfigError
from turngym.core.samples import pack
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Task, Trajectory
from turngym.credit import Credits, Steps
from turngym.credit.progress import Progress, grounded
from turngym.credit.steps import Floats
from turngym.trainers import distributed
from turngym.trainers.loop import Loop, Metrics, rollout_metrics
from turngym.trainers.setup import Setup


@dataclass(kw_only=True)
class Stages:
    """Section [offline]: what happens before the `steps` of [loop]."""

    tasks: int
    """How many tasks the policy explores, `group_size` episodes each, before it learns anything."""
    passes: int = 1
    """How often the estimator reads what was explored."""
    max_turns: int | None = None
    """Longer episodes are fitted but not trained on; 34 in the released script."""


def staged(setup: Setup, out: Path) -> None:
    """Put the stages of section [offline] before the run's steps; what they store lies in `out`.

    Raises `ConfigError` where the credit is not SPA's or a number is out of range.
    """
    stages = Stages(**bind(Stages, section(setup.run, "offline"), "offline"))
    if distributed.world() > 1:
        raise ConfigError(
            f"[offline] stores what one process explores, and this run has {distributed.world()}; start it alone"
        )
    credit = setup.loop.credit
    if not isinstance(credit, Progress):
        raise ConfigError(
            f"[offline] fits progress, but [credit] is {type(credit).__name__}; choose name = 'spa'"
        )
    if stages.tasks < 1 or stages.passes < 1:
        raise ConfigError("[offline] needs at least one task and one pass over it")
    loop = Offline(
        **{name: getattr(setup.loop, name) for name in Loop.__dataclass_fields__},
        progress=credit,
        stages=stages,
        batch=setup.plan.tasks_per_step,
        folder=out,
    )
    setup.loop, setup.plan = loop, replace(setup.plan, steps=loop.ready + setup.plan.steps)


@dataclass(kw_only=True)
class Offline(Loop):
    """A loop whose first steps explore, fit and redistribute, and whose others learn from what was stored.

    It keeps `explored/` (episodes with their tokens, one file a step) and `rewards.jsonl` (a line an episode).
    """

    progress: Progress
    stages: Stages
    batch: int
    """Tasks per step, in every stage."""
    folder: Path
    explored: int = field(init=False)
    """The first step that does not explore."""
    fitted: int = field(init=False)
    """The step that redistributes."""

    def __post_init__(self) -> None:
        learns = self.progress.progress == "estimator"
        self.explored = math.ceil(self.stages.tasks / self.batch)
        self.fitted = self.explored * (1 + self.stages.passes * learns)

    @property
    def ready(self) -> int:
        """The first step that trains the policy."""
        return self.fitted + 1

    async def step(self, number: int) -> Metrics:
        """Do one step of the stage that it belongs to."""
        if number < self.explored:
            return await self._explore(number)
        if number < self.fitted:
            return self._fit(number - self.explored)
        if number == self.fitted:
            return self._redistribute()
        return await self._replay.step(number - self.ready)

    async def _explore(self, number: int) -> Metrics:
        """Play a step's tasks; what was stored already is not played again."""
        path = self._episodes(number)
        if not path.exists():
            tasks = list(self.tasks(number))[: self.stages.tasks - number * self.batch]
            groups = await self.sampler.collect(
                tasks, self.group_size, derive_seed(self.seed, "rollout", number)
            )
            self.failures.update(f"{one.status}: {one.error}" for group in groups for one in group.failed)
            _store(path, (episode for group in groups for episode in group.trajectories))
        return rollout_metrics(_stored(path))

    def _fit(self, number: int) -> Metrics:
        """One batch of the estimator's."""
        return self.progress.learn(_table(self._batch("fit", number)))[1]

    def _redistribute(self) -> Metrics:
        """Write every episode's step rewards, by the estimator as it ended."""
        draft = self.folder / ".rewards.part"
        with draft.open("w", encoding="utf-8") as file:
            for group in self._groups:
                file.writelines(json.dumps(line) + "\n" for line in _rewards(self.progress, group))
        os.replace(draft, self._rewards_file)
        return {"redistributed": sum(len(group.trajectories) for group in self._groups)}

    @cached_property
    def _groups(self) -> list[Group]:
        """All that was explored."""
        return [group for number in range(self.explored) for group in _stored(self._episodes(number))]

    @cached_property
    def _replay(self) -> Loop:
        """The loop that learns from stored episodes."""
        longest = self.stages.max_turns
        sampler = Stored(
            pool=self.sampler.pool,
            agent=self.sampler.agent,
            stored={group.task.id: _without_long(group, longest) for group in self._groups},
        )
        online = {name: getattr(self, name) for name in Loop.__dataclass_fields__}
        credit = Redistributed(progress=self.progress, contributions=_contributions(self._rewards_file))
        return Loop(**online | {"sampler": sampler, "credit": credit, "tasks": self._replayed})

    def _replayed(self, number: int) -> Sequence[Task]:
        return [group.task for group in self._batch("replay", number)]

    def _batch(self, name: str, number: int) -> list[Group]:
        """A batch of the explored groups, which come in another order in every pass."""
        each, place = divmod(number, self.explored)
        generator = np.random.default_rng(derive_seed(self.seed, name, each))
        order = generator.permutation(len(self._groups))[place * self.batch : (place + 1) * self.batch]
        return [self._groups[i] for i in order]

    def _episodes(self, number: int) -> Path:
        return self.folder / "explored" / f"{number:06d}.jsonl"

    @property
    def _rewards_file(self) -> Path:
        return self.folder / "rewards.jsonl"


@dataclass(kw_only=True)
class Stored(Sampler):
    """A sampler that plays nothing: it looks up what was played."""

    stored: dict[str, Group]
    """By the task's id."""

    async def collect(
        self, tasks: Sequence[Task], size: int, seed: int, *, enough: int | None = None
    ) -> list[Group]:
        """The groups of the tasks as they were stored."""
        return [self.stored[task.id] for task in tasks]


@dataclass(frozen=True, kw_only=True)
class Redistributed:
    """Credit from contributions that were written down, through the base of the method that wrote them."""

    progress: Progress
    contributions: dict[tuple[str, int], Floats]
    """Of each turn, by the episode's task and member."""

    def __call__(self, steps: Steps) -> Credits:
        known = [self.contributions[one.task.id, one.member] for one in steps.trajectories]
        return self.progress.credit(steps, np.concatenate([np.zeros(0), *known]))


def _table(groups: Sequence[Group]) -> Steps:
    return Steps.of(groups, pack(episode for group in groups for episode in group.trajectories))


def _rewards(progress: Progress, group: Group) -> Iterable[dict[str, Any]]:
    """A group's episodes in JSON's terms: contribution, grounding and reward of each turn."""
    steps = _table([group])
    contribution = progress.contributions(steps)
    executed, reward = grounded(steps, progress.grounding), progress.redistribute(steps, contribution).reward
    for number, episode in enumerate(group.trajectories):
        mine = steps.traj == number
        yield {
            "task": episode.task.id,
            "member": episode.member,
            "contribution": [c if math.isfinite(c) else None for c in contribution[mine].tolist()],
            "grounded": executed[mine].tolist(),
            "reward": reward[mine].tolist(),
        }


def _contributions(path: Path) -> dict[tuple[str, int], Floats]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        (line["task"], line["member"]): np.array(line["contribution"], dtype=np.float64)  # null becomes NaN
        for line in lines
    }


def _store(path: Path, episodes: Iterable[Trajectory]) -> None:
    """Write the episodes with their tokens, so that the file is complete or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    write_episodes(draft, episodes, tokens=True)
    os.replace(draft, path)


def _stored(path: Path) -> list[Group]:
    """The groups of a file, in order. Raises `ConfigError` where a line holds no episode."""
    episodes, faults = read_episodes(path)
    if faults:
        raise ConfigError(f"{faults[0]}; remove {path}, and --resume plays its tasks again")
    groups: dict[str, Group] = {}
    for episode in episodes:
        groups.setdefault(episode.task.id, Group(task=episode.task, trajectories=[])).trajectories.append(
            episode
        )
    return list(groups.values())


def _without_long(group: Group, longest: int | None) -> Group:
    kept = [one for one in group.trajectories if longest is None or len(one.turns) <= longest]
    return replace(group, trajectories=kept)
