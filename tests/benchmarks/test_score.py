"""What a result says of the episodes behind it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from turngym import benchmarks, envs
from turngym.agents.chat import ChatAgent
from turngym.agents.rollout import Sampler
from turngym.agents.scripted import ExpertAgent, RandomAgent
from turngym.benchmarks import Benchmark, arguments, load_suite, numbered
from turngym.benchmarks.panel import player
from turngym.benchmarks.score import aggregate, run, score
from turngym.benchmarks.stats import bootstrap, wilson
from turngym.benchmarks.trace import row
from turngym.core.episodes import to_record
from turngym.core.errors import ConfigError, PrerequisiteError
from turngym.core.types import Call, Group, Spoken, Status, Task, Trajectory, Turn
from turngym.envs import Pool
from turngym.envs.corridor import Corridor
from turngym.envs.household.env import Household

ENV = {"name": "turngym/Corridor-v0"}


def episode(
    seed: int,
    success: bool | None,
    *,
    status: Status = Status.DONE,
    tokens: int = 0,
    member: int = 0,
    category: str | None = None,
) -> Trajectory:
    call = Call(prompt_ids=[1], action_ids=[2] * tokens, logprobs=[0.0] * tokens)
    turn = Turn(obs="A corridor.", action="left", reward=float(success or 0), calls=[call])
    return Trajectory(
        task=Task(env="turngym/Corridor-v0", seed=seed),
        member=member,
        turns=[turn],
        success=success,
        status=status,
        category=category,
        error="died in step\nat line 3" if status.failed else None,
    )


def group(*episodes: Trajectory) -> Group:
    counts = [one for one in episodes if not one.status.failed]
    return Group(
        task=episodes[0].task, trajectories=counts, failed=[one for one in episodes if one.status.failed]
    )


def rows(groups: list[Group]) -> list[dict[str, Any]]:
    return [
        row(to_record(one, tokens=True)) for group in groups for one in (*group.trajectories, *group.failed)
    ]


class Long:
    """A chat template whose every prompt is longer than any context."""

    append_safe = True

    def render(self, messages: Any, tools: Any = ()) -> list[int]:
        return [0] * 100_000

    def extend(self, new: Any, stop: str) -> list[int]:
        return []

    def text(self, token_ids: Any) -> str:
        return ""


class Never:
    """An engine that is not asked."""

    async def generate(self, prompt_ids: list[int], sampling: Any) -> Any:
        raise AssertionError("a prompt that is too long reaches no engine")


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
        "babyai-goto": "5e822dd6",
        "browsergym-click-test": "be07e068",
        "gem-guessthenumber": "39acf28e",
        "gem-mastermind": "65b0292f",
        "minigrid-doorkey": "5d65c009",
        "miniwob-click-test": "f687e6a3",
        "miniwob-login-user": "aaf465db",
        "reasoning-chain-sum": "f31284a4",
        "reasoning-mini-sudoku": "fb276d47",
        "tau-airline": "85fb014d",
        "tau-retail": "b141002a",
        "textarena-connectfour": "121b68ea",
        "textarena-mastermind": "04f6a701",
        "textarena-sudoku": "5d0e5f8d",
        "webshop-test": "015e213c",
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
        "babyai-goto": 100,
        "browsergym-click-test": 25,
        "gem-guessthenumber": 100,
        "gem-mastermind": 100,
        "minigrid-doorkey": 100,
        "miniwob-click-test": 50,
        "miniwob-login-user": 50,
        "reasoning-chain-sum": 100,
        "reasoning-mini-sudoku": 100,
        "tau-airline": 50,
        "tau-retail": 115,
        "textarena-connectfour": 100,
        "textarena-mastermind": 100,
        "textarena-sudoku": 100,
        "webshop-test": 500,
    }


def test_a_suite_with_a_wrong_key_names_the_right_ones(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('frist = 0\ncount = 2\n[env]\nname = "turngym/Corridor-v0"\n')
    with pytest.raises(ConfigError, match=r"\[suite mine\] has no key 'frist'; did you mean 'first'\?"):
        load_suite(path)


def test_an_empty_benchmark_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one task"):
        benchmark(0)


def test_every_environment_with_tasks_of_its_own_has_a_panel() -> None:
    played = {envs.resolve(benchmarks.find(name).env["name"]) for name in benchmarks.registry.names()}
    bridges = {"turngym/MCP-v0", "turngym/OpenEnv-v0"}  # to a server of the user's, which has the tasks
    assert {name for name in envs.registry.names() if name.startswith("turngym/")} - played == bridges


def test_a_panel_may_name_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"name": "turngym/WebShop-v0", "data": "$SHOP", "split": "test"}
    monkeypatch.setenv("SHOP", "here")
    assert arguments(env) == {"data": "here", "split": "test"}
    monkeypatch.delenv("SHOP")
    with pytest.raises(PrerequisiteError, match=r"this panel's data is \$SHOP: set SHOP"):
        arguments(env)


def test_a_panel_has_no_task_twice() -> None:
    twice = (Task(env="turngym/Corridor-v0", seed=1), Task(env="turngym/Corridor-v0", seed=1))
    with pytest.raises(ValueError, match="has a task twice"):
        Benchmark(name="halls", env=ENV, tasks=twice)


def test_a_lost_episode_is_a_failure_and_shown_as_an_error() -> None:
    broken = episode(1, None, status=Status.ENV_ERROR)
    groups = [
        group(episode(0, True)),
        group(broken, episode(1, True)),
        group(episode(2, None, status=Status.TIMEOUT)),
    ]
    told = aggregate(rows(groups), tasks=3, samples=1)
    success = told["metrics"]["success"]
    assert success["mean"] == pytest.approx(2 / 3)
    assert (success["low"], success["high"]) == wilson(2, 3)
    assert told["metrics"]["error_rate"]["mean"] == pytest.approx(1 / 3)
    assert told["metrics"]["reward"]["mean"] == 1.0  # of the two that count
    assert told["counts"] == {"tasks": 3, "episodes": 3, "counted": 2, "failed": 2, "lost": 1}
    assert told["failures"] == {"env_error: died in step": 1, "timeout: died in step": 1}


def test_a_task_that_was_never_tried_is_lost_too() -> None:
    told = aggregate(rows([group(episode(0, True))]), tasks=4, samples=1)
    assert told["metrics"]["success"]["mean"] == 0.25
    assert told["counts"]["lost"] == 3


def test_a_panel_of_which_nothing_counts_was_not_won() -> None:
    told = aggregate(rows([group(episode(0, None, status=Status.TIMEOUT))]), tasks=2, samples=1)
    assert told["metrics"]["success"]["mean"] == 0.0
    assert told["metrics"]["error_rate"]["mean"] == 1.0
    assert told["metrics"]["reward"] is None


def test_an_environment_that_does_not_say_whether_it_was_won_has_no_success() -> None:
    played = [group(episode(0, None)), group(episode(1, None))]
    told = aggregate(rows(played), tasks=2, samples=1)
    assert told["metrics"]["success"] is None
    assert told["metrics"]["pass_at"] == {}
    result = score(benchmark(2), played, 1.0)
    assert (result.success, result.interval, result.reward) == (None, (0.0, 1.0), 0.0)


def test_one_sample_a_task_gets_wilsons_interval_and_several_get_the_bootstrap() -> None:
    single = score(benchmark(5), [group(episode(seed, seed < 3)) for seed in range(5)], 1.0)
    assert (single.success, single.interval) == (0.6, wilson(3, 5))
    double = [group(episode(seed, True), episode(seed, seed < 3, member=1)) for seed in range(5)]
    both = score(benchmark(5, samples=2), double, 1.0)
    assert both.success == 0.8
    assert both.interval == bootstrap([[1, 1], [1, 1], [1, 1], [1, 0], [1, 0]], seed=0)


def test_a_player_that_never_wins_is_not_called_certain_to_lose() -> None:
    lost = [group(episode(seed, False), episode(seed, False, member=1)) for seed in range(5)]
    result = score(benchmark(5, samples=2), lost, 1.0)
    assert result.success == 0.0
    assert result.interval == pytest.approx(wilson(0, 5))


def test_a_result_does_not_depend_on_the_order_in_which_groups_end() -> None:
    groups = [
        group(episode(seed, seed % 3 == 0), episode(seed, seed % 2 == 0, member=1)) for seed in range(9)
    ]
    assert score(benchmark(9, samples=2), groups, 1.0) == score(benchmark(9, samples=2), groups[::-1], 1.0)


def test_tokens_are_those_the_model_sampled() -> None:
    groups = [group(episode(0, True, tokens=3)), group(episode(1, True, tokens=5))]
    assert score(benchmark(2), groups, 1.0).tokens == 4


def test_an_engine_that_counts_no_tokens_leaves_them_untold() -> None:
    said = Spoken(messages=[], reply={"content": "left"}, tokens=None)
    silent = episode(0, True)
    silent.turns[0].calls = [Call(prompt_ids=[], action_ids=[], logprobs=[], spoken=said)]
    assert row(to_record(silent, tokens=True))["tokens"] is None
    assert score(benchmark(1), [group(silent)], 1.0).tokens is None


def test_categories_hold_the_success_of_their_tasks() -> None:
    groups = [group(episode(seed, seed < 2, category="near" if seed < 3 else "far")) for seed in range(4)]
    told = aggregate(rows([*groups, group(episode(4, True))]), tasks=5, samples=1)
    assert [*told["categories"]] == ["far", "near"]
    assert told["categories"]["near"]["mean"] == pytest.approx(2 / 3)
    assert told["categories"]["far"] | {"low": 0, "high": 0} == {
        "mean": 0.0,
        "low": 0,
        "high": 0,
        "n": 1,
        "method": "wilson",
    }


def test_pass_at_and_pass_hat_are_means_over_tasks() -> None:
    groups = [
        group(episode(seed, seed == 0), episode(seed, True, member=1), episode(seed, True, member=2))
        for seed in range(2)
    ]
    metrics = aggregate(rows(groups), tasks=2, samples=3)["metrics"]
    assert metrics["pass_at"] == pytest.approx({"1": (1 + 2 / 3) / 2, "2": 1.0, "3": 1.0})
    assert metrics["pass_hat"] == pytest.approx({"1": (1 + 2 / 3) / 2, "2": (1 + 1 / 3) / 2, "3": 0.5})


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
            results.append(replace(asyncio.run(run(chosen, sampler, seed=3)), seconds=0))
    first, again = results
    assert first == again
    assert first.episodes == 40
    assert 0 < (first.success or 0) < 1


def test_an_episode_begins_with_what_the_reset_says() -> None:
    """So that one which is cut off in its first turn is a failure, and has a category."""
    sampler = Sampler(pool=Pool(Household, workers=0), agent=ChatAgent, engine=Never(), renderer=Long())
    ended: list[Trajectory] = []
    asyncio.run(sampler.play([(Task(env="turngym/Household-v0", seed=0), 0)], 0, ended.append))
    assert ended[0].status is Status.TOKEN_LIMIT
    assert (ended[0].success, ended[0].score) == (False, 0.0)
    assert ended[0].category
    assert ended[0].seconds is not None


def test_the_sampler_must_allow_as_many_turns_as_the_benchmark() -> None:
    with Pool(Corridor, workers=0) as pool:
        sampler = Sampler(pool=pool, agent=RandomAgent, max_turns=50)
        with pytest.raises(ValueError, match="played in at most 9 turns but the sampler allows 50"):
            asyncio.run(run(benchmark(1), sampler, seed=0))


def test_the_expert_wins_the_household_panel() -> None:
    chosen = benchmarks.find("household-small")
    sections: dict[str, Any] = {
        "agent": {"name": "expert"},
        "pool": {"workers": 0, "slots": 8},
        "sampler": {},
    }
    with player(chosen, sections, info={"expert": True}) as sampler:
        assert sampler.agent().__class__ is ExpertAgent
        result = asyncio.run(run(chosen, sampler, seed=0))
    assert result.success == 1
    assert result.turns is not None
    assert result.turns < chosen.max_turns
