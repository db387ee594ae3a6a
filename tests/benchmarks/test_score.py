"""What a result says of the episodes behind it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from turngym import benchmarks
from turngym.agents.rollout import Sampler
from turngym.agents.scripted import ExpertAgent, RandomAgent
from turngym.benchmarks import Benchmark, load_suite, numbered
from turngym.benchmarks.panel import player
from turngym.benchmarks.score import run, score, success_rate
from turngym.benchmarks.stats import bootstrap, wilson
from turngym.core.errors import ConfigError
from turngym.core.types import Call, Group, Status, Task, Trajectory, Turn
from turngym.envs import Pool
from turngym.envs.corridor import Corridor

ENV = {"name": "turngym/Corridor-v0"}


def episode(seed: int, success: bool | None, *, status: Status = Status.DONE, tokens: int = 0) -> Trajectory:
    call = Call(prompt_ids=[1], action_ids=[2] * tokens, logprobs=[0.0] * tokens)
    turn = Turn(obs="A corridor.", action="left", reward=float(success or 0), calls=[call])
    task = Task(env="turngym/Corridor-v0", seed=seed)
    error = "died in step" if status.failed else None
    return Trajectory(task=task, member=0, turns=[turn], success=success, status=status, error=error)


def group(*episodes: Trajectory) -> Group:
    counts = [one for one in episodes if not one.status.failed]
    return Group(
        task=episodes[0].task, trajectories=counts, failed=[one for one in episodes if one.status.failed]
    )


def benchmark(count: int, samples: int = 1) -> Benchmark:
    return numbered(name="halls", env=ENV, first=0, count=count, samples=samples, max_turns=9)


def test_the_digest_depends_on_everything_that_decides_a_score() -> None:
    base: dict[str, Any] = {"env": ENV, "first": 0, "count": 3}
    same = numbered(name="another name", about="other words", **base)
    changes: list[dict[str, Any]] = [
        {"first": 1},
        {"count": 4},
        {"samples": 2},
        {"max_turns": 7},
        {"env": ENV | {"length": 6}},
    ]
    changed = [numbered(name="halls", **base | change) for change in [{}, *changes]]
    assert len({one.digest for one in changed}) == len(changed)
    assert same.digest == changed[0].digest


def test_the_shipped_panels_keep_their_digests() -> None:
    digests = {name: benchmarks.find(name).digest[:8] for name in benchmarks.registry.names()}
    assert digests == {
        "alfworld-seen": "08017361",
        "alfworld-unseen": "88a2b45f",
        "corridor": "a8a4037b",
        "household-compact": "609d8a51",
        "household-small": "d10d478e",
        "alfworld-seen-2.1.1": "a187b411",
        "alfworld-seen-human": "7d476031",
        "alfworld-train": "42a2cd7a",
        "alfworld-unseen-2.1.1": "a4584267",
        "alfworld-unseen-human": "8e8b76c9",
        "express-coin": "1c189cbc",
        "express-cookingworld": "5213507f",
        "express-twc": "eb134104",
        "household-full": "09dea613",
        "household-large": "75026389",
        "household-medium": "7c312e76",
        "household-tiny": "6a420715",
        "scienceworld": "312bfc7f",
        "textworld-coin": "a3f4bb6c",
        "textworld-cooking": "c4630e09",
        "textworld-custom": "cd897714",
        "textworld-simple": "ce93294d",
        "textworld-treasure": "2901a8d7",
        "bargain": "d5012217",
        "searchqa": "1b8cada8",
        "sokoban": "7467d226",
        "sokoban-two": "69c2e030",
        "datatasks": "96a66ca0",
        "library": "3b266cf4",
        "virtualhome-seen": "251e1300",
        "virtualhome-unseen": "a3d2d113",
        "webshop": "725df7c0",
    }


def test_the_shipped_panels_have_the_published_sizes() -> None:
    sizes = {name: len(benchmarks.find(name).tasks) for name in benchmarks.registry.names()}
    assert sizes == {
        "alfworld-seen": 140,
        "alfworld-unseen": 134,
        "corridor": 256,
        "household-small": 256,
        "household-compact": 256,
        "alfworld-seen-2.1.1": 140,
        "alfworld-seen-human": 140,
        "alfworld-train": 256,
        "alfworld-unseen-2.1.1": 134,
        "alfworld-unseen-human": 134,
        "express-coin": 100,
        "express-cookingworld": 100,
        "express-twc": 100,
        "household-full": 256,
        "household-large": 256,
        "household-medium": 256,
        "household-tiny": 256,
        "scienceworld": 100,
        "textworld-coin": 100,
        "textworld-cooking": 100,
        "textworld-custom": 100,
        "textworld-simple": 100,
        "textworld-treasure": 100,
        "bargain": 256,
        "searchqa": 160,
        "sokoban": 256,
        "sokoban-two": 256,
        "datatasks": 200,
        "library": 200,
        "virtualhome-seen": 51,
        "virtualhome-unseen": 67,
        "webshop": 214,
    }


def test_a_suite_with_a_wrong_key_names_the_right_ones(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('frist = 0\ncount = 2\n[env]\nname = "turngym/Corridor-v0"\n')
    with pytest.raises(ConfigError, match=r"\[suite mine\] has no key 'frist'; did you mean 'first'\?"):
        load_suite(path)


def test_an_empty_benchmark_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one task"):
        benchmark(0)


def test_failed_episodes_are_counted_beside_the_score_and_not_in_it() -> None:
    broken = episode(1, None, status=Status.ENV_ERROR)
    groups = [
        group(episode(0, True)),
        group(broken, episode(1, True)),
        group(episode(2, None, status=Status.TIMEOUT)),
    ]
    result = score(benchmark(3), groups, {"agent": "expert"}, 0, 1.0)
    assert (result.success, result.episodes, result.failed, result.lost) == (1.0, 2, 2, 1)
    assert result.errors == {"env_error: died in step": 1, "timeout: died in step": 1}


def test_an_environment_that_does_not_say_whether_it_was_won_has_no_success() -> None:
    result = score(benchmark(2), [group(episode(0, None)), group(episode(1, None))], {}, 0, 1.0)
    assert (result.success, result.interval, result.reward) == (None, (0.0, 1.0), 0.0)


def test_one_sample_a_task_gets_wilsons_interval_and_several_get_the_bootstrap() -> None:
    single = [group(episode(seed, seed < 3)) for seed in range(5)]
    assert success_rate(single, 1) == (0.6, wilson(3, 5))
    double = [group(episode(seed, True), episode(seed, seed < 3)) for seed in range(5)]
    assert success_rate(double, 2) == (0.8, bootstrap([[1, 1], [1, 1], [1, 1], [1, 0], [1, 0]], seed=0))


def test_a_player_that_never_wins_is_not_called_certain_to_lose() -> None:
    lost = [group(episode(seed, False), episode(seed, False)) for seed in range(5)]
    assert success_rate(lost, 2) == (0.0, wilson(0, 5))


def test_a_result_does_not_depend_on_the_order_in_which_groups_end() -> None:
    groups = [group(episode(seed, seed % 3 == 0), episode(seed, seed % 2 == 0)) for seed in range(9)]
    assert success_rate(groups, 2) == success_rate(groups[::-1], 2)


def test_tokens_are_those_the_model_sampled() -> None:
    result = score(
        benchmark(2), [group(episode(0, True, tokens=3)), group(episode(1, True, tokens=5))], {}, 0, 1.0
    )
    assert result.tokens == 4


def test_a_benchmark_is_played_and_repeats() -> None:
    chosen = benchmark(20, samples=2)
    sections: dict[str, Any] = {
        "agent": {"name": "random"},
        "pool": {"workers": 0, "slots": 4},
        "sampler": {},
    }
    results = []
    for _ in range(2):
        with player(chosen, sections) as sampler:
            results.append(asyncio.run(run(chosen, sampler, {"agent": "random"}, seed=3)))
    first, again = (json.loads(result.to_json()) | {"seconds": 0} for result in results)
    assert first == again
    assert first["episodes"] == 40
    assert 0 < first["success"] < 1


def test_the_sampler_must_allow_as_many_turns_as_the_benchmark() -> None:
    with Pool(Corridor, workers=0) as pool:
        sampler = Sampler(pool=pool, agent=RandomAgent, max_turns=50)
        with pytest.raises(ValueError, match="played in at most 9 turns but the sampler allows 50"):
            asyncio.run(run(benchmark(1), sampler, {}, seed=0))


def test_the_expert_wins_the_household_panel() -> None:
    chosen = benchmarks.find("household-small")
    sections: dict[str, Any] = {
        "agent": {"name": "expert"},
        "pool": {"workers": 0, "slots": 8},
        "sampler": {},
    }
    with player(chosen, sections, info={"expert": True}) as sampler:
        assert sampler.agent().__class__ is ExpertAgent
        result = asyncio.run(run(chosen, sampler, {"agent": "expert"}, seed=0))
    assert result.success == 1
    assert result.turns is not None
    assert result.turns < chosen.max_turns
