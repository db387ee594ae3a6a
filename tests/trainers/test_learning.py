"""Every credit method, with both context styles, learns the corridor from a weak warm start."""

from __future__ import annotations

import pytest

from turngym.core.config import Table, override
from turngym.trainers.run import train_run

CORRIDOR: Table = {
    "env": {"name": "turngym/Corridor-v0", "length": 6},
    "pool": {"workers": 0, "slots": 128},
    "sampler": {"max_turns": 8, "max_tokens": 3},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "warm_start": {
        "episodes": 64,
        "passes": 18,
        "noise": 0.5,
        "trainer": {"lr": 3e-3, "warmup": 2, "minibatch": 16},
    },
    "trainer": {"name": "policy", "lr": 1e-3, "warmup": 10, "minibatch": 32, "normalise": "sequence"},
    "loop": {"steps": 40, "tasks_per_step": 16, "group_size": 8, "save_every": 100, "keep_equal": True},
    "eval": {"tasks": 128, "every": 100},
}
AGENTS = {
    "chat": {"name": "chat"},
    "window": {"name": "window", "window": 0, "reply": "plain", "admissible": False, "role": ""},
}
METHODS = ("grpo", "dr_grpo", "rloo", "reinforce_pp", "reinforce_pp_baseline", "gigpo", "hgpo", "gae")


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("method", METHODS)
def test_a_credit_method_learns_the_corridor(tmp_path, method, agent):
    critic = (
        ["trainer.critic=trunk", "trainer.value_lr=1e-2", "credit.gamma=0.9", "credit.lam=0.9"]
        if method == "gae"
        else []
    )
    run = override(CORRIDOR | {"agent": AGENTS[agent], "credit": {"name": method}}, critic)
    summary = train_run(run, tmp_path)
    assert summary["warm_start"]["success"] < 0.85
    assert summary["final"]["success"] >= 0.95
