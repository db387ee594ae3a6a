"""Credit methods as entrants: runs under one budget, ranked over seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turngym.benchmarks.board import runs as run_folders
from turngym.benchmarks.board.methods import methods, over_seeds_and_tasks, paired
from turngym.benchmarks.board.runs import Run, RunError, read
from turngym.core.config import dump
from turngym.core.episodes import write_episodes
from turngym.core.errors import ConfigError, PrerequisiteError
from turngym.core.types import Task, Trajectory

TASKS = 60
HGPO, GRPO = {"name": "hgpo", "depth": 2}, {"name": "grpo"}


def write(folder: Path, credit: dict[str, Any], seed: int, rate: float, **changed: Any) -> Path:
    """The folder of a run that ends with this share of its tasks won; `changed` are sections of its run file."""
    folder.mkdir(parents=True)
    plan = {
        "env": {"name": "turngym/Corridor-v0"},
        "agent": {"name": "chat"},
        "model": {"name": "tiny", "hidden": 32},
        "sampler": {"max_turns": 16},
        "credit": credit,
        "trainer": {"name": "policy", "lr": 0.1},
        "loop": {"steps": 20, "group_size": 4, "seed": seed},
        "eval": {"tasks": TASKS},
    } | changed
    (folder / "run.toml").write_text(dump(plan), encoding="utf-8")
    curve = [
        {"stage": "eval", "step": step, "success": 0.1 + step / 20 * (rate - 0.1)} for step in (0, 10, 20)
    ]
    trained = [{"stage": "train", "step": step, "sampled_tokens": 100} for step in range(1, 21)]
    lines = [curve[0], *trained, trained[-1], *curve[1:]]  # a step written twice, as after a resume
    (folder / "metrics.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
    )
    summary = {"seed": seed, "steps": 20, "seconds": 9.5, "panel": {"digest": "ab" * 32}}
    standing = {"warm_start": {"success": 0.1}, "final": {"success": rate, "greedy_success": rate}}
    (folder / "summary.json").write_text(json.dumps(summary | standing), encoding="utf-8")
    won = [place < rate * TASKS for place in range(TASKS)]
    played = [
        Trajectory(task=Task(env="e", seed=n), member=0, turns=[], success=end) for n, end in enumerate(won)
    ]
    write_episodes(folder / "episodes.jsonl", played)
    return folder


def runs(place: Path, credit: dict[str, Any], rates: list[float], **changed: Any) -> list[Run]:
    return [
        read(write(place / f"{credit['name']}-{seed}", credit, seed, rate, **changed))
        for seed, rate in enumerate(rates)
    ]


def test_the_method_that_wins_more_on_every_seed_ranks_first(tmp_path: Path) -> None:
    played = [*runs(tmp_path, HGPO, [0.8, 0.85, 0.9]), *runs(tmp_path, GRPO, [0.3, 0.35, 0.4])]
    first, second = methods(played)
    assert [(one.name, one.rank, one.ties) for one in (first, second)] == [("hgpo", 1, []), ("grpo", 2, [])]
    assert first.final == pytest.approx(0.85)
    assert first.gains == pytest.approx([0.7, 0.75, 0.8])
    assert first.against["grpo"].difference == pytest.approx(0.5)
    assert first.runs[0].tokens == 2000
    assert first.curve == [(0, pytest.approx(0.1)), (10, pytest.approx(0.475)), (20, pytest.approx(0.85))]


def test_methods_whose_seeds_disagree_tie(tmp_path: Path) -> None:
    played = [*runs(tmp_path, HGPO, [0.2, 0.5, 0.8]), *runs(tmp_path, GRPO, [0.8, 0.4, 0.3])]
    assert [(one.rank, len(one.ties)) for one in methods(played)] == [(1, 1), (1, 1)]


@pytest.mark.parametrize(
    ("section", "value", "told"),
    [
        ("env", {"name": "turngym/Corridor-v0", "length": 9}, "env.length is 'not set' in the one and 9"),
        ("model", {"name": "tiny", "hidden": 64}, "model.hidden is 32 in the one and 64"),
        ("sampler", {"max_turns": 32}, "sampler.max_turns is 16 in the one and 32"),
        ("loop", {"steps": 20, "group_size": 8, "seed": 0}, "loop.group_size is 4 in the one and 8"),
        ("warm_start", {"episodes": 10}, "warm_start.episodes is 'not set' in the one and 10"),
    ],
)
def test_runs_of_other_budgets_are_not_mixed(tmp_path: Path, section: str, value: Any, told: str) -> None:
    one = read(write(tmp_path / "one", HGPO, 0, 0.5))
    other = read(write(tmp_path / "other", GRPO, 0, 0.5, **{section: value}))
    with pytest.raises(ConfigError, match="no equal budget") as error:
        methods([one, other])
    assert told in str(error.value)


def test_a_trainer_is_part_of_the_method_and_is_told(tmp_path: Path) -> None:
    critic = {"name": "policy", "lr": 0.1, "critic": True}
    played = [*runs(tmp_path, {"name": "gae"}, [0.5] * 3, trainer=critic), *runs(tmp_path, GRPO, [0.5] * 3)]
    assert {one.name: one.settings for one in methods(played)} == {"gae": "trainer.critic = true", "grpo": ""}


def test_a_method_inside_another_shows_in_the_name_and_twins_are_numbered(tmp_path: Path) -> None:
    shuffled = {"name": "shuffled", "base": HGPO}
    played = [
        *runs(tmp_path / "a", shuffled, [0.5] * 3),
        *runs(tmp_path / "b", HGPO, [0.5] * 3),
        *runs(tmp_path / "c", HGPO | {"depth": 4}, [0.5] * 3),
    ]
    assert {one.name: one.settings for one in methods(played)} == {
        "shuffled(hgpo)": "base.depth = 2",
        "hgpo #1": "depth = 2",
        "hgpo #2": "depth = 4",
    }


def test_few_seeds_and_doubled_seeds_are_listed_apart(tmp_path: Path) -> None:
    twice = [*runs(tmp_path / "a", GRPO, [0.5, 0.5]), read(write(tmp_path / "again", GRPO, 1, 0.6))]
    found = {one.name: one.apart for one in methods([*runs(tmp_path / "b", HGPO, [0.5]), *twice])}
    assert found == {
        "hgpo": "1 seed, which is less than 3",
        "grpo": "two runs of one seed (grpo-0, again, grpo-1)",
    }


def test_without_a_seed_in_common_there_is_no_comparison(tmp_path: Path) -> None:
    assert paired(runs(tmp_path, HGPO, [0.5]), [read(write(tmp_path / "x", GRPO, 7, 0.9))]) is None


def test_the_interval_grows_with_the_spread_of_seeds_and_of_tasks() -> None:
    rng = np.random.default_rng(0)
    alike = np.tile(rng.random(50) < 0.5, (3, 1)).astype(float)
    apart = np.array([[0.0] * 50, [0.5] * 50, [1.0] * 50])
    both = np.clip(alike * 0.5 + apart * 0.5, 0, 1)
    widths = [
        high - low for low, high in map(over_seeds_and_tasks, (alike, apart, both, np.full((3, 50), 0.5)))
    ]
    assert widths[3] == pytest.approx(0.0)
    assert 0.15 < widths[0] < 0.4
    assert widths[1] == pytest.approx(1.0)  # of three seeds, one alone is drawn in one draw of nine
    assert widths[0] < widths[2] < widths[1]


def test_the_interval_agrees_with_drawing_rows_and_columns() -> None:
    values = np.random.default_rng(1).random((3, 20))
    rng = np.random.default_rng(2)
    means = [values[rng.integers(3, size=3)][:, rng.integers(20, size=20)].mean() for _ in range(4000)]
    assert over_seeds_and_tasks(values) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.02)


def test_folders_that_hold_no_finished_run_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "good", HGPO, 0, 0.5)
    (write(tmp_path / "unfinished", HGPO, 1, 0.5) / "summary.json").unlink()
    stopped = write(tmp_path / "stopped", HGPO, 2, 0.5)
    summary = json.loads((stopped / "summary.json").read_text(encoding="utf-8"))
    (stopped / "summary.json").write_text(json.dumps(summary | {"steps": 10}), encoding="utf-8")
    (write(tmp_path / "odd", HGPO, 3, 0.5) / "metrics.jsonl").write_text("[]\n", encoding="utf-8")
    found, refused = run_folders.collect(sorted(tmp_path.iterdir()))
    assert [run.folder for run in found] == ["good"]
    assert [(one.folder, one.reason.partition(":")[0]) for one in refused] == [
        ("odd", "it is no training run"),
        ("stopped", "it stopped after 10 of 20 steps"),
        ("unfinished", "it has no summary.json"),
    ]


def test_an_episode_whose_end_is_not_told_makes_no_run(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", HGPO, 0, 0.5)
    write_episodes(folder / "episodes.jsonl", [Trajectory(task=Task(env="e", seed=0), member=0, turns=[])])
    with pytest.raises(RunError, match="does not say which episodes were won"):
        read(folder)


def test_the_board_of_methods_is_written(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    from turngym.benchmarks.board.build import build_methods

    evil = {"name": "<script>alert(1)</script>", "depth": 2}
    runs(tmp_path / "runs", HGPO, [0.8, 0.85, 0.9])
    runs(tmp_path / "evil", evil | {"name": "evil"}, [0.3, 0.35, 0.4])
    for seed in range(3):
        path = tmp_path / f"evil/evil-{seed}/run.toml"
        path.write_text(
            path.read_text(encoding="utf-8").replace('"evil"', '"<script>alert(1)</script>"'),
            encoding="utf-8",
        )
    build_methods([*(tmp_path / "runs").iterdir(), *(tmp_path / "evil").iterdir()], tmp_path / "board")
    said = json.loads((tmp_path / "board/methods.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["rank"]) for one in said["methods"]] == [("hgpo", 1), (evil["name"], 2)]
    html = (tmp_path / "board/methods.html").read_text(encoding="utf-8")
    assert evil["name"] not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    text = (tmp_path / "board/methods.md").read_text(encoding="utf-8")
    assert "| 1 | hgpo | depth = 2 | 3 | 10.0 % | 85.0 % (" in text


def test_without_any_run_nothing_is_written(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    from turngym.benchmarks.board.build import build_methods

    with pytest.raises(PrerequisiteError, match="none of the folders holds a training run"):
        build_methods([tmp_path], tmp_path / "board")
    assert not (tmp_path / "board").exists()
