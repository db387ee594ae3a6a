"""SPA's stages in one run, and that stopping between or within them changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from turngym.core.config import ConfigError, Table, override
from turngym.core.episodes import read_episodes
from turngym.trainers.run import train_run

CORRIDOR: Table = {
    "env": {"name": "turngym/Corridor-v0", "length": 5},
    "pool": {"workers": 0, "slots": 64},
    "agent": {"name": "chat"},
    "sampler": {"max_turns": 8, "max_tokens": 3},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "warm_start": {
        "episodes": 64,
        "passes": 12,
        "noise": 0.5,
        "trainer": {"lr": 3e-3, "warmup": 2, "minibatch": 16},
    },
    "credit": {"name": "spa", "lr": 3e-3, "minibatch": 8, "base": {"name": "gae", "lam": 0.95}},
    "trainer": {"name": "policy", "lr": 3e-3, "critic": "trunk", "normalise": "sequence"},
    "loop": {"steps": 3, "tasks_per_step": 4, "group_size": 4, "save_every": 1, "keep_equal": True},
    "offline": {"tasks": 10, "passes": 2},
    "eval": {"tasks": 16, "every": 100},
}
EXPLORED, READY = 3, 10  # three steps of up to four tasks, two passes of three, one that redistributes


def train_lines(out: Path) -> list[dict[str, Any]]:
    """Training metrics without the clock's."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in line.items() if not k.startswith("seconds")} for line in lines]
    return [line for line in kept if line["stage"] == "train"]


def weights(out: Path, step: int) -> dict[str, Any]:
    from transformers import AutoModelForCausalLM

    folder = out / "checkpoints" / f"step-{step:06d}"
    model = AutoModelForCausalLM.from_pretrained(folder / "policy")
    return dict(model.named_parameters()) | torch.load(folder / "credit.pt", weights_only=True)["head"]


def rewards(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rewards.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("offline") / "whole"
    train_run(CORRIDOR, out)
    return out


def test_the_stages_come_one_after_the_other(whole):
    lines = train_lines(whole)
    assert [line["step"] for line in lines] == list(range(1, READY + 4))
    assert all("valid" in line and "spa_loss" not in line for line in lines[:EXPLORED])
    assert all("spa_loss" in line and "policy_loss" not in line for line in lines[EXPLORED : READY - 1])
    assert lines[READY - 1]["redistributed"] == 40
    assert all("policy_loss" in line and "spa_loss" not in line for line in lines[READY:])


def test_what_was_explored_is_kept_in_tokens_and_every_episode_has_its_rewards(whole):
    files = sorted((whole / "explored").glob("*.jsonl"))
    episodes = [episode for file in files for episode in read_episodes(file)[0]]
    assert len(episodes) == 40
    assert {episode.reward for episode in episodes} == {0.0, 1.0}
    assert all(call.action_ids for episode in episodes for turn in episode.turns for call in turn.calls)
    told = {(line["task"], line["member"]): line for line in rewards(whole)}
    for episode in episodes:
        line = told[episode.task.id, episode.member]
        assert line["grounded"] == [turn.valid for turn in episode.turns]
        expected = [c + 0.5 * g for c, g in zip(line["contribution"], line["grounded"], strict=True)]
        assert line["reward"] == pytest.approx(expected, abs=1e-12)


def test_exploring_and_fitting_leave_the_policy_as_it_is(tmp_path):
    train_run(override(CORRIDOR, ["loop.steps=0", "loop.keep_checkpoints=20"]), tmp_path)
    first, last = weights(tmp_path, 0), weights(tmp_path, READY)
    policy = [name for name in first if name.startswith("model.")]
    assert policy
    assert all(torch.equal(first[name], last[name]) for name in policy)
    assert any(not torch.equal(first[name], last[name]) for name in first.keys() - set(policy))


@pytest.mark.parametrize("stop", [2, 5, READY - 1, READY + 1])
def test_a_run_stopped_in_any_stage_goes_on_bit_for_bit(tmp_path, whole, stop, monkeypatch):
    from turngym.trainers import run

    class StopsThere(run.Report):
        def record(self, stage, step, metrics, total=None):
            super().record(stage, step, metrics, total)
            if stage == "train" and step == stop:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "Report", StopsThere)
        with pytest.raises(KeyboardInterrupt):
            train_run(CORRIDOR, tmp_path / "parts")
    train_run(CORRIDOR, tmp_path / "parts", resume=True)
    assert train_lines(tmp_path / "parts") == train_lines(whole)
    assert rewards(tmp_path / "parts") == rewards(whole)
    once, again = weights(whole, READY + 3), weights(tmp_path / "parts", READY + 3)
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_long_episodes_can_be_left_out_of_training(tmp_path):
    train_run(override(CORRIDOR, ["offline.max_turns=5", "loop.steps=3"]), tmp_path)
    lines = train_lines(tmp_path)
    assert max(line["turns"] for line in lines[:EXPLORED]) > 5
    assert all(0 < line["turns"] <= 5 for line in lines[READY:] if "turns" in line)
    assert sum(line["episodes"] for line in lines[READY:]) < 40


def test_the_released_progress_needs_no_estimator(tmp_path):
    train_run(override(CORRIDOR, ["credit.progress=leave_one_out", "loop.steps=1"]), tmp_path)
    assert len(train_lines(tmp_path)) == EXPLORED + 1 + 1
    assert all(len(set(line["contribution"])) == 1 for line in rewards(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("offline.task=2", r"\[offline\] has no key 'task'"),
        ("offline.passes=0", r"\[offline\] needs at least one task and one pass"),
        ('credit={name="grpo"}', r"\[offline\] fits progress, but \[credit\] is GRPO"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        train_run(override(CORRIDOR, [change]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_broken_file_of_episodes_is_named(tmp_path):
    train_run(override(CORRIDOR, ["loop.steps=0"]), tmp_path)
    (tmp_path / "explored" / "000001.jsonl").write_text("no episode\n")
    with pytest.raises(
        ConfigError, match=r"000001.jsonl line 1 is no episode: .*; remove .*plays its tasks again"
    ):
        train_run(override(CORRIDOR, ["loop.steps=1"]), tmp_path, resume=True)


@pytest.mark.slow
def test_what_was_stored_teaches_the_corridor(tmp_path):
    credit = [
        "credit.lr=1e-3",
        "credit.minibatch=16",
        "credit.beta=0.05",
        "credit.base.gamma=0.9",
        "credit.base.lam=0.9",
    ]
    longer = [
        "env.length=6",
        "offline.tasks=96",
        "offline.passes=4",
        "loop.steps=40",
        "loop.tasks_per_step=16",
    ]
    larger = ["loop.group_size=8", "warm_start.passes=18", "trainer.value_lr=1e-2", "eval.tasks=128"]
    larger += ["trainer.recompute=false", "trainer.lr=1e-3", "trainer.warmup=10", "trainer.minibatch=32"]
    summary = train_run(override(CORRIDOR, [*credit, *longer, *larger, "loop.save_every=100"]), tmp_path)
    assert summary["final"]["success"] > max(0.9, summary["warm_start"]["success"] + 0.05)
