"""What a RUN on disk may be."""

from __future__ import annotations

import pytest
from tests.benchmarks.viewer.episodes import WALKS, training, write

from turngym.benchmarks.result import write_result
from turngym.benchmarks.viewer.curves import curves
from turngym.benchmarks.viewer.runs import find
from turngym.core.errors import ConfigError


def test_a_training_run_has_episodes_curves_and_what_its_summary_says(tmp_path):
    run = find(training(tmp_path / "hgpo-0"))
    assert (run.name, run.episodes.name, run.metrics.name) == ("hgpo-0", "episodes.jsonl", "metrics.jsonl")
    assert run.facts == (("credit", "hgpo"), ("seed", "3"), ("at the end", "75.0% (95 %: 50.0% to 100.0%)"))


def test_a_result_has_the_traces_and_what_it_measured(tmp_path):
    success = {"mean": 0.5, "low": 0.25, "high": 0.75, "n": 4, "method": "wilson"}
    record = {
        "panel": {"name": "corridor"},
        "agent": {"name": "react"},
        "model": None,
        "metrics": {"success": success, "error_rate": {"mean": 0.125}, "score": None},
    }
    write_result(tmp_path / "mine", record, rows=[], traces=[])
    run = find(tmp_path / "mine")
    assert (run.episodes.name, run.metrics) == ("traces.jsonl.gz", None)
    assert run.facts == (
        ("panel", "corridor"),
        ("agent", "react"),
        ("success", "50.0% (95 %: 25.0% to 75.0%)"),
        ("error rate", "12.5%"),
    )


@pytest.mark.parametrize("name", ["episodes.jsonl", "other.jsonl.gz"])
def test_a_file_of_episodes_is_a_run(tmp_path, name):
    run = find(write(tmp_path / "mine" / name, WALKS))
    assert (run.name, run.episodes.name, run.metrics) == (f"mine/{name}", name, None)


def test_a_file_of_metrics_is_a_run_without_episodes(tmp_path):
    run = find(training(tmp_path / "hgpo-0") / "metrics.jsonl")
    assert (run.name, run.episodes) == ("hgpo-0", None)


def test_a_summary_that_is_no_json_hides_no_episodes(tmp_path):
    (training(tmp_path / "run") / "summary.json").write_text("{")
    run = find(tmp_path / "run")
    assert run.facts == ()
    assert run.episodes is not None


def test_what_is_no_run_is_told_in_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="there is no run"):
        find(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="is no run: it has neither"):
        find(tmp_path)
    (tmp_path / "result.json").write_text('{"schema": 1}')
    write(tmp_path / "episodes.jsonl", [])
    with pytest.raises(ConfigError, match=r"a result without traces\.jsonl\.gz"):
        find(tmp_path)


def test_curves_are_columns_per_stage_with_gaps_where_nothing_was_said(tmp_path):
    logged = curves(training(tmp_path) / "metrics.jsonl")
    assert logged == {
        "stages": {
            "warm start": {"step": [1], "cloning_loss": [0.5]},
            "train": {"step": [1, 2], "success": [0.25, 0.5], "loss": [None, 0.125]},
            "eval": {"step": [2], "success": [0.75], "low": [0.5], "high": [1.0]},
        },
        "faults": [],
    }


def test_a_broken_line_of_metrics_is_told_and_the_rest_is_drawn(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2}\n{\n[]\n{"loss": 1}\n\n{"step": 2, "loss": 1}')
    logged = curves(path)
    assert logged["stages"] == {"train": {"step": [1, 2], "loss": [2, 1]}}
    assert [fault[:20] for fault in logged["faults"]] == [f"metrics.jsonl line {n}" for n in (2, 3, 4)]
