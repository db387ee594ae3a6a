"""Rollouts ahead of training: a real small transformer in the corridor."""

from __future__ import annotations

import asyncio
import copy
import math
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.agents.chat import ChatAgent
from turngym.agents.engines.hf import HFEngine
from turngym.agents.llm import Completion
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler, TooManyFailures
from turngym.core.errors import ConfigError
from turngym.core.samples import Sample
from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit.group import GRPO
from turngym.envs.corridor import Corridor
from turngym.envs.pool import Pool
from turngym.trainers.loop import Loop, Metrics
from turngym.trainers.losses import importance
from turngym.trainers.models import tiny
from turngym.trainers.overlapped import IMPORTANCE_CAP, Overlapped, staleness, suited
from turngym.trainers.policy import PolicyTrainer

POLICY = tiny(hidden=16, layers=1, heads=2, feed_forward=32, vocabulary=Corridor().vocabulary())
TASKS = 2
Wait = Callable[[int], Awaitable[None]]


async def at_once(seed: int) -> None:
    """No wait at all."""


@dataclass
class Lagging:
    """The leases of a pool whose environments answer when `wait`, told the task's seed, is over."""

    pool: Pool
    wait: Wait
    lent: int = 0

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Any]:
        async with self.pool.lease() as env:
            self.lent += 1
            try:
                yield Late(env, self.wait)
            finally:
                self.lent -= 1


@dataclass
class Late:
    env: Any
    wait: Wait
    seed: int = 0

    async def reset(self, *, seed: int, options: dict[str, Any]) -> Any:
        self.seed = seed
        await self.wait(seed)
        return await self.env.reset(seed=seed, options=options)

    async def step(self, action: str) -> Any:
        await self.wait(self.seed)
        return await self.env.step(action)


class Tallied(HFEngine):
    """Counts the tokens that it sampled."""

    sampled = 0

    async def submit(self, *request: Any) -> Completion:
        completion = await super().submit(*request)
        self.sampled += len(completion.token_ids)
        return completion


@dataclass
class Bench:
    """A loop and what it is made of."""

    loop: Loop
    pool: Lagging
    engine: Tallied

    def weights(self) -> torch.Tensor:
        model = self.loop.trainer.model  # type: ignore[attr-defined]
        return torch.cat([parameter.detach().flatten().clone() for parameter in model.parameters()])

    async def steps(self, count: int) -> list[Metrics]:
        return [await self.loop.step(number) for number in range(count)]

    def all_is_given_back(self) -> bool:
        """No environment is held and nobody plays; only this task and the engine's last batch may run."""
        names = [task.get_coro().__qualname__ for task in asyncio.all_tasks() - {asyncio.current_task()}]  # type: ignore[union-attr]
        return not self.pool.lent and set(names) <= {"HFEngine._run"}


def step_of(seed: int) -> int:
    return seed // 100


def bench(
    ahead: int | None = 1,
    *,
    wait: Wait = at_once,
    trainer: type[PolicyTrainer] = PolicyTrainer,
    steps: int = 100,
    slots: int = 64,
    gather_s: float = 0.0,
) -> Bench:
    """Without `ahead` the synchronous loop, whose engine and trainer share the weights."""
    model = copy.deepcopy(POLICY.model)
    engine = Tallied(model, stop_ids=POLICY.eos_ids, gather_s=gather_s, own_weights=ahead is not None)
    made = trainer(model, engine, lr=3e-2, importance_cap=IMPORTANCE_CAP)
    pool = Lagging(Pool(Corridor, workers=0, slots=slots), wait)
    parts: dict[str, Any] = {
        "sampler": Sampler(
            pool=pool,
            agent=ChatAgent,
            engine=made.publish(),
            renderer=Renderer(POLICY.tokenizer),
            max_tokens=3,
            max_turns=4,
        ),
        "credit": GRPO(),
        "trainer": made,
        "tasks": lambda step: [Task(env="corridor", seed=100 * step + number) for number in range(TASKS)],
        "group_size": 4,
        "keep_equal": True,
    }
    loop = Loop(**parts) if ahead is None else Overlapped(**parts, ahead=ahead, steps=steps)
    return Bench(loop, pool, engine)


