"""The warm start: demonstrations in exact tokens, and the trainer that clones them."""

from __future__ import annotations

import asyncio

import pytest

from turngym.agents.chat import ChatAgent
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.core.types import Group, Task
from turngym.envs.corridor import Corridor
from turngym.envs.pool import Pool
from turngym.trainers.cloning import CloningTrainer
from turngym.trainers.demonstrations import Demonstrator, Dictation, cloneable
from turngym.trainers.models import Policy, tiny

ENV = "turngym/Corridor-v0"


def policy() -> Policy:
    return tiny(hidden=32, layers=2, heads=2, feed_forward=64, vocabulary=Corridor().vocabulary())


def demonstrations(made: Policy, count: int, noise: float) -> list[Group]:
    def agent() -> Demonstrator:
        return Demonstrator(ChatAgent(), made.tokenizer.encode, made.eos_ids[0], noise=noise)

    with Pool(ENV, workers=0, slots=count, expert=True) as pool:
        sampler = Sampler(
            pool=pool, agent=agent, engine=Dictation(token_ids=[]), renderer=Renderer(made.tokenizer)
        )
        tasks = [Task(env=ENV, seed=seed) for seed in range(count)]
        return asyncio.run(sampler.collect(tasks, 1, seed=0))


def test_a_demonstration_is_the_conversation_token_by_token():
    made = policy()
    (group,) = demonstrations(made, 1, noise=0.0)
    (sample,) = cloneable([group])
    said = made.tokenizer.convert_ids_to_tokens(sample.token_ids)
    episode = group.trajectories[0]
    way = episode.turns[0].action
    first, of = episode.turns[0].obs.split()[4], "of"
    assert said[:9] == ["<|user|>", "You are in cell", first, of, "5", ".", "The exit is to the", way, "."]
    assert said[9:13] == ["<|end|>", "<|assistant|>", way, "<|end|>"]
    assert [token for token, row in zip(said, sample.row, strict=True) if row == 0] == [way, "<|end|>"]
    assert sample.advantages == [float(row >= 0) for row in sample.row]


def test_the_expert_wins_and_detours_are_context_only():
    groups = demonstrations(policy(), 40, noise=0.4)
    samples = cloneable(groups)
    weights = [
        a for sample in samples for a, row in zip(sample.advantages, sample.row, strict=True) if row >= 0
    ]
    assert all(group.trajectories[0].success for group in groups)
    assert 0.3 < sum(weights) / len(weights) < 0.85
    assert {0.0, 1.0} == set(weights)


def test_an_episode_that_the_expert_lost_is_not_cloned():
    (group,) = demonstrations(policy(), 1, noise=0.0)
    group.trajectories[0].success = False
    assert cloneable([group]) == []


def test_cloning_makes_the_expert_likely():
    made = policy()
    samples = cloneable(demonstrations(made, 64, noise=0.0))
    trainer = CloningTrainer(made.model, episodes=64 * 40, lr=5e-3, warmup=2, minibatch=16)
    losses = [trainer.update(samples)["cloning_loss"] for _ in range(40)]
    assert losses[0] > 2
    assert losses[-1] < 0.1


def test_the_cloning_rate_ends_at_zero():
    made = policy()
    trainer = CloningTrainer(made.model, episodes=64, lr=1.0, warmup=0, minibatch=16)
    samples = cloneable(demonstrations(made, 64, noise=0.0))
    trainer.update(samples)
    assert trainer.schedule.get_last_lr()[0] == pytest.approx(0.0)
