"""Episodes played by all ranks: each plays its share of the tasks, and all learn of every group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from turngym.agents.rollout import Sampler, check_failures
from turngym.core.types import Group, Task
from turngym.trainers import distributed


@dataclass(kw_only=True)
class SpreadSampler(Sampler):
    """A sampler of which every rank has one; pools, engines and limits count per rank.

    Task i is played by rank i modulo the number of ranks, with the seeds it would have anywhere. What a rank
    raises it raises, and the others raise `RankLost`.
    """

    async def collect(
        self, tasks: Sequence[Task], size: int, seed: int, *, enough: int | None = None
    ) -> list[Group]:
        """One group per task, in the order of the tasks, whoever played it. Raises as `Sampler.collect`."""
        if enough is not None:
            raise ValueError(
                "ranks do not stop at enough groups: each would stop at its own; leave `enough` out"
            )
        groups = await self._spread(tasks, size, seed)
        check_failures(groups, size, self.max_failed)
        return groups

    async def groups(self, tasks: Sequence[Task], size: int, seed: int) -> AsyncIterator[Group]:
        """The groups in the order of the tasks, once all ranks have played."""
        for group in await self._spread(tasks, size, seed):
            yield group

    async def _spread(self, tasks: Sequence[Task], size: int, seed: int) -> list[Group]:
        groups, failure = await self._played(distributed.mine(tasks), size, seed)
        told = distributed.gather((groups, failure and f"{type(failure).__name__}: {failure}"))
        if failure is not None:
            raise failure
        for rank, (_, error) in enumerate(told):
            if error is not None:
                raise distributed.RankLost(f"rank {rank} stopped while it played: {error}")
        return distributed.woven(groups for groups, _ in told)

    async def _played(
        self, tasks: Sequence[Task], size: int, seed: int
    ) -> tuple[list[Group], Exception | None]:
        """This rank's groups in order, or what stopped it, which the others wait to hear."""
        try:
            finished = {place: group async for place, group in self._finished(tasks, size, seed)}
        except Exception as error:
            return [], error
        return [finished[place] for place in range(len(tasks))], None