def timeless(metrics: Sequence[Metrics]) -> list[Metrics]:
    return [
        {name: value for name, value in step.items() if not name.startswith(("seconds", "staleness"))}
        for step in metrics
    ]


# What it computes


def test_with_nothing_ahead_the_results_equal_the_plain_loops_bit_by_bit():
    plain, other = bench(None, gather_s=math.inf), bench(0, gather_s=math.inf)
    before = plain.weights()
    metrics, others = asyncio.run(plain.steps(4)), asyncio.run(other.steps(4))
    assert timeless(others) == timeless(metrics)
    assert torch.equal(plain.weights(), other.weights())
    assert not torch.equal(plain.weights(), before)
    assert {step["staleness_max"] for step in others} == {0}


@settings(max_examples=12, deadline=None)
@given(ahead=st.integers(0, 3), seed=st.integers(0, 2**32), slots=st.sampled_from([3, 8, 64]))
def test_no_token_is_staler_than_the_bound_and_none_is_sampled_in_vain(ahead, seed, slots):
    chance = random.Random(seed)

    async def delay(_: int) -> None:
        await asyncio.sleep(chance.choice([0.0, 0.0, 0.002, 0.01]))

    made = bench(ahead, wait=delay, steps=5, slots=slots)
    metrics = asyncio.run(made.steps(5))
    assert all(0 <= step["staleness_mean"] <= step["staleness_max"] <= ahead for step in metrics)
    assert metrics[0]["staleness_max"] == 0
    assert made.engine.sampled == sum(step["sampled_tokens"] for step in metrics)


@pytest.mark.parametrize("ahead", [1, 2])
def test_a_step_is_played_by_the_policy_of_as_many_updates_before(ahead):
    """The next rollouts are over before the update ends, since it waits for them."""
    played: Counter[int] = Counter()

    class Patient(PolicyTrainer):
        def update(self, samples: Sequence[Sample]) -> dict[str, float]:
            learned = super().update(samples)
            for step in range(self.version, min(self.version + ahead, 5)):
                while played[step] < TASKS * 4:
                    pass
            return learned

    made = bench(ahead, trainer=Patient, steps=5)
    inner = made.loop.sampler._episode

    async def episode(task: Task, member: int, seed: int) -> Trajectory:
        trajectory = await inner(task, member, seed)
        played[step_of(task.seed)] += 1
        return trajectory

    made.loop.sampler._episode = episode  # type: ignore[method-assign]
    metrics = asyncio.run(made.steps(5))
    assert [step["staleness_mean"] for step in metrics] == [min(step, ahead) for step in range(5)]


def test_tasks_and_seeds_are_those_of_the_step():
    async def tasks_of(ahead: int | None) -> list[list[str]]:
        made, seen = bench(ahead), []
        inner = made.loop.learn

        def learn(groups: list[Group], clock: Any) -> Metrics:
            seen.append([group.task.id for group in groups])
            return inner(groups, clock)

        made.loop.learn = learn  # type: ignore[method-assign]
        await made.steps(3)
        await made.loop.close()
        return seen

    assert asyncio.run(tasks_of(2)) == asyncio.run(tasks_of(None))


# Who waits for whom


def test_a_slow_environment_does_not_stop_the_training_of_the_step_before():
    async def check() -> None:
        answers = asyncio.Event()

        async def wait(seed: int) -> None:
            if step_of(seed) == 1:
                await answers.wait()

        made = bench(1, wait=wait, steps=2)
        await made.loop.step(0)
        assert made.engine.version == 1
        assert not answers.is_set()
        answers.set()
        assert (await made.loop.step(1))["episodes"] == TASKS * 4

    asyncio.run(check())


