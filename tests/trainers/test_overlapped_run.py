"""Whole runs with rollouts ahead of training: they learn, stop, are killed, and go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from turngym.core.config import Table, dump, override
from turngym.trainers.checkpoint import newest
from turngym.trainers.run import train_run

CORRIDOR: Table = {
    "env": {"name": "turngym/Corridor-v0", "length": 6},
    "pool": {"workers": 0, "slots": 64},
    "agent": {"name": "chat"},
    "sampler": {"max_turns": 8, "max_tokens": 3},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "credit": {"name": "gigpo"},
    "trainer": {"name": "policy", "lr": 1e-3, "warmup": 10, "minibatch": 32, "normalise": "sequence"},
    "loop": {"steps": 4, "tasks_per_step": 8, "group_size": 8, "save_every": 1, "ahead": 1},
    "eval": {"tasks": 32, "every": 100},
}
WARM: Table = {
    "episodes": 64,
    "passes": 18,
    "noise": 0.5,
    "trainer": {"lr": 3e-3, "warmup": 2, "minibatch": 16},
}


def train_lines(out: Path) -> list[dict[str, Any]]:
    metrics = out / "metrics.jsonl"
    lines = map(json.loads, metrics.read_text().splitlines()) if metrics.exists() else ()
    return [line for line in lines if line["stage"] == "train"]


def started(run: Table, folder: Path, steps: int) -> subprocess.Popen[bytes]:
    """The run in a process of its own, that many steps later."""
    folder.mkdir(exist_ok=True)
    (folder / "corridor.toml").write_text(dump(run))
    command = [sys.executable, "-m", "turngym.core.cli", "train", str(folder / "corridor.toml")]
    process = subprocess.Popen([*command, f"out={folder / 'out'}"], env=os.environ | {"OMP_NUM_THREADS": "1"})
    while len(train_lines(folder / "out")) < steps:
        assert process.poll() is None
        time.sleep(0.05)
    return process


def test_a_run_goes_on_from_a_checkpoint_and_plays_again_what_was_under_way(tmp_path):
    for steps in (2, 4):
        train_run(override(CORRIDOR, [f"loop.steps={steps}"]), tmp_path, resume=steps > 2)
    lines = train_lines(tmp_path)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(line["staleness_max"] <= 1 for line in lines)
    assert lines[0]["staleness_max"] == lines[2]["staleness_max"] == 0


@pytest.mark.slow
def test_a_run_ahead_learns_the_corridor(tmp_path):
    larger = ["loop.steps=40", "loop.tasks_per_step=16", "loop.save_every=100", "loop.keep_equal=true"]
    run = override(CORRIDOR | {"warm_start": WARM}, [*larger, "pool.slots=128", "eval.tasks=128"])
    summary = train_run(run, tmp_path)
    assert summary["warm_start"]["success"] < 0.85
    assert summary["final"]["success"] >= 0.95
    lines = train_lines(tmp_path)
    assert max(line["staleness_max"] for line in lines) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_or_killed_goes_on(tmp_path, sent):
    run = override(CORRIDOR, ["loop.steps=500"])
    process = started(run, tmp_path, steps=2)
    process.send_signal(sent)
    assert process.wait(timeout=120) == (0 if sent is signal.SIGINT else -sent)
    last = newest(tmp_path / "out" / "checkpoints")
    assert last is not None
    done = int(last.name.removeprefix("step-"))
    summary = train_run(override(run, [f"loop.steps={done + 2}"]), tmp_path / "out", resume=True)
    assert summary["steps"] == done + 2
    assert [line["step"] for line in train_lines(tmp_path / "out")] == [*range(1, done + 3)]


@pytest.mark.slow
def test_a_second_ctrl_c_ends_the_run_at_once_and_no_process_is_left(tmp_path):
    run = override(CORRIDOR, ["loop.steps=500", "pool.workers=2", "pool.slots=32"])
    process = started(run, tmp_path, steps=1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert len(children) >= 2
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.1)
