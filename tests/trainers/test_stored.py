"""Stored episodes teach as fresh ones do."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.trainers.test_learning import AGENTS, CORRIDOR

from turngym.core.config import Table, override
from turngym.core.episodes import write_episodes
from turngym.core.errors import ConfigError
from turngym.trainers.loop import Clock
from turngym.trainers.setup import Setup, prepare
from turngym.trainers.stored import learn_stored, stored_groups

RUN: Table = override(
    CORRIDOR
    | {"agent": AGENTS["window"], "credit": {"name": "dr_grpo"}, "trainer": {"name": "dpo", "lr": 1e-3}},
    ["loop.tasks_per_step=4", "loop.group_size=4", "sampler.max_turns=3"],
)


def explored(setup: Setup, path: Path, *, tokens: bool = True) -> None:
    groups = asyncio.run(setup.loop.rollout(0))
    write_episodes(path, [one for group in groups for one in group.trajectories], tokens=tokens)


@pytest.mark.parametrize("name", ["dpo", "rft", "policy"])
def test_what_was_stored_teaches_what_was_played(tmp_path, name):
    run = override(RUN, [f"trainer.name={name}"])
    with ExitStack() as stack:
        played, read = (prepare(run, stack) for _ in range(2))
        groups = asyncio.run(played.loop.rollout(0))
        explored(read, tmp_path / "episodes.jsonl")
        fresh = played.loop.learn(groups, Clock())
        (stored,) = learn_stored(read.loop, stored_groups([tmp_path / "episodes.jsonl"]), batch=4)
    assert stored["advantage_std"] == pytest.approx(fresh["advantage_std"])
    assert stored.get("pairs") == fresh.get("pairs")
    assert stored.get("kept") == fresh.get("kept")


def test_passes_and_batches_cover_every_group_each_time(tmp_path):
    with ExitStack() as stack:
        setup = prepare(RUN, stack)
        explored(setup, tmp_path / "episodes.jsonl")
        groups = stored_groups([tmp_path / "episodes.jsonl"])
        steps = learn_stored(setup.loop, groups, batch=3, passes=2)
    assert [step["usable_groups"] for step in steps] == [3, 1, 3, 1]


def test_episodes_without_tokens_are_refused_in_one_sentence(tmp_path):
    with ExitStack() as stack:
        explored(prepare(RUN, stack), tmp_path / "episodes.jsonl", tokens=False)
    with pytest.raises(ConfigError, match="holds no tokens of"):
        stored_groups([tmp_path / "episodes.jsonl"])


def test_a_line_that_is_no_episode_is_told(tmp_path):
    (tmp_path / "episodes.jsonl").write_text("{}\n")
    with pytest.raises(ConfigError, match="cannot be learned from"):
        stored_groups([tmp_path / "episodes.jsonl"])