def test_environments_step_while_an_update_is_under_way():
    stepped = threading.Event()

    class Waiting(PolicyTrainer):
        def update(self, samples: Sequence[Sample]) -> dict[str, float]:
            stepped.clear()
            assert stepped.wait(timeout=60) or self.version > 0
            return super().update(samples)

    async def wait(seed: int) -> None:
        if step_of(seed) == 1:
            await asyncio.sleep(0.01)
            stepped.set()

    metrics = asyncio.run(bench(1, wait=wait, trainer=Waiting, steps=2).loop.step(0))
    assert metrics["episodes"] == TASKS * 4


# What goes wrong


def test_an_error_in_training_ends_the_rollouts_and_the_step_can_be_made_again():
    class Failing(PolicyTrainer):
        fails = True

        def update(self, samples: Sequence[Sample]) -> dict[str, float]:
            if self.version == 1 and self.fails:
                raise RuntimeError("the disk is on fire")
            return super().update(samples)

    async def wait(seed: int) -> None:
        await asyncio.sleep(60 * (step_of(seed) > 1 and Failing.fails))

    async def check() -> None:
        made = bench(2, wait=wait, trainer=Failing, steps=5)
        await made.loop.step(0)
        with pytest.raises(RuntimeError, match="the disk is on fire"):
            await made.loop.step(1)
        assert made.all_is_given_back()
        Failing.fails = False
        assert (await made.loop.step(1))["episodes"] == TASKS * 4
        await made.loop.close()

    asyncio.run(check())


def test_an_engine_that_fails_ahead_stops_the_run_where_its_groups_are_needed():
    class Dying(Tallied):
        async def submit(self, *request: Any) -> Completion:
            if self.sampled > 300:
                raise ConnectionError("the server hung up")
            return await super().submit(*request)

    async def check() -> None:
        made = bench(1, steps=100)
        made.engine.__class__ = Dying
        with pytest.raises(TooManyFailures, match="the server hung up"):
            await made.steps(100)
        assert made.loop.trainer.version > 1  # type: ignore[attr-defined]
        assert made.all_is_given_back()

    asyncio.run(check())


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1])
def test_a_cancelled_step_leaves_nothing_behind(after):
    async def wait(seed: int) -> None:
        await asyncio.sleep(60 * (step_of(seed) > 0))

    async def check() -> None:
        made = bench(1, wait=wait)
        stepping = asyncio.create_task(made.steps(3))
        await asyncio.sleep(after)
        stepping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stepping
        assert made.all_is_given_back()

    asyncio.run(check())


def test_an_update_that_has_begun_is_made_whole_although_the_step_is_cancelled():
    begun, cancelled = threading.Event(), threading.Event()

    class Slow(PolicyTrainer):
        def update(self, samples: Sequence[Sample]) -> dict[str, float]:
            begun.set()
            assert cancelled.wait(timeout=60)
            return super().update(samples)

    async def check() -> None:
        made = bench(1, trainer=Slow)
        stepping = asyncio.create_task(made.loop.step(0))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        stepping.cancel()
        asyncio.get_running_loop().call_later(0.01, cancelled.set)
        with pytest.raises(asyncio.CancelledError):
            await stepping
        assert made.loop.trainer.version == 1  # type: ignore[attr-defined]
        assert made.engine.version == 1
        assert made.all_is_given_back()

    asyncio.run(check())


def test_each_step_may_have_an_event_loop_of_its_own():
    made = bench(1, steps=3)
    metrics = [asyncio.run(made.loop.step(number)) for number in range(3)]
    assert [step["episodes"] for step in metrics] == [TASKS * 4] * 3


# What it measures and how samples weigh


def test_staleness_counts_tokens_of_every_version():
    calls = [
        Call(prompt_ids=[1], action_ids=[2, 3, 4], logprobs=[0.0] * 3, version=5, versions=[5, 6, 6]),
        Call(prompt_ids=[1], action_ids=[2], logprobs=[0.0], version=7),
    ]
    turn = Turn(obs="", action="", reward=0.0, calls=calls)
    task = Task(env="corridor", seed=0)
    group = Group(task=task, trajectories=[Trajectory(task=task, member=0, turns=[turn])])
    assert staleness([group], 8) == {"staleness_mean": (3 + 2 + 2 + 1) / 4, "staleness_max": 3}
    assert staleness([], 8) == {}


