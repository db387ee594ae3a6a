"""True progress is what the planner says, and correlations are what their definition says."""

from __future__ import annotations

import json
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.benchmarks import credit_quality
from turngym.benchmarks.credit_quality import Play, Remaining, measured, model_free, played, ranks, spearman
from turngym.credit import Credits, Steps
from turngym.envs.household.env import Household
from turngym.envs.household.world import World

NUMBERS = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=12)


def shortest(world: World) -> int:
    """The length of a shortest plan, by breadth-first search."""
    seen, queue = {world.state.key()}, deque([(world, 0)])
    while queue:
        here, depth = queue.popleft()
        if here.won:
            return depth
        for command in here.admissible:
            after = here.copy()
            after.step(command)
            if after.state.key() not in seen:
                seen.add(after.state.key())
                queue.append((after, depth + 1))
    raise AssertionError("the goal cannot be reached")


def test_the_planner_counts_the_commands_of_a_shortest_plan_in_tiny_households():
    for seed in range(8):
        env = Household(size="tiny")
        env.reset(seed=seed)
        assert Remaining()(env.world) == shortest(env.world)


def test_the_experts_own_turns_make_a_progress_of_exactly_one():
    groups, progress = played(Play(size="tiny", tasks=3, members=2, skill=1.0))
    assert progress.tolist() == [1.0] * len(progress)
    assert all(trajectory.success for group in groups for trajectory in group.trajectories)


def test_progress_adds_up_to_the_length_of_the_plan_in_a_won_episode():
    groups, progress = played(Play(size="tiny", tasks=4, members=3, skill=0.5))
    steps = Steps.of(groups)
    total = np.bincount(steps.traj, progress)
    env = Household(size="tiny")
    for trajectory, made in zip(steps.trajectories, total, strict=True):
        env.reset(seed=trajectory.task.seed)
        assert not trajectory.success or made == Remaining()(env.world)


def test_the_same_seed_plays_the_same_episodes():
    play = Play(size="tiny", tasks=2, members=2)
    assert played(play)[0] == played(play)[0]


def slow_ranks(values: list[float]) -> list[float]:
    return [
        sum(other < one for other in values) + (sum(other == one for other in values) + 1) / 2
        for one in values
    ]


@given(NUMBERS)
def test_ranks_equal_their_definition(values):
    assert ranks(np.array(values)).tolist() == slow_ranks(values)


@given(st.lists(st.tuples(*[st.integers(-4, 4).map(float)] * 2), min_size=2, max_size=12))
def test_spearman_is_the_correlation_of_ranks(pairs):
    x, y = (list(side) for side in zip(*pairs, strict=True))
    found = spearman(np.array(x), np.array(y))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(np.corrcoef(slow_ranks(x), slow_ranks(y))[0, 1])


@given(NUMBERS)
def test_spearman_sees_order_alone(values):
    x = np.array(values)
    if len(set(values)) > 1:
        assert spearman(x, x**3 + 5 * x) == pytest.approx(1.0)
        assert spearman(x, -x) == pytest.approx(-1.0)


def test_credit_equal_to_progress_would_score_one_and_credit_by_episode_has_no_order_within_it(monkeypatch):
    groups, progress = played(Play(size="tiny", tasks=12, members=6, skill=0.3, max_turns=12))
    perfect, grpo = "perfect", "grpo"
    give = credit_quality.give

    def given_credit(method, steps):
        return Credits(advantages=progress) if method == perfect else give(method, steps)

    monkeypatch.setattr(credit_quality, "give", given_credit)
    best, flat = measured(groups, progress, [perfect, grpo], seed=0)
    assert [best.group.mean, best.episode.mean, best.state.mean] == pytest.approx([1.0, 1.0, 1.0])
    assert flat.group.mean is not None
    assert 0 < flat.group.mean < 1
    assert flat.episode.mean is None


def test_every_method_without_a_model_is_found_and_the_others_say_why_not():
    able, left_out = model_free()
    assert {"grpo", "rloo", "gigpo", "hgpo", "reinforce_pp"} <= {*able}
    assert "critic" in left_out["gae"]
    assert not {*able} & {*left_out}


def test_the_program_writes_what_it_measured(tmp_path, capsys):
    arguments = [
        "--size",
        "tiny",
        "--tasks",
        "4",
        "--members",
        "4",
        "--max-turns",
        "10",
        "--method",
        "grpo",
        "--method",
        "gigpo",
    ]
    credit_quality.main([*arguments, "--out", str(tmp_path)])
    written = json.loads((tmp_path / "credit_quality.json").read_text())
    assert [one["method"] for one in written["figures"]] == ["grpo", "gigpo", credit_quality.LATER]
    assert written["play"]["size"] == "tiny"
    assert written["facts"]["turns of unknown progress"] == 0
    assert "within an episode" in capsys.readouterr().out
