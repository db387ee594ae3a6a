"""A result in the formats of Inspect AI and of the Hugging Face Hub."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.benchmarks.board.made import MODEL, attempt, halls, make, store

from turngym.benchmarks.board.export import export
from turngym.benchmarks.board.inspect_log import eval_log
from turngym.benchmarks.result import Record, read_result
from turngym.core.errors import ConfigError, UserError
from turngym.core.types import Status

WON = [True] * 40 + [False] * 19 + [None]


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return make(tmp_path / "result", WON, model=MODEL, trained_on="train_split", credit="hgpo")


def logged(folder: Path) -> Record:
    return eval_log(read_result(folder))


def test_an_episode_is_a_talk_of_observations_and_replies(result: Path) -> None:
    sample = logged(result)["samples"][0]
    assert sample["id"] == "turngym/Corridor-v0?seed=0"
    assert [(message["role"], message["content"]) for message in sample["messages"]] == [
        ("user", "A hall."),
        ("assistant", "east"),
        ("user", "A hall."),
        ("assistant", "east"),
        ("user", "A hall."),
        ("assistant", "east"),
        ("user", "Outside."),
    ]
    assert sample["model_usage"] == {
        "hf/weights/hgpo": {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21}
    }
    assert sample["scores"]["success"]["value"] == 1.0


def test_a_lost_episode_is_a_sample_with_an_error_and_no_success(result: Path) -> None:
    log = logged(result)
    sample = log["samples"][-1]
    assert sample["error"]["message"] == "env_error: the hall fell in"
    assert sample["scores"]["success"]["value"] == 0.0
    values = [one["scores"]["success"]["value"] for one in log["samples"]]
    assert log["results"]["scores"][0]["metrics"]["mean"]["value"] == pytest.approx(sum(values) / len(values))


def test_attempts_that_failed_are_retries_of_the_one_that_counts(tmp_path: Path) -> None:
    panel = halls(30)
    first, *others = [attempt(task, True) for task in panel.tasks]
    played = [attempt(panel.tasks[0], None), first, *others]
    sample, *rest = logged(store(tmp_path / "result", played, panel))["samples"]
    assert [error["message"] for error in sample["error_retries"]] == ["env_error: the hall fell in"]
    assert "error" not in sample
    assert len(rest) == 29


def test_an_episode_that_was_cut_off_says_by_which_limit(tmp_path: Path) -> None:
    panel = halls(30, max_turns=3)
    cut = attempt(panel.tasks[0], False)
    cut.turns[-1].terminated, cut.status = False, Status.TURN_LIMIT
    played = [cut, *(attempt(replace(task), True) for task in panel.tasks[1:])]
    assert logged(store(tmp_path / "result", played, panel))["samples"][0]["limit"] == {
        "type": "turn",
        "limit": 3,
    }


def test_inspect_reads_the_log(result: Path, tmp_path: Path) -> None:
    inspect_log = pytest.importorskip("inspect_ai.log")
    export(result, "inspect", tmp_path / "log.json")
    log = inspect_log.read_eval_log(str(tmp_path / "log.json"))
    assert (log.status, log.eval.task, log.eval.model) == ("success", "halls", "hf/weights/hgpo")
    assert log.results.scores[0].metrics["mean"].value == pytest.approx(40 / 60)
    assert len(log.samples) == 60
    assert log.samples[0].messages[1].text == "east"
    assert log.samples[-1].error.message == "env_error: the hall fell in"
    assert log.eval.metadata["turngym"]["id"] == read_result(result).id
    export(result, "inspect", tmp_path / "logs")
    assert [info.task for info in inspect_log.list_eval_logs(str(tmp_path / "logs"))] == ["halls"]
    inspect_log.write_eval_log(log, str(tmp_path / "again.eval"))
    assert len(inspect_log.read_eval_log(str(tmp_path / "again.eval")).samples) == 60


def test_the_hub_reads_the_entry(result: Path, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    yaml = pytest.importorskip("yaml")
    export(result, "hub", tmp_path / "halls.yaml", dataset="acme/halls", url="https://example.org/board")
    (entry,) = hub.parse_eval_result_entries(
        yaml.safe_load((tmp_path / "halls.yaml").read_text(encoding="utf-8"))
    )
    assert (entry.dataset_id, entry.task_id, entry.date) == ("acme/halls", "halls", "2026-11-23")
    assert entry.value == pytest.approx(40 / 60)
    assert entry.source_url == "https://example.org/board"
    record = read_result(result).record
    for told in (
        "n = 60 tasks",
        "seed 0",
        "lost episodes 1",
        "credit hgpo",
        record["id"],
        record["panel"]["digest"],
    ):
        assert told in entry.notes


def test_a_result_that_tells_no_success_has_no_entry_on_the_hub(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    played = [attempt(task, True, told=False) for task in halls(30).tasks]
    with pytest.raises(UserError, match="tells no success"):
        export(store(tmp_path / "result", played, halls(30)), "hub", tmp_path / "x.yaml")


def test_a_tampered_result_is_not_exported(result: Path, tmp_path: Path) -> None:
    path = result / "result.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 7'), encoding="utf-8")
    with pytest.raises(UserError, match="is not what it says"):
        export(result, "inspect", tmp_path / "log.json")
    assert not (tmp_path / "log.json").exists()


def test_an_unknown_format_and_a_file_that_is_there_are_told(result: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'inspect'"):
        export(result, "inspct", tmp_path / "log.json")
    (tmp_path / "log.json").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="is there already"):
        export(result, "inspect", tmp_path / "log.json")
    assert json.dumps((tmp_path / "log.json").read_text(encoding="utf-8")) == '"mine"'
