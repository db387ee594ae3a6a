"""TRL in the driver's seat: its `GRPOTrainer.train()`, with our rollouts and an advantage for every token."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from torch import Tensor
from trl import GRPOTrainer

from turngym.agents.rollout import Sampler
from turngym.core.errors import ConfigError
from turngym.core.samples import Sample, assign, pack
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Task
from turngym.credit import Credit, Learned, Steps
from turngym.trainers.trl_batch import check_version, tensors


class CreditGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """`GRPOTrainer` that plays the environments of `sampler` and learns from what `credit` says of their turns.

    Its data set has a column `seed` beside `prompt`, a row a task; `num_generations` is the size of a group. The
    sampler's engine samples from the trainer's own model; where it has `updated`, it is told of new weights. Everything
    else is TRL's: arguments, optimizer, checkpoints, callbacks. One row an episode is TRL's limit: an agent that writes
    its prompt afresh each turn is refused, and so are several processes. Episodes that failed become rows that teach
    nothing.
    """

    def __init__(self, *, sampler: Sampler, credit: Credit, env: str = "turngym", **trl: Any) -> None:
        check_version()
        super().__init__(reward_funcs=_no_reward, **trl)
        if self.accelerator.num_processes > 1:
            raise ConfigError(
                "credit compares the members of a group, which TRL spreads over its "
                f"{self.accelerator.num_processes} processes; start one"
            )
        self.sampler, self.credit, self.env = sampler, credit, env
        self.samples: list[Sample] = []

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Tensor]:
        groups = self._played(inputs)
        self.samples = credited(groups, self.credit)
        self._note(groups)
        blank = replace(self.samples[0], row=[-1] * len(self.samples[0].row))
        full = self.samples + [blank] * (len(inputs) - len(self.samples))
        return tensors(full, self.accelerator.device, self._tokenizer.pad_token_id)

    def _played(self, inputs: Sequence[dict[str, Any]]) -> list[Group]:
        """A group for each run of equal seeds."""
        seeds = [(seed, len([*same])) for seed, same in groupby(inputs, key=lambda row: int(row["seed"]))]
        tasks = [Task(env=self.env, seed=seed) for seed, _ in seeds]
        updated = getattr(self.sampler.engine, "updated", None)
        if updated is not None:
            updated(self.state.global_step)
        chance = derive_seed(self.args.seed, "rollout", self._step)
        return asyncio.run(self.sampler.collect(tasks, seeds[0][1], chance))

    def _note(self, groups: Sequence[Group]) -> None:
        """What TRL logs of the step beside its own."""
        episodes = [trajectory for group in groups for trajectory in group.trajectories]
        mean = sum(episode.reward for episode in episodes) / len(episodes)
        self._metrics["train"]["reward"].append(mean)
        self._metrics["train"]["failed"].append(float(sum(len(group.failed) for group in groups)))


def credited(groups: Sequence[Group], credit: Credit) -> list[Sample]:
    """One sample for each episode, with its advantages. Raises `ConfigError` where an episode has several."""
    episodes = [trajectory for group in groups for trajectory in group.trajectories]
    samples = pack(episodes)
    if len(samples) != len(episodes):
        raise ConfigError(
            f"TRL's GRPOTrainer learns from one row an episode, and {len(episodes)} episodes gave {len(samples)}; "
            "choose an agent whose conversation grows, turngym's own loop, or turngym.trainers.trl_async"
        )
    steps = Steps.of(groups, samples)
    given = credit.fit(steps) if isinstance(credit, Learned) else credit(steps)
    assign(samples, given.advantages.tolist(), per=given.per)
    return samples


def _no_reward(completions: Sequence[Any], **given: Any) -> list[float]:
    """TRL wants a reward function and never asks this one."""
    return [0.0] * len(completions)
