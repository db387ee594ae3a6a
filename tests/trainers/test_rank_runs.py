"""Whole runs on two real ranks: the corridor, a transformer of a few thousand parameters, gloo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.trainers import ranks
from tests.trainers.test_run import CORRIDOR, train_lines, weights

from turngym.core.config import Table, dump, override
from turngym.trainers import checkpoint
from turngym.trainers.checkpoint import CheckpointError
from turngym.trainers.run import train_run

COMMAND = ["-m", "turngym.core.cli", "train"]
RUN: Table = override(CORRIDOR, ['engine={name="hf", gather_s=inf}', "eval.tasks=8", "loop.save_every=1"])


WARM_START = "warm_start={episodes=128, passes=4, noise=0.1, trainer={lr=1e-2, warmup=2}}"


def file_of(run: Table, folder: Path) -> str:
    path = folder / "mine.toml"
    path.write_text(dump(run))
    return str(path)


def alike(first: list[dict[str, Any]], second: list[dict[str, Any]], tolerance: float) -> None:
    """Equal lines of metrics, up to rounding where they hold fractions."""
    assert len(first) == len(second)
    for one, two in zip(first, second, strict=True):
        assert one.pop("stage") == two.pop("stage")
        assert two == pytest.approx(one, rel=tolerance, abs=tolerance)


def distance(first: Path, second: Path, step: int) -> float:
    one, two = weights(first, step), weights(second, step)
    return max(float((one[name] - two[name]).detach().abs().max()) for name in one)


def wait_for(happened: Callable[[], bool], seconds: float = 400) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_torchrun_trains_a_run_file_as_one_process_does(tmp_path, parallel):
    # The warm start, the episodes and the updates are shared; only sums are made in another order. 19 optimizer steps
    # move a weight by up to 1e-2 each.
    run = override(RUN, ["loop.steps=3", WARM_START, f"trainer.parallel={parallel}"])
    train_run(run, tmp_path / "one")
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", *COMMAND]
    done = subprocess.run(
        [sys.executable, "-m", *launch, file_of(run, tmp_path), f"out={tmp_path / 'two'}"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("step 0: held-out success") == 1  # one rank speaks
    one, two = train_lines(tmp_path / "one"), train_lines(tmp_path / "two")
    assert any(line.get("grad_norm") for line in one)
    alike(one, two, 1e-3)
    assert distance(tmp_path / "one", tmp_path / "two", 3) < 1e-3
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        path.name for path in (tmp_path / "two").iterdir()
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_run_goes_on_with_another_number_of_ranks(tmp_path, parallel):
    run = override(RUN, ["loop.steps=6", f"trainer.parallel={parallel}"])
    train_run(run, tmp_path / "whole")
    out = tmp_path / "parts"
    train_run(override(run, ["loop.steps=2"]), out)
    resume = [*COMMAND, file_of(override(run, ["loop.steps=4"]), tmp_path), f"out={out}", "--resume"]
    ranks.run(2, *resume)
    train_run(run, out, resume=True)
    assert distance(tmp_path / "whole", out, 6) < 1e-4
    trained = [
        [line for line in train_lines(each) if line["stage"] == "train"] for each in (tmp_path / "whole", out)
    ]
    alike(*trained, 1e-3)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_when_a_rank_is_lost_the_others_say_so_and_the_checkpoint_stands(tmp_path, blow):
    run = override(RUN, ["loop.steps=500", "loop.rank_timeout=20", "eval.every=1000"])
    out = tmp_path / "run"
    started = ranks.start(2, *COMMAND, file_of(run, tmp_path), f"out={out}")
    try:
        wait_for(lambda: (checkpoint.newest(out / "checkpoints") or Path("none")).name >= "step-000002")
        started[1].send_signal(blow)
        _, error = started[0].communicate(timeout=120)
    finally:
        for rank in started:
            rank.kill()
            rank.wait()
    assert started[0].returncode == 2
    assert "Traceback" not in error
    assert "turngym: rank 0 lost the others: one ended, or was silent for 20 s" in error
    last = checkpoint.newest(out / "checkpoints")
    assert last is not None
    done = checkpoint.read(last)[0]["step"]
    train_run(override(run, [f"loop.steps={done + 1}"]), out, resume=True)
    assert [line["step"] for line in train_lines(out) if line["stage"] == "train"] == list(range(1, done + 2))


RAISING = """
import asyncio, sys
from turngym.core.types import Task
from turngym.envs.corridor import Corridor
from turngym.envs.pool import Pool
from turngym.trainers import distributed
from turngym.trainers.spread import SpreadSampler

class Agent:
    async def act(self, obs, info, llm):
        if distributed.rank() == 1:
            raise LookupError("no map")
        return "left"

with distributed.joined(timeout=60), Pool(Corridor, workers=0) as pool:
    sampler = SpreadSampler(pool=pool, agent=Agent, max_turns=2)
    tasks = [Task(env="turngym/Corridor-v0", seed=seed) for seed in range(4)]
    try:
        asyncio.run(sampler.collect(tasks, 1, 0))
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_what_one_rank_raises_all_ranks_hear():
    said = ranks.run(2, "-c", RAISING)
    assert said == ["RankLost rank 1 stopped while it played: LookupError: no map\n", "LookupError no map\n"]


@pytest.mark.parametrize("change", ["model.hidden=64", "model.layers=1"])
def test_a_checkpoint_of_another_model_is_refused_in_one_sentence(tmp_path, change):
    short = override(RUN, ["loop.steps=1"])
    train_run(short, tmp_path)
    before = weights(tmp_path, 1)
    with pytest.raises(
        CheckpointError, match=r"was made with \[model\] .* and this run names .*; resume with"
    ):
        train_run(override(short, [change, "loop.steps=2"]), tmp_path, resume=True)
    assert all(torch.equal(weight, before[name]) for name, weight in weights(tmp_path, 1).items())


def test_weights_in_bf16_learn_as_fp32_masters_that_a_checkpoint_keeps(tmp_path):
    train_run(override(RUN, ["loop.steps=1"]), tmp_path / "start")
    start = str(tmp_path / "start/checkpoints/step-000001/policy")
    model = f'model={{name="pretrained", path="{start}", dtype="bfloat16"}}'
    run = override(RUN, [model, "trainer.lr=1e-4", "trainer.precision=bf16", "loop.steps=4"])
    train_run(run, tmp_path / "whole")
    for steps in (2, 4):
        train_run(override(run, [f"loop.steps={steps}"]), tmp_path / "parts", resume=steps > 2)
    assert distance(tmp_path / "whole", tmp_path / "parts", 4) == 0
    masters = checkpoint.read(tmp_path / "parts/checkpoints/step-000004")[1]["trainer"]["masters"]
    kept = weights(tmp_path / "parts", 4)
    assert {weight.dtype for weight in masters.values()} == {torch.float32}
    assert all(torch.equal(masters[name].bfloat16(), kept[name].bfloat16()) for name in kept)
    assert not all(torch.equal(masters[name], kept[name].float()) for name in kept)
