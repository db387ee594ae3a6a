"""The speed suite's arithmetic and tables, and one real run at the smallest size."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from turngym.benchmarks.speed import __main__ as suite
from turngym.benchmarks.speed.shapes import SHAPES, flops, llama
from turngym.benchmarks.speed.tables import report

ABOUT: dict[str, Any] = {
    "machine": {"processor": "abacus", "cores": 2},
    "settings": {"shape": "tiny", "precision": "fp32", "threads": 1},
    "model": {"parameters": 1_000_000, "tokenizer": "bytes"},
    "batch": {"sequences": 4, "tokens": 100, "sampled": 20, "in_tree": 60},
}


def test_operations_of_an_update_are_six_for_every_weight_and_token() -> None:
    trunk = llama("tiny").get_decoder()
    weights = sum(p.numel() for name, p in trunk.named_parameters() if "_proj" in name)
    head = SHAPES["tiny"]["vocab_size"] * SHAPES["tiny"]["hidden_size"]
    assert flops("tiny", tokens=100, predicted=7) == 6 * (weights * 100 + head * 7)


def test_parts_of_a_step_add_up_to_the_whole_in_the_table() -> None:
    step = {"parts": {"rollout": 3.0, "update": 0.9}, "wall": 4.0, "sampled": 10, "peak_mib": 1.0}
    lines = report(ABOUT | {"step": {"one step": step}}).splitlines()
    assert "| rollout | 3.00 | 75.0% |" in lines
    assert "| not accounted for | 0.10 | 2.5% |" in lines


def test_what_is_not_installed_is_left_out_with_a_word() -> None:
    ours = {"seconds": 2.0, "tokens_per_second": 50.0, "of_matmul_rate": 0.5, "peak_mib": 7.0}
    sides = {"turngym, tree": ours, "TRL GRPOTrainer": {"left out": "give --trl-python"}}
    text = report(ABOUT | {"update": sides})
    assert "| turngym, tree | 50 | - | 50% | - | 7 MiB |" in text
    assert "Left out: TRL GRPOTrainer (give --trl-python)." in text


def test_a_ratio_above_one_says_how_many_times_faster_than_trl() -> None:
    fast = {"seconds": 2.0, "tokens_per_second": 60.0, "peak_mib": 7.0}
    slow = {"seconds": 6.0, "tokens_per_second": 20.0, "peak_mib": 9.0}
    text = report(ABOUT | {"update": {"turngym, tree": fast, "TRL GRPOTrainer": slow}})
    assert "| turngym, tree | 60 | 3.00 x | - | - | 7 MiB |" in text
    assert "| TRL GRPOTrainer | 20 | 1.00 x | - | - | 9 MiB |" in text


def test_the_last_words_of_a_part_that_fails_are_kept(tmp_path: Path) -> None:
    settings = {"threads": 1}
    told = suite.measured(sys.executable, "turngym.benchmarks.speed.no_such_module", "update", settings)
    assert "no_such_module" in told["left out"]


@pytest.mark.slow
def test_a_run_at_the_smallest_size_wastes_nothing_and_is_exact(tmp_path: Path) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    small = "--shape tiny --rounds 1 --repeats 1 --samples 8 --turns 2 --episodes 4 --parts rollout exactness step"
    suite.main([*small.split(), "--out", str(tmp_path)])
    found = json.loads((tmp_path / "speed.json").read_text())
    assert found["rollout"]["turngym"]["waste"] == 0
    assert (
        found["rollout"]["turngym"]["sampled"] == found["rollout"]["lock-step loop"]["sampled"] == 4 * 2 * 16
    )
    assert found["exactness"]["tree against rows"]["logprob_error"] < 1e-5
    assert found["exactness"]["tree against rows"]["gradient_error"] < 1e-5
    parts = found["step"]["one step"]
    assert sum(parts["parts"].values()) == pytest.approx(parts["wall"], rel=0.05)
    assert "unused tokens" in (tmp_path / "speed.md").read_text()
