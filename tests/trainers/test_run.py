"""Whole runs on the corridor with a real transformer of a few thousand parameters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

from turngym.core.config import ConfigError, Table, dump, override
from turngym.core.episodes import read_episodes
from turngym.core.errors import UserError
from turngym.trainers.checkpoint import CheckpointError
from turngym.trainers.run import train_run

CORRIDOR: Table = {
    "env": {"name": "turngym/Corridor-v0", "length": 5},
    "pool": {"workers": 0, "slots": 64},
    "agent": {"name": "chat"},
    "sampler": {"max_turns": 8, "max_tokens": 3},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "credit": {"name": "grpo"},
    "trainer": {"name": "policy", "lr": 3e-3, "normalise": "sequence"},
    "loop": {"steps": 6, "tasks_per_step": 8, "group_size": 8, "save_every": 2},
    "eval": {"tasks": 32, "every": 3},
}


def weights(out: Path, step: int) -> dict[str, torch.Tensor]:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(out / "checkpoints" / f"step-{step:06d}" / "policy")
    return dict(model.named_parameters())


def train_lines(out: Path) -> list[dict[str, Any]]:
    """Training metrics without the clock's."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.startswith("seconds")} for line in lines]


def test_a_run_leaves_what_its_documentation_names(tmp_path):
    run = override(CORRIDOR, ["loop.steps=2", "loop.save_every=1"])
    summary = train_run(run, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert summary["panel"]["tasks"] == 32
    for part in ("warm_start", "final"):
        assert (
            0 <= summary[part]["interval"][0] <= summary[part]["success"] <= summary[part]["interval"][1] <= 1
        )
    episodes, faults = read_episodes(tmp_path / "episodes.jsonl")
    assert len(episodes) == 32
    assert faults == []
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "You are in cell" in (tmp_path / "episode.txt").read_text()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "run.toml",
        "metrics.jsonl",
        "curve.png",
        "episodes.jsonl",
        "episode.txt",
        "summary.json",
        "checkpoints",
    }


def test_six_steps_equal_two_and_two_and_two_bit_for_bit(tmp_path):
    train_run(CORRIDOR, tmp_path / "whole")
    for steps in (2, 4, 6):
        parts = train_run(override(CORRIDOR, [f"loop.steps={steps}"]), tmp_path / "parts", resume=steps > 2)
    whole, pieces = weights(tmp_path / "whole", 6), weights(tmp_path / "parts", 6)
    assert whole.keys() == pieces.keys()
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)
    lines = [line for line in train_lines(tmp_path / "parts") if line["stage"] == "train"]
    assert lines == [line for line in train_lines(tmp_path / "whole") if line["stage"] == "train"]
    assert parts["steps"] == 6


def test_any_method_goes_on_from_where_training_begins_but_not_from_anothers_training(tmp_path):
    begun = override(CORRIDOR, ["loop.steps=0"])
    train_run(begun, tmp_path)
    ppo = ['credit={name="gae"}', "trainer.critic=trunk"]
    summary = train_run(override(CORRIDOR, [*ppo, "loop.steps=1"]), tmp_path, resume=True)
    assert summary["steps"] == 1
    with pytest.raises(
        CheckpointError, match=r"step-000001 does not fit this run's trainer or credit .*resume with"
    ):
        train_run(override(CORRIDOR, ["loop.steps=2"]), tmp_path, resume=True)


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    (tmp_path / "run.toml").write_text("")
    with pytest.raises(ConfigError, match="already holds a run; add --resume"):
        train_run(CORRIDOR, tmp_path)
    assert (tmp_path / "run.toml").read_text() == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("trainer.learning_rate=1", r"\[trainer\] has no key 'learning_rate'"),
        ("credit.name=hpgo", "did you mean 'hgpo'"),
        ("loop.steps=many", r"loop.steps = 'many' is of the wrong type"),
        ("lop.steps=2", r"no section \[lop\]; did you mean 'loop'"),
        ("env.lenght=2", "does not take 'lenght'"),
        ("env.length=2", r"\[env\] a corridor needs at least 3 cells"),
        ("pool.worker=2", r"\[pool\] has no key 'worker'"),
        ("eval.evry=2", r"\[eval\] has no key 'evry'"),
        ("warm_start.epsodes=2", r"\[warm_start\] has no key 'epsodes'"),
    ],
)
def test_a_wrong_key_is_named_before_anything_runs(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        train_run(override(CORRIDOR, ["warm_start.episodes=8", change]), tmp_path / "run")
    assert not (tmp_path / "run" / "run.toml").exists()


def test_killing_an_environment_process_changes_nothing_but_a_counted_failure(tmp_path, capsys):
    workers = ["pool.workers=2", "pool.slots=32", "sampler.retries=50"]
    run = override(CORRIDOR, [*workers, "engine.name=hf", "engine.gather_s=inf", "loop.steps=12"])
    train_run(run, tmp_path / "calm")
    killer = Thread(target=kill_workers_until_an_episode_fails, args=[tmp_path / "harmed" / "metrics.jsonl"])
    killer.start()
    train_run(run, tmp_path / "harmed")
    killer.join()
    calm, harmed = (
        [line for line in train_lines(tmp_path / name) if line["stage"] == "train"]
        for name in ("calm", "harmed")
    )
    assert sum(line["failed"] for line in calm) == 0
    assert sum(line["failed"] for line in harmed) > 0
    assert [line["success"] for line in harmed] == [line["success"] for line in calm]
    assert [line["sampled_tokens"] for line in harmed] == [line["sampled_tokens"] for line in calm]
    assert "attempts failed and were made again" in capsys.readouterr().out


def kill_workers_until_an_episode_fails(metrics: Path) -> None:
    """A worker that is killed between two rollouts harms nobody, so both are killed, at two moments of a step."""
    done: list[dict[str, Any]] = []
    killed_after = 0
    while not any(step["failed"] for step in done) and len(done) < 12:
        for worker in active_children() if len(done) > killed_after else []:
            worker.kill()
            time.sleep(0.15)
        killed_after = len(done)
        time.sleep(0.02)
        lines = train_lines(metrics.parent) if metrics.exists() else []
        done = [line for line in lines if line["stage"] == "train"]


@pytest.mark.slow
def test_ctrl_c_stops_after_the_step_and_the_run_goes_on_from_there(tmp_path):
    run = override(CORRIDOR, ["loop.steps=200", "loop.save_every=100", "eval.every=1000"])
    (tmp_path / "corridor.toml").write_text(dump(run))
    command = [
        sys.executable,
        "-m",
        "turngym.core.cli",
        "train",
        str(tmp_path / "corridor.toml"),
        f"out={tmp_path / 'out'}",
    ]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    metrics = tmp_path / "out" / "metrics.jsonl"
    while not (metrics.exists() and '"stage": "train"' in metrics.read_text()):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    steps = [line["step"] for line in train_lines(tmp_path / "out") if line["stage"] == "train"]
    assert 1 <= steps[-1] < 200
    assert weights(tmp_path / "out", steps[-1])
    last = steps[-1]
    train_run(override(run, [f"loop.steps={last + 1}"]), tmp_path / "out", resume=True)
    assert [line["step"] for line in train_lines(tmp_path / "out") if line["stage"] == "train"] == [
        *steps,
        last + 1,
    ]
