"""The credit of a trained run is measured on its own policy's episodes, against the planner."""

from __future__ import annotations

import json

import numpy as np
import pytest

from turngym.benchmarks.credit_quality import Play, played
from turngym.core.config import Table
from turngym.core.errors import ConfigError
from turngym.trainers.credit_quality import main, replayed
from turngym.trainers.run import train_run

RUN: Table = {
    "env": {"name": "turngym/Household-v0", "size": "tiny", "split": "train"},
    "pool": {"workers": 0, "slots": 32},
    "agent": {"name": "chat"},
    "sampler": {"max_turns": 10, "max_tokens": 8, "max_context": 1024},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "warm_start": {"episodes": 64, "passes": 6, "noise": 0.3, "trainer": {"lr": 3e-3, "minibatch": 8}},
    "credit": {"name": "gae"},
    "trainer": {"name": "policy", "lr": 1e-3, "critic": "trunk", "normalise": "sequence"},
    "loop": {"steps": 1, "tasks_per_step": 4, "group_size": 4, "keep_equal": True},
    "eval": {"tasks": 4, "greedy": False},
}


def test_progress_made_again_from_stored_actions_is_the_progress_that_was_made():
    groups, progress = played(Play(size="tiny", tasks=3, members=3))
    assert np.array_equal(
        replayed(groups, {"name": "turngym/Household-v0", "size": "tiny"}), progress, equal_nan=True
    )


def test_a_runs_own_credit_stands_beside_that_of_methods_without_a_model(tmp_path, capsys):
    train_run(RUN, tmp_path / "run")
    main([str(tmp_path / "run"), "--tasks", "6", "--out", str(tmp_path / "figures.json")])
    found = json.loads((tmp_path / "figures.json").read_text())["run"]
    assert [figure["method"] for figure in found["figures"]][:2] == ["gae of this run", "grpo"]
    assert found["facts"]["groups"] == 6
    assert "gae of this run" in capsys.readouterr().out


def test_a_folder_without_a_checkpoint_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="holds no checkpoint; give the folder of a training run"):
        main([str(tmp_path)])
