"""Training while the groups of the next steps are played: what `[loop] ahead` switches on."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

from turngym.agents import engines
from turngym.core.config import Table, plugin_name, section
from turngym.core.errors import ConfigError
from turngym.core.registry import Registry
from turngym.core.types import Group
from turngym.trainers import distributed, registry
from turngym.trainers.loop import Clock, Loop, Metrics, rollout_metrics

IMPORTANCE_CAP = 2.0
"""Bound of a token's importance weight, where the run file gives none."""


@runtime_checkable
class Versioned(Protocol):
    """A trainer that counts its updates as its engine's completions do."""

    version: int


@dataclass(kw_only=True)
class Overlapped(Loop):
    """A loop that plays the groups of up to `ahead` further steps while it trains on one.

    The rollout of a step starts when at most `ahead` updates are missing before its own, and no sooner. So no token is
    more than `ahead` versions older than the policy that learns from it, and nothing is played in vain. Tasks and seeds
    follow from the step's number, as in `Loop`; with `ahead = 0` the results are the same bit by bit.

    Training runs in a thread of its own. The engine must therefore sample from weights of its own, which `publish`
    renews, and the trainer must be `Versioned`. `seconds_rollout` is what training waited for.
    """

    ahead: int
    steps: int
    """Of the whole run: nothing is played for later ones."""
    _playing: dict[int, asyncio.Task[list[Group]]] = field(default_factory=dict, init=False)
    _thread: ThreadPoolExecutor = field(
        default_factory=partial(ThreadPoolExecutor, 1, thread_name_prefix="training"), init=False
    )

    async def step(self, number: int) -> Metrics:
        """Train on the groups of a step while those of the next are played.

        Whatever goes wrong, or cancels it, ends the rollouts under way before it is raised.
        """
        clock = Clock()
        try:
            self._admit(number)
            groups = await self._playing[number]
            del self._playing[number]
            clock.lap("rollout")
            ages = staleness(groups, self._version())
            learned = await self._in_thread(partial(self.learn, groups, clock))
        except BaseException:
            await self.close()
            raise
        return rollout_metrics(groups) | ages | learned | clock.seconds

    async def close(self) -> None:
        """Cancel the rollouts under way and wait until they have given their environments back."""
        playing = list(self._playing.values())
        self._playing.clear()
        for rollout in playing:
            rollout.cancel()
        await asyncio.gather(*playing, return_exceptions=True)

    def _admit(self, number: int) -> None:
        """Start the rollouts that `number` updates allow; those that an ended event loop cancelled start again."""
        self._playing = {step: task for step, task in self._playing.items() if not task.cancelled()}
        last = max(number, min(number + self.ahead, self.steps - 1))
        for step in range(number, last + 1):
            if step not in self._playing:
                self._playing[step] = asyncio.create_task(self.rollout(step))

    async def _in_thread(self, train: Callable[[], Metrics]) -> Metrics:
        """Wait for training to its end even where the waiting is cancelled: an update is made whole."""
        training = asyncio.get_running_loop().run_in_executor(self._thread, train)
        try:
            return await asyncio.shield(training)
        except asyncio.CancelledError:
            await asyncio.wait([training])
            raise

    def _version(self) -> int:
        if isinstance(self.trainer, Versioned):
            return self.trainer.version
        raise ConfigError(
            f"{type(self.trainer).__name__} has no `version`, so nobody knows how old its samples are; "
            "train with [loop] ahead = 0, or count its updates"
        )


def staleness(groups: Sequence[Group], version: int) -> Metrics:
    """How many updates older than `version` the policy was that sampled each token: mean and largest."""
    ages: Counter[int] = Counter()
    calls = [
        call for group in groups for one in group.trajectories for turn in one.turns for call in turn.calls
    ]
    for call in calls:
        ages.update(version - sampled for sampled in call.versions or ())
        ages[version - call.version] += 0 if call.versions else len(call.action_ids)
    tokens = ages.total()
    if not tokens:
        return {}
    mean = sum(age * count for age, count in ages.items()) / tokens
    return {"staleness_mean": mean, "staleness_max": max(age for age, count in ages.items() if count)}


def suited(run: Table) -> Table:
    """A run as rollouts ahead of training need it.

    The engine samples from weights of its own, and a token weighs by how much likelier the policy that learns from it
    makes it than the one that sampled it did. Raises `ConfigError` where the run file says otherwise.
    """
    if distributed.launched():
        raise ConfigError("several ranks play and train in step; set loop.ahead=0, or start one process")
    if "offline" in run:
        raise ConfigError(
            "[offline] stores what it plays before it trains; leave it out, or set loop.ahead=0"
        )
    engine = {"name": "hf"} | run.get("engine", {})
    trainer = section(run, "trainer")
    return run | {
        "engine": _wanting(engines.registry, engine, "engine", {"own_weights": True}),
        "trainer": _wanting(
            registry, trainer, "trainer", {"recompute": True, "importance_cap": IMPORTANCE_CAP}
        ),
    }


def _wanting(plugins: Registry, table: Table, where: str, wanted: Mapping[str, Any]) -> Table:
    """The section with those of the `wanted` arguments that its plug-in takes."""
    takes = inspect.signature(plugins.get(plugin_name(table, where))).parameters
    for key in wanted:
        if table.get(key) is False:
            raise ConfigError(
                f"[{where}] {key} = false does not go with rollouts ahead of training; leave it out, or set "
                "loop.ahead=0"
            )
    return {key: value for key, value in wanted.items() if key in takes} | table
