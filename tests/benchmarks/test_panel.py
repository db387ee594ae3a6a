"""A run leaves a result, goes on where it was stopped, and plays again only what is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from turngym.agents.rollout import Sampler
from turngym.benchmarks import Benchmark, entrant, numbered
from turngym.benchmarks.journal import ATTEMPTS, PLAN, Journal
from turngym.benchmarks.panel import play, player
from turngym.benchmarks.result import ResultError, Stored, read_result
from turngym.core.episodes import read_episodes
from turngym.core.errors import ConfigError
from turngym.core.types import Status
from turngym.envs import EnvFailure

ENV = {"name": "turngym/Corridor-v0"}
SECTIONS: dict[str, Any] = {
    "agent": {"name": "random"},
    "engine": {"name": "hf"},
    "pool": {"workers": 0, "slots": 4},
    "sampler": {},
}
TIMES = {"id", "seconds", "date", "files"}


def halls(**changes: Any) -> Benchmark:
    return numbered(
        **({"name": "halls", "env": ENV, "first": 0, "count": 6, "samples": 2, "max_turns": 9} | changes)
    )


def played(
    out: Path, *, seed: int = 0, breaks: int = 0, agent: dict[str, Any] | None = None, **changes: Any
) -> Stored:
    """Play in `out`; the first `breaks` leases of the environment fail."""
    chosen, sections = halls(**changes), SECTIONS | ({"agent": agent} if agent else {})
    with player(chosen, sections) as sampler:
        plan = entrant.plan(chosen, sections, sampler, seed=seed)
        sampler.pool = Breaking(sampler, breaks)
        return play(chosen, sampler, plan, out=out)


class Breaking:
    """A pool of which the first leases break."""

    def __init__(self, sampler: Sampler, breaks: int) -> None:
        self.pool, self.breaks = sampler.pool, breaks

    def lease(self) -> Any:
        if self.breaks:
            self.breaks -= 1
            raise EnvFailure("the floor gave way", "Traceback: ...")
        return self.pool.lease()


def timeless(stored: Stored) -> tuple[Any, Any, Any]:
    """All of a result but how long it took and when it was."""
    record = {key: value for key, value in stored.record.items() if key not in TIMES}
    record["metrics"] = record["metrics"] | {"seconds": None}
    rows = [one | {"seconds": None} for one in stored.rows]
    return record, rows, [one | {"seconds": None} for one in stored.traces()]


def test_a_run_leaves_a_result_and_nothing_else(tmp_path: Path) -> None:
    stored = played(tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "result.json",
        "episodes.jsonl",
        "traces.jsonl.gz",
    }
    assert read_result(tmp_path / "out") == stored
    assert stored.record["counts"] == {"tasks": 6, "episodes": 12, "counted": 12, "failed": 0, "lost": 0}
    assert [(one["seed"], one["member"]) for one in stored.rows] == [(n, m) for n in range(6) for m in (0, 1)]


def test_traces_are_episodes_with_the_actions_that_could_be_taken(tmp_path: Path) -> None:
    stored = played(tmp_path / "out")
    episodes, faults = read_episodes(tmp_path / "out" / "traces.jsonl.gz")
    assert not faults
    assert [(one.task.id, one.member) for one in episodes] == [
        (one["task"], one["member"]) for one in stored.rows
    ]
    assert all(turn.action in (turn.admissible or []) for one in episodes for turn in one.turns)


def test_a_run_without_a_folder_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = halls()
    with player(chosen, SECTIONS) as sampler:
        stored = play(chosen, sampler, entrant.plan(chosen, SECTIONS, sampler, seed=0))
    assert stored.record["counts"]["counted"] == 12
    assert not list(tmp_path.iterdir())


def test_a_finished_run_is_not_played_again(tmp_path: Path) -> None:
    first = played(tmp_path)
    assert played(tmp_path, breaks=100) == first


def test_lost_episodes_alone_are_played_again(tmp_path: Path) -> None:
    lost = played(tmp_path, breaks=6)  # both attempts at three episodes
    assert lost.record["counts"]["lost"] == 3
    kept = [one for one in lost.rows if one["counted"]]
    whole = played(tmp_path)
    assert whole.record["counts"]["lost"] == 0
    assert whole.record["counts"]["failed"] == lost.record["counts"]["failed"]
    assert all(one in whole.rows for one in kept)  # with their seconds: they were not played anew
    assert whole.record["failures"] == {"env_error: the floor gave way": lost.record["counts"]["failed"]}
    undisturbed = played(tmp_path / "undisturbed")
    counted = [one | {"seconds": None} for one in whole.rows if one["counted"]]
    assert counted == [one | {"seconds": None} for one in undisturbed.rows]


def test_failed_attempts_stand_before_the_one_that_counts(tmp_path: Path) -> None:
    rows = played(tmp_path, breaks=1).rows
    assert [one["status"] for one in rows[:2]] == [Status.ENV_ERROR, rows[1]["status"]]
    assert [one["counted"] for one in rows[:3]] == [False, True, True]
    assert (rows[0]["task"], rows[0]["member"]) == (rows[1]["task"], rows[1]["member"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seed": 1}, "holds a run with seed = 0, and this one has 1; choose another --out"),
        ({"count": 7}, "holds a run with panel.digest = "),
        ({"agent": {"name": "expert"}}, "holds a run with agent.name = 'random', and this one has 'expert'"),
    ],
)
@pytest.mark.parametrize("breaks", [0, 24])
def test_a_folder_of_another_run_is_refused(
    tmp_path: Path, change: dict[str, Any], sentence: str, breaks: int
) -> None:
    before = played(tmp_path, breaks=breaks)
    with pytest.raises(ConfigError) as refusal:
        played(tmp_path, **change)
    assert sentence in str(refusal.value)
    assert read_result(tmp_path) == before


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[loop]\n")
    with pytest.raises(ConfigError, match=r"already holds run\.toml of something else"):
        played(tmp_path)


def test_a_damaged_journal_is_refused_and_kept(tmp_path: Path) -> None:
    stop_in_the_middle(tmp_path)
    lines = (tmp_path / ATTEMPTS).read_bytes().splitlines(keepends=True)
    (tmp_path / ATTEMPTS).write_bytes(b"".join([lines[0], b"{}\n", *lines[2:]]))
    before = (tmp_path / ATTEMPTS).read_bytes()
    with pytest.raises(ResultError, match=r"attempts\.jsonl line 2 is no attempt"):
        played(tmp_path)
    assert (tmp_path / ATTEMPTS).read_bytes() == before


def stop_in_the_middle(out: Path) -> None:
    """Leave the journal of a run that ended after five attempts."""
    whole = played(out / "elsewhere")
    traces = [*whole.traces()]
    chosen = halls()
    with player(chosen, SECTIONS) as sampler:
        journal = Journal(out, entrant.plan(chosen, SECTIONS, sampler, seed=0))
    for one in traces[:5]:
        journal.add(one)
    journal.close()


@pytest.mark.parametrize("half", [b"", b'{"seconds": 1.5, "trace": {"env', b'{"seconds": 1}', b"\xff"])
def test_a_half_written_line_is_dropped_with_a_word(
    tmp_path: Path, half: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_in_the_middle(tmp_path)
    with (tmp_path / ATTEMPTS).open("ab") as file:
        file.write(half)
    again = played(tmp_path)
    said = capsys.readouterr().err
    assert (f"dropped a half-written last line of {len(half)} bytes" in said) == bool(half)
    assert "5 of 12 episodes are there; playing 7" in said
    assert timeless(again) == timeless(read_result(tmp_path / "elsewhere"))


def test_what_earlier_sessions_cost_is_counted(tmp_path: Path) -> None:
    stop_in_the_middle(tmp_path)
    trace = json.loads((tmp_path / ATTEMPTS).read_text().splitlines()[0])["trace"]
    plan = json.loads((tmp_path / PLAN).read_text())
    for spent in (0.5, 0.25):
        journal = Journal(tmp_path, plan)
        journal.add(trace, spent / 2)
        journal.add(trace, spent)
        journal.close()
    last = Journal(tmp_path, plan)
    assert last.cost == 0.75
    assert last.seconds > 0


def test_a_killed_run_goes_on_to_the_result_of_one_that_was_not(tmp_path: Path) -> None:
    suite = tmp_path / "slow.toml"
    suite.write_text('first = 0\ncount = 12\nmax_turns = 8\n[env]\nname = "slowly:Slowly-v0"\n')
    killed = start(suite, tmp_path / "killed")
    journal = tmp_path / "killed" / ATTEMPTS
    until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 3, killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "result.json").exists()
    with journal.open("ab") as file:
        file.write(b'{"seconds": 0.2, "tra')
    done = journal.read_bytes().count(b"\n")
    _, said = start(suite, tmp_path / "killed").communicate()
    assert "dropped a half-written last line of 21 bytes" in said
    assert f"{done} of 12 episodes are there; playing {12 - done}" in said
    start(suite, tmp_path / "whole").communicate()
    assert 3 <= done < 12
    assert timeless(read_result(tmp_path / "killed")) == timeless(read_result(tmp_path / "whole"))
    assert not journal.exists()


def start(suite: Path, out: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "turngym.core.cli",
        "run",
        str(suite),
        "--agent",
        "random",
        "--out",
        str(out),
    ]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, "pool.workers=0", "pool.slots=2"], stderr=subprocess.PIPE, text=True, env=env
    )


def until(reached: Any, running: subprocess.Popen[str]) -> None:
    while not reached():
        assert running.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
