"""Turn-level credit in TRL's asynchronous trainer: a rollout worker that plays our environments, a row a turn."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import numpy as np
from trl.experimental.async_grpo.async_rollout_worker import RolloutSample

from turngym.agents.rollout import Sampler
from turngym.core.errors import ConfigError
from turngym.core.samples import Sample, assign, pack
from turngym.core.seeding import derive_seed
from turngym.core.types import Group, Task, Turn
from turngym.credit import Credit, Learned, Steps


class CreditWorker:
    """What `AsyncGRPOTrainer(rollout_worker=...)` takes rows from (`RolloutWorkerProtocol` of TRL 1.16).

    A thread plays group after group of `tasks(step)` with the sampler, gives each group credit as it finishes and
    pushes a `RolloutSample` for every turn: the tokens up to its reply, trained on the reply alone, with the turn's own
    advantage. TRL computes what the rows of a group share once. Groups whose episodes all earned the same are left
    out unless `keep_equal`. A row carries the version that was live when its step of tasks began, so it is never
    taken for fresher than it is. Credit that compares across groups sees one at a time.

    The sampler's engine must tell token ids: `http_tokens` at the server that TRL pushes weights to, or any of our own.
    The thread hands on the engine's `updated` where it has one.
    """

    def __init__(
        self,
        sampler: Sampler,
        credit: Credit,
        tasks: Callable[[int], Sequence[Task]],
        *,
        group_size: int,
        seed: int = 0,
        keep_equal: bool = False,
        queue_size: int = 1024,
    ) -> None:
        self.sampler, self.credit, self.tasks = sampler, credit, tasks
        self.group_size, self.seed, self.keep_equal = group_size, seed, keep_equal
        self.rollout_buffer: queue.Queue[RolloutSample] = queue.Queue(queue_size)
        self.metrics_queue: queue.Queue[dict[str, Any]] = queue.Queue(4096)
        self.version = 0
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._alive_at = time.monotonic()
        self._thread: threading.Thread | None = None
        self._group_ids = count()

    def start(self) -> None:
        """Begin to play."""
        self._alive_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="turngym-rollouts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Play no further, and wait for the group under way to be left off."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def update_model_version(self, model_version: int) -> None:
        """Another policy is live."""
        self.version = model_version
        updated = getattr(self.sampler.engine, "updated", None)
        if updated is not None:
            updated(model_version)

    def check_health(self, stale_after_s: float) -> None:
        """Raises `RuntimeError` where the thread failed, or pushed nothing for so many seconds."""
        if self._failure is not None:
            raise RuntimeError(f"the rollout thread failed: {self._failure}") from self._failure
        silent = time.monotonic() - self._alive_at
        if silent > stale_after_s:
            raise RuntimeError(
                f"no group was finished for {silent:.0f} s, over the limit of {stale_after_s:.0f} s"
            )

    def _run(self) -> None:
        try:
            asyncio.run(self._play())
        except BaseException as error:
            self._failure = error

    async def _play(self) -> None:
        for step in count():
            version = self.version
            playing = self.sampler.groups(
                self.tasks(step), self.group_size, derive_seed(self.seed, "rollout", step)
            )
            async for group in playing:
                await self._hand_over(group, version)
                if self._stopping.is_set():
                    await playing.aclose()  # type: ignore[attr-defined]
                    return

    async def _hand_over(self, group: Group, version: int) -> None:
        self._alive_at = time.monotonic()
        self._note({"rollout/failed": float(len(group.failed))})
        if not group.trajectories or not (self.keep_equal or group.informative):
            return
        for row in rows(group, self.credit, version, next(self._group_ids)):
            while not self._stopping.is_set():
                with suppress(queue.Full):
                    row.enqueued_at = time.time()
                    self.rollout_buffer.put_nowait(row)
                    break
                self._alive_at = time.monotonic()
                await asyncio.sleep(0.05)

    def _note(self, metrics: dict[str, float]) -> None:
        with suppress(queue.Full):
            self.metrics_queue.put_nowait(metrics)


def rows(group: Group, credit: Credit, version: int, group_id: int) -> list[RolloutSample]:
    """A row for each turn of the group that sampled a token. Raises `ConfigError` for credit per token."""
    samples = pack(group.trajectories)
    steps = Steps.of([group], samples)
    given = credit.fit(steps) if isinstance(credit, Learned) else credit(steps)
    if given.per != "turn":
        raise ConfigError(
            f"TRL takes one advantage a row, and {credit} gives one per token; choose credit per turn"
        )
    assign(samples, given.advantages.tolist())
    turns = [turn for trajectory in group.trajectories for turn in trajectory.turns]
    rewards = [trajectory.reward for trajectory in group.trajectories for _ in trajectory.turns]
    return [
        _row(sample, number, turns[number], {"reward": rewards[number]}, version, group_id)
        for sample in samples
        for number in _turns(sample)
    ]


def _turns(sample: Sample) -> Iterator[int]:
    return iter(sorted({row for row in sample.row if row >= 0}))


def _row(
    sample: Sample, number: int, turn: Turn, metrics: dict[str, float], version: int, group_id: int
) -> RolloutSample:
    """The sample up to the end of turn `number`."""
    mine = [row == number for row in sample.row]
    end = len(mine) - mine[::-1].index(True)
    logprobs = [logprob if own else 0.0 for logprob, own in zip(sample.logprobs, mine, strict=True)]
    return RolloutSample(
        prompt=[{"role": "user", "content": turn.obs}],
        completion=[{"role": "assistant", "content": turn.action}],
        input_ids=np.array(sample.token_ids[:end], dtype=np.int64),
        completion_mask=np.array(mine[:end], dtype=np.int64),
        old_log_probs=np.array(logprobs[:end], dtype=np.float32),
        advantage=float(sample.advantages[mine.index(True)]),
        model_version=version,
        group_id=group_id,
        metrics=dict(metrics),
    )
