"""Whole runs with learned credit: from a run file, through checkpoints, to the same bits."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch
from tests.shared import shared

from turngym.benchmarks.conformance_oprl import of_release
from turngym.core.config import Table, find_run, load_run, override
from turngym.core.errors import UserError
from turngym.credit import Learned
from turngym.trainers import checkpoint, losses
from turngym.trainers.run import rehearse, train_run
from turngym.trainers.setup import prepare

CORRIDOR: Table = {
    "env": {"name": "turngym/Corridor-v0", "length": 5},
    "pool": {"workers": 0, "slots": 64},
    "agent": {"name": "chat"},
    "sampler": {"max_turns": 6, "max_tokens": 3},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "engine": {"name": "hf", "gather_s": math.inf},
    "warm_start": {"episodes": 512, "passes": 2, "noise": 1.0, "trainer": {"lr": 1e-2, "warmup": 4}},
    "credit": {"name": "oprl", "lr": 1e-3},
    "trainer": {"name": "policy", "lr": 1e-3, "normalise": "sequence"},
    "loop": {"steps": 3, "tasks_per_step": 4, "group_size": 4, "save_every": 1},
    "eval": {"tasks": 8, "every": 10, "greedy": False},
}


def credit_state(out, step: int) -> dict[str, Any]:
    return checkpoint.read(out / "checkpoints" / f"step-{step:06d}")[1]["credit"]


def trained(out) -> list[dict[str, Any]]:
    """Metrics of the training steps without the clock's."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [
        {key: value for key, value in line.items() if not key.startswith("seconds")}
        for line in lines
        if line["stage"] == "train"
    ]


def same(a: Any, b: Any) -> bool:
    """Whether two states agree, tensors to the last bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize("change", ["credit.name=oprl", "credit.name=prime", "credit.backbone.lora=4"])
def test_a_run_that_is_resumed_learns_credit_bit_for_bit(tmp_path, change):
    run = override(CORRIDOR, [change])
    train_run(run, tmp_path / "whole")
    for steps in (1, 3):
        train_run(override(run, [f"loop.steps={steps}"]), tmp_path / "parts", resume=steps > 1)
    assert trained(tmp_path / "whole") == trained(tmp_path / "parts")
    assert same(credit_state(tmp_path / "whole", 3), credit_state(tmp_path / "parts", 3))
    assert sum(line.get("prm_updates", 0) for line in trained(tmp_path / "whole")) > 0


def test_the_reward_model_begins_as_the_policy_after_its_warm_start(tmp_path):
    train_run(override(CORRIDOR, ["loop.steps=1", "loop.keep_checkpoints=5"]), tmp_path)
    from transformers import AutoModelForCausalLM

    cloned = AutoModelForCausalLM.from_pretrained(tmp_path / "checkpoints" / "step-000000" / "policy")
    begun = credit_state(tmp_path, 0)["backbone"]
    assert all(torch.equal(begun[name], value) for name, value in cloned.state_dict().items())
    moved = credit_state(tmp_path, 1)["backbone"]
    assert any(not torch.equal(begun[name], moved[name]) for name in begun)


def test_a_reward_model_may_be_another_model_of_the_same_tokenizer(tmp_path):
    other = {"name": "tiny", "hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32}
    run = CORRIDOR | {"credit": {"name": "oprl", "backbone": {"model": other, "max_tokens": 512}}}
    with ExitStack() as stack:
        credit = prepare(run, stack).loop.credit
        assert isinstance(credit, Learned)
        assert credit.backbone.width == 16  # type: ignore[attr-defined]
        assert credit.backbone.max_tokens == 512  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("credit.bata=1", r"\[credit\] has no key 'bata'; did you mean 'beta'"),
        ("credit.form=mean", r"credit.form = 'mean' is of the wrong type"),
        ("credit.backbone.max_token=5", r"\[credit\.backbone\] has no key 'max_token'"),
        ("credit.backbone.model={name='tiny', hiden=3}", r"\[credit\.backbone\.model\] has no key 'hiden'"),
        ("credit.backbone={lora=4, model={name='tiny'}}", "has both lora and model"),
        ("credit.backbone={lora=0}", "give the adapters a rank of at least 1"),
        ("credit.backbone.model={hidden=3}", r"\[credit\.backbone\.model\] does not say which plug-in"),
    ],
)
def test_a_wrong_key_of_learned_credit_is_named_before_anything_runs(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        train_run(override(CORRIDOR, [change]), tmp_path / "run")
    assert not (tmp_path / "run" / "run.toml").exists()


def test_a_reward_model_of_another_tokenizer_is_refused(tmp_path):
    policy = CORRIDOR["model"] | {"seed": 0}
    run = CORRIDOR | {"model": policy}
    with ExitStack() as stack:
        setup = prepare(run | {"credit": {"name": "oprl", "backbone": {"model": {"name": "tiny"}}}}, stack)
        setup.policy.tokenizer.add_tokens(["one more"])
        with pytest.raises(UserError, match="choose a model with the policy's tokenizer"):
            setup.loop.credit.state_dict()  # type: ignore[attr-defined]


def test_the_recipe_can_be_rehearsed():
    assert rehearse(load_run(find_run("quickstart-oprl")))["credit"].startswith("OPRL(beta=0.05")


def test_the_policy_loss_reproduces_the_recorded_one():
    cases = json.loads(shared("vectors/oprl.json").read_text())["cases"]
    for case in cases:
        advantage = of_release(case)["A_rloo"]
        sizes = [len(row["prm"]) for row in case["rows"]]
        new, old = (
            torch.tensor([x for row in case["rows"] for x in row[side]], dtype=torch.float64)
            for side in ("prm", "old")
        )
        loss = losses.clipped(new - old, torch.tensor(np.repeat(advantage, sizes)), 0.2, 0.2, 3.0)
        assert float(loss.mean()) == pytest.approx(
            case["ref"]["policy_loss_token_mean"], rel=case["tol"], abs=case["tol"]
        )
