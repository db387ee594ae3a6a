"""Stepping stored actions again in the real environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.forgery import Flaky, Forgery, suite, take

from turngym import envs
from turngym.benchmarks import audit, load_suite, strict
from turngym.benchmarks.levels import read_level
from turngym.benchmarks.replay import choose, replay
from turngym.core.cli import main
from turngym.core.errors import ConfigError
from turngym.envs.corridor import Corridor

IN_PROCESS = {"workers": 0, "slots": 2}


@pytest.fixture
def walks(results: Path, tmp_path: Path) -> Forgery:
    return take(results / "walks", results, tmp_path / "copy")


def test_a_replay_of_all_attempts_is_a_level_of_its_own(walks, capsys):
    assert audit.replayed(walks.folder, walks.suite, pool=IN_PROCESS)
    assert read_level(walks.folder, walks.record["id"]) == "replayed"
    assert "12 of 12 stepped" in capsys.readouterr().out


def test_a_replay_of_some_attempts_is_told_and_is_no_full_replay(walks, capsys):
    assert audit.replayed(walks.folder, walks.suite, sample=5, pool=IN_PROCESS)
    assert read_level(walks.folder, walks.record["id"]) == "recomputed"
    assert "5 of 12 stepped" in capsys.readouterr().out
    said = json.loads((walks.folder / "verified.json").read_text())
    assert (said["episodes"], said["replayed"]) == (12, 5)


def test_a_sample_depends_on_seed_and_result_and_on_nothing_else(walks):
    chosen = choose(walks.record, 12, 5, seed=0)
    assert len(chosen) == 5
    assert chosen == choose(walks.record, 12, 5, seed=0)
    assert chosen < choose(walks.record, 12, 6, seed=0)
    assert chosen != choose(walks.record, 12, 5, seed=1)
    assert chosen != choose({"id": "another"}, 12, 5, seed=0)
    assert choose(walks.record, 12, None, seed=0) == set(range(12))


def test_every_attempt_is_stepped_once(walks):
    replayed = walks.replayed()
    assert (replayed.episodes, replayed.turns) == (12, sum(len(trace["turns"]) for trace in walks.traces))


def test_a_forged_episode_lowers_the_level_and_is_named(walks, capsys):
    trace = next(trace for trace in walks.traces if not trace["success"])
    trace.update(success=True, score=1.0)
    walks.recompute()
    assert not audit.replayed(walks.folder, walks.suite, pool=IN_PROCESS)
    line = walks.traces.index(trace) + 1
    said = f"traces.jsonl.gz line {line}: the end has success True; the environment gives False"
    assert said in capsys.readouterr().out
    assert read_level(walks.folder, strict.record(walks.folder)["id"]) == "self"


def test_a_panel_that_is_not_known_here_is_not_played(walks):
    with pytest.raises(ConfigError, match=r"no panel called 'walks' is known here.*--suite FILE\.toml"):
        audit.replayed(walks.folder, pool=IN_PROCESS)


def test_the_environment_is_never_the_one_that_the_file_asks_for(walks, tmp_path):
    made: list[Any] = []

    class Trap(Corridor):
        def __init__(self, **kwargs: Any) -> None:
            made.append(kwargs)
            super().__init__(**kwargs)

    if "test/Trap-v0" not in envs.registry.names():
        envs.register("test/Trap-v0", Trap)
    walks.record["panel"]["env"] = {"name": "test/Trap-v0"}
    walks.rehash()
    assert not audit.replayed(walks.folder, walks.suite, pool=IN_PROCESS)
    assert made == []


def test_another_panel_is_refused_with_both_digests(walks, results):
    record = strict.record(walks.folder)
    with envs.Pool("turngym/Corridor-v0", workers=0) as pool:
        other = load_suite(results / "spoken.toml")
        with pytest.raises(ConfigError, match="give the suite it was played on, as --suite"):
            replay(walks.folder, record, other, pool, {0})


def test_an_environment_that_came_to_behave_differently_is_seen(walks, monkeypatch):
    monkeypatch.setattr(Corridor, "_look", lambda self: f"You stand in cell {self.cell}.")
    replayed = walks.replayed()
    assert len(replayed.differences) == 12
    assert all("turn 1 has obs" in difference for difference in replayed.differences)


def test_an_environment_that_breaks_is_a_difference_of_that_episode_alone(results, tmp_path):
    flaky = take(results / "flaky", results, tmp_path / "copy")
    Flaky.broken = set()
    differences = flaky.replayed().differences
    assert 1 <= len(differences) <= 2  # the two attempts at the third house
    assert all("the environment failed" in difference for difference in differences)


def test_states_that_differ_from_process_to_process_are_not_compared(walks, monkeypatch):
    class Here:
        """A state whose `repr` holds an address."""

    original = Corridor._info
    monkeypatch.setattr(
        Corridor, "_info", lambda self, valid: {**original(self, valid), "state": (self.cell, Here())}
    )
    assert walks.replayed().differences == []


def test_the_command_replays_in_processes_of_its_own(results, tmp_path, capsys):
    homes = take(results / "homes", results, tmp_path / "copy")
    arguments = ["replay", str(homes.folder), "--suite", str(suite("homes", tmp_path)), "--sample", "2"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "pool.workers=1"])
    assert ended.value.code == 0
    assert "2 of 4 stepped" in capsys.readouterr().out


def test_versions_that_differ_are_told_and_are_no_difference(walks, capsys):
    walks.record["env"]["packages"]["gymnasium"] = "0.1"
    walks.rehash()
    assert audit.replayed(walks.folder, walks.suite, pool=IN_PROCESS)
    assert "it was played with 'gymnasium' '0.1'; here is" in capsys.readouterr().out