def test_a_token_weighs_by_the_ratio_of_the_policies_up_to_the_cap():
    behaviour = torch.tensor([0.5, 0.25, 0.1, 0.2]).log()
    old = torch.tensor([0.25, 0.25, 0.15, 0.9]).log()
    weight, ratio = importance(old, behaviour, 2.0)
    assert ratio.tolist() == pytest.approx([0.5, 1.0, 1.5, 4.5])
    assert weight.tolist() == pytest.approx([0.5, 1.0, 1.5, 2.0])


def test_the_update_follows_the_weighted_loss_and_tells_the_ratios():
    """Four tokens; the engine is said to have given them 1/4, 1, 3/2 and 3 times less than the policy does."""
    made = PolicyTrainer(
        copy.deepcopy(POLICY.model), HFEngine(POLICY.model, stop_ids=[0]), importance_cap=2.0
    )
    sample = Sample(version=0, token_ids=[7, 8, 9, 10, 11], row=[-1, 0, 0, 0, 0], logprobs=[0.0] * 5)
    sample.advantages = [0.0, 1.0, 1.0, -1.0, 1.0]
    made.score([sample])
    assert sample.old_logprobs is not None
    ratios = [1.0, 0.25, 1.0, 1.5, 3.0]
    sample.logprobs = [old - math.log(ratio) for old, ratio in zip(sample.old_logprobs, ratios, strict=True)]
    plain = copy.deepcopy(made.model)
    logp = plain(input_ids=torch.tensor([sample.token_ids])).logits[0].log_softmax(-1)
    own = torch.stack([logp[place, token] for place, token in enumerate(sample.token_ids[1:])])
    (-(own * torch.tensor([0.25, 1.0, -1.5, 2.0])).sum() / 4).backward()
    learned = made.update([sample])
    assert learned["importance"] == pytest.approx((0.25 + 1.0 + 1.5 + 3.0) / 4)
    assert learned["importance_truncated"] == pytest.approx(1 / 4)
    for mine, other in zip(made.model.parameters(), plain.parameters(), strict=True):
        norm = min(1.0, 1.0 / learned["grad_norm"])  # gradients are clipped to length 1
        assert mine.grad is not None
        assert torch.allclose(mine.grad, other.grad * norm, atol=1e-6)


# The run file


def test_a_run_gets_weights_of_its_own_and_importance_weights():
    run = suited({"trainer": {"name": "policy", "lr": 1e-3}})
    assert run["engine"] == {"name": "hf", "own_weights": True}
    assert run["trainer"] == {
        "name": "policy",
        "lr": 1e-3,
        "recompute": True,
        "importance_cap": IMPORTANCE_CAP,
    }
    asked = suited({"engine": {"name": "scripted"}, "trainer": {"name": "policy", "importance_cap": 5.0}})
    assert asked["engine"] == {"name": "scripted"}
    assert asked["trainer"]["importance_cap"] == 5.0


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"trainer": {"name": "policy", "recompute": False}}, r"\[trainer\] recompute = false does not go"),
        (
            {"engine": {"name": "hf", "own_weights": False}, "trainer": {"name": "policy"}},
            r"\[engine\] own_weights = false does not go",
        ),
        ({"offline": {}, "trainer": {"name": "policy"}}, r"\[offline\] stores what it plays before"),
    ],
)
def test_a_run_file_that_says_otherwise_is_refused(sections, message):
    with pytest.raises(ConfigError, match=message):
        suited(sections)


def test_a_trainer_that_counts_no_updates_is_refused():
    class Countless:
        pass

    async def check() -> None:
        made = bench(1)
        made.loop.trainer = Countless()  # type: ignore[assignment]
        with pytest.raises(ConfigError, match="Countless has no `version`"):
            await made.loop.step(0)

    asyncio.run(check())
