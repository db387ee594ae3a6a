"""Running a result again from its own record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.forgery import PLAYERS, Forgery, play, take

from turngym.benchmarks import reproduce
from turngym.benchmarks.result import is_result
from turngym.benchmarks.strict import read
from turngym.core.cli import main
from turngym.core.errors import ConfigError


def again(forgery: Forgery, out: Path, *arguments: str) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", str(forgery.folder), "--suite", str(forgery.suite), "--out", str(out), *arguments])
    return int(str(ended.value.code))


@pytest.mark.parametrize("name", ["walks", "homes"])
def test_a_player_without_a_model_is_reproduced_exactly(name, results, tmp_path, capsys):
    first = take(results / name, results, tmp_path / "copy")
    assert again(first, tmp_path / "again", "pool.workers=0") == 0
    said = capsys.readouterr().out
    assert f"reproduced exactly: {len(first.rows)} of {len(first.rows)} attempts" in said
    assert "success  equal: " in said
    assert read(tmp_path / "again").record["seed"] == first.record["seed"]


@pytest.mark.parametrize("name", PLAYERS)
def test_equal_runs_are_equal_in_all_but_time(name, results, tmp_path):
    play(name, tmp_path / name, tmp_path)
    found = reproduce.compare(read(results / name), read(tmp_path / name))
    assert found.exact
    assert found.holds
    assert found.alike == found.episodes


def test_another_seed_comes_out_otherwise_within_the_intervals(results, tmp_path):
    play("walks", tmp_path / "walks", tmp_path, seed=1)
    found = reproduce.compare(read(results / "walks"), read(tmp_path / "walks"))
    assert not found.exact
    assert found.holds
    assert found.alike < found.episodes
    assert "reproduced within its intervals" in str(found)
    assert found.metrics["error_rate"].startswith("equal: 0 ")


def test_a_result_far_off_is_not_reproduced(results, tmp_path):
    won, lost = (take(results / "walks", results, tmp_path / name) for name in ("won", "lost"))
    for forged, success in ((won, True), (lost, False)):
        for trace in forged.traces:
            trace.update(success=success, score=float(success))
        forged.recompute()
    found = reproduce.compare(read(won.folder), read(lost.folder))
    assert not found.holds
    assert found.metrics["success"].startswith("apart: ")
    assert str(found).startswith("reproduced NOT")


def told(**sections: dict[str, Any]) -> dict[str, Any]:
    model = sections.get("model")
    return {
        "agent": {"name": "chat", "arguments": sections["agent"]},
        "model": model,
        "decoding": {"retries": 1},
    }


def test_the_sections_are_those_of_the_record_with_the_users_changes():
    model = {"name": "m", "engine": "hf", "arguments": {"batch": 4}, "digest": None}
    found = reproduce.sections(
        told(agent={"reply": "tags"}, model=model), ["pool.workers=0", "engine.batch=8"]
    )
    assert found == {
        "agent": {"name": "chat", "reply": "tags"},
        "engine": {"name": "hf", "batch": 8},
        "pool": {"workers": 0},
        "sampler": {"retries": 1},
    }


@pytest.mark.parametrize(
    "value",
    ["http://evil/v1", "/etc/passwd", "$SECRET", "~/key", "C:\\key", {"judge": {"url": "x://y"}}, ["a/b"]],
)
def test_what_may_lead_out_of_the_record_is_taken_from_the_user_alone(value):
    record = told(agent={"system": value})
    with pytest.raises(ConfigError, match=r"not followed on its own word; give agent\.system=VALUE"):
        reproduce.sections(record, [])
    assert reproduce.sections(record, ["agent.system=mine"])["agent"]["system"] == "mine"


def test_a_model_has_to_be_there_and_be_the_same(results, tmp_path):
    spoken = take(results / "spoken", results, tmp_path / "copy")
    with pytest.raises(ConfigError, match=r"played by the model 'some-model'; say where it is, as --model"):
        reproduce.check_model(spoken.record, None)
    with pytest.raises(ConfigError, match="played without a model"):
        reproduce.check_model({"model": None, "agent": {"name": "random"}}, "mine")
    weights = {"model": {"name": "some-model", "digest": "a" * 64}}
    with pytest.raises(ConfigError, match="give the folder with the same files"):
        reproduce.check_weights(weights, {"model": {"name": "mine", "digest": "b" * 64}})
    reproduce.check_weights(weights, weights)


def test_a_result_that_does_not_verify_is_not_run(results, tmp_path, capsys):
    forged = take(results / "walks", results, tmp_path / "copy")
    forged.record["metrics"]["success"]["mean"] = 1.0
    forged.rehash()
    assert again(forged, tmp_path / "again") == 2
    assert "is no sound result: metrics.success.mean is 1.0" in capsys.readouterr().err
    assert not is_result(tmp_path / "again")


def test_an_unknown_panel_asks_for_its_suite(results, tmp_path):
    walks = take(results / "walks", results, tmp_path / "copy")
    with pytest.raises(ConfigError, match="no panel called 'walks' is known here; give its suite"):
        reproduce.sound(walks.folder)
    with pytest.raises(ConfigError, match="and 'homes' has"):
        reproduce.sound(walks.folder, results / "homes.toml")
