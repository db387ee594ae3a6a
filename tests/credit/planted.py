"""Episodes in which the worth of every action is known, written in tokens, and a small model to read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from turngym.core.samples import pack
from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Steps, registry
from turngym.credit.progress import Progress
from turngym.trainers.backbone import OwnModel

WORTH = np.random.default_rng(7).normal(scale=0.3, size=8)
"""What an action adds to the outcome; actions are the tokens 2 to 9, observations 10 to 19, ends 20 and 21."""


def small_model() -> LlamaForCausalLM:
    """A random Llama that reads tokens 0 to 23."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=24,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                max_position_embeddings=128,
                tie_word_embeddings=True,
            )
        )


def spa(*, max_tokens: int = 4096, **options: Any) -> Progress:
    """The method on a backbone of its own, with a base that needs no critic."""
    given = {"base": {"name": "gigpo"}, "lr": 3e-3, "seed": 1} | options
    made: Progress = registry.make("spa", backbone=OwnModel(small_model, max_tokens=max_tokens), **given)
    return made


def episode(rng: np.random.Generator, turns: int, *, noise: float = 0.0, windows: bool = False) -> list[Turn]:
    """Random actions after observations that say nothing; with `windows` each turn is a prompt of its own."""
    ids: list[int] = []
    played, earned = [], 0.0
    for _ in range(turns):
        prompt = ([] if windows else ids) + [22, int(rng.integers(10, 20)), 20]
        action = int(rng.integers(8))
        call = Call(prompt_ids=prompt, action_ids=[2 + action, 21], logprobs=[0.0, 0.0])
        ids = [*prompt, *call.action_ids]
        earned += WORTH[action]
        played.append(Turn(obs="o", action=str(action), reward=0.0, calls=[call]))
    played[-1].reward = float(earned + noise * rng.normal())
    return played


def table(seed: int, *, tasks: int = 4, members: int = 4, shortest: int = 3, **options: Any) -> Steps:
    """Groups of episodes of up to eight turns, in arrays and in tokens."""
    rng = np.random.default_rng(seed)
    groups = []
    for number in range(tasks):
        task = Task(env="planted", seed=number)
        played = [episode(rng, int(rng.integers(shortest, 9)), **options) for _ in range(members)]
        episodes = [Trajectory(task=task, member=m, turns=turns) for m, turns in enumerate(played)]
        groups.append(Group(task=task, trajectories=episodes))
    return Steps.of(groups, pack(one for group in groups for one in group.trajectories))


def race(seed: int, *, tasks: int = 32, members: int = 4) -> Steps:
    """Episodes that are won, with 1, at their second step forward; any other turn is lost, and there are eight."""
    rng = np.random.default_rng(seed)
    groups = []
    for number in range(tasks):
        task = Task(env="race", seed=number)
        played = [_run(episode(rng, 8)) for _ in range(members)]
        groups.append(
            Group(
                task=task,
                trajectories=[Trajectory(task=task, member=m, turns=t) for m, t in enumerate(played)],
            )
        )
    return Steps.of(groups, pack(one for group in groups for one in group.trajectories))


def _run(turns: list[Turn]) -> list[Turn]:
    """The turns up to the second step forward."""
    steps = [n for n, turn in enumerate(turns) if forward(turn)]
    turns = turns[: steps[1] + 1] if len(steps) > 1 else turns
    for turn in turns:
        turn.reward = 0.0
    turns[-1].reward = float(len(steps) > 1)
    return turns


def forward(turn: Turn) -> bool:
    """Whether a turn of a race was a step forward."""
    return int(turn.action) < 3


def truth(steps: Steps) -> np.ndarray:
    """What each turn is worth. [N]"""
    return np.array([WORTH[int(turn.action)] for one in steps.trajectories for turn in one.turns])


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's, with mean ranks for equals."""
    return float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])


def _ranks(x: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
