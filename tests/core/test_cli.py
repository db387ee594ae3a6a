"""The command, called as from the shell but in this process."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from turngym.benchmarks.result import read_result
from turngym.core.cli import main
from turngym.core.episodes import read_episodes


def turngym(*arguments: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What went to the error stream: one line, no traceback."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("envs", "turngym/Corridor-v0"),
        ("agents", "window"),
        ("engines", "scripted"),
        ("credit", "hgpo"),
        ("trainers", "policy"),
        ("benchmarks", "household-small"),
        ("recipes", "quickstart"),
    ],
)
def test_list_shows_every_kind_with_its_names(
    kind: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turngym("list", kind) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].strip() == kind
    (row,) = [row for row in rows if row.startswith(f"{name} ")]
    assert len(row.split()) > 3  # a name and words about it


def test_an_unknown_kind_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert turngym("list", "agnets") == 2
    assert told(capsys).startswith("turngym: there is no kind 'agnets'; did you mean 'agents'?")


def test_check_prints_a_line_per_rule_and_succeeds_on_a_sound_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert turngym("check", "Corridor-v0", "env.length=6") == 0
    *rules, summary = capsys.readouterr().out.splitlines()
    assert len(rules) > 10
    assert all(rule.startswith("ok ") for rule in rules)
    assert summary == f"Corridor-v0: {len(rules)} rules kept, 0 broken"


def test_check_fails_on_an_environment_that_breaks_a_rule(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    assert turngym("check", "forgetful:Forgetful-v0") == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if line.startswith("broken")]
    assert any("resets agree" in line for line in broken)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Coridor-v0"], "no environment is called 'Coridor-v0'; did you mean 'turngym/Corridor-v0'?"),
        (
            ["Corridor-v0", "env.lenth=6"],
            "turngym/Corridor-v0 does not take 'lenth'; it takes length, expert",
        ),
        (["Corridor-v0", "env.length=2"], "a corridor needs at least 3 cells, got length=2"),
        (["Corridor-v0", "length=2"], "'length=2' is no override; write it as section.key=value"),
        (["Corridor-v0", "enw.length=2"], "a run has no section [enw]; did you mean 'env'?"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turngym("check", *arguments) == 2
    assert sentence in told(capsys)


def test_a_person_plays_by_number_and_by_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "1", "fly", "right", "2", "2")
    main_exit = turngym("play", "Corridor-v0", "--seed", "0")
    shown = capsys.readouterr().out
    assert main_exit == 0
    assert "You are in cell 3 of 5. The exit is to the right." in shown
    assert "= left\n" in shown
    assert "= fly  (invalid)\n" in shown
    assert "= right  (reward 1)\n" in shown
    assert shown.endswith("You are at the exit.\nwon after 5 turns, reward 1\n")


def test_a_person_may_ask_for_the_prompt_the_state_and_the_expert_and_leave(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "/state", "/expert", "1", "/prompt", "/what", "/quit")
    assert turngym("play", "Corridor-v0", "agent.window=1", "--seed", "0") == 0
    shown = capsys.readouterr().out
    assert "(3, 5)\n> right\n" in shown
    assert "[user]" in shown
    assert "Action 1: 'left'" in shown  # the window agent's history of the person's own action
    assert "/expert  what the expert would do" in shown
    assert shown.endswith("left\n")


def test_a_pipe_that_ends_leaves_the_game(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "1")
    assert turngym("play", "Corridor-v0") == 0
    assert capsys.readouterr().out.endswith("left\n")


def test_an_agent_without_a_model_plays_for_the_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert turngym("play", "Corridor-v0", "--agent", "expert", "--seed", "0") == 0
    assert capsys.readouterr().out.endswith("won after 2 turns, reward 1\n")


def test_run_prints_the_score_and_leaves_result_and_episodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "expert"
    assert (
        turngym("run", "corridor", "--agent", "expert", "--out", str(out), "pool.workers=0", "pool.slots=8")
        == 0
    )
    assert "100.0%  (95 % interval 98.5% to 100.0%)" in capsys.readouterr().out
    result = json.loads((out / "result.json").read_text())
    episodes, faults = read_episodes(out / "traces.jsonl.gz")
    assert result["metrics"]["success"]["mean"] == 1.0
    assert result["counts"]["lost"] == 0
    assert (len(episodes), faults) == (256, [])
    assert [episode.task.seed for episode in episodes] == [*range(1_000_000, 1_000_256)]


def test_run_does_not_overwrite_episodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "episodes.jsonl").write_text("precious\n")
    assert turngym("run", "corridor", "--out", str(tmp_path), "pool.workers=0") == 2
    assert told(capsys).endswith("already holds episodes.jsonl of something else; choose another --out")
    assert (tmp_path / "episodes.jsonl").read_text() == "precious\n"


def test_compare_says_who_is_better(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for agent in ("expert", "random"):
        out = str(tmp_path / agent)
        assert turngym("run", "corridor", "--agent", agent, "--out", out, "pool.workers=0") == 0
    capsys.readouterr()
    assert turngym("compare", str(tmp_path / "random"), str(tmp_path / "expert")) == 0
    assert capsys.readouterr().out.startswith("expert beats random\n")
    assert turngym("compare", str(tmp_path / "random"), str(tmp_path)) == 2
    assert "a result is a folder with result.json" in told(capsys)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["corrido"], "no plug-in for benchmarks is called 'corrido'; did you mean 'corridor'?"),
        (["corridor", "--agent", "exprt"], "no plug-in for agents is called 'exprt'; did you mean 'expert'?"),
        (
            ["corridor", "--agent", "window", "agent.widow=1"],
            "[agent] has no key 'widow'; did you mean 'window'?",
        ),
        (
            ["corridor", "sampler.timeout=soon"],
            "sampler.timeout = 'soon' is of the wrong type; it takes float | None",
        ),
        (["suite.toml"], "cannot read the run file suite.toml: No such file or directory"),
    ],
)
def test_a_mistake_in_run_is_told_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turngym("run", *arguments) == 2
    assert sentence in told(capsys)


def test_run_plays_a_model_from_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from turngym.trainers.models import tiny

    tiny(hidden=16, layers=1, heads=2, feed_forward=32).save(tmp_path / "model")
    suite = tmp_path / "suite.toml"
    suite.write_text('first = 0\ncount = 2\nmax_turns = 3\n[env]\nname = "turngym/Corridor-v0"\n')
    model, out = str(tmp_path / "model"), str(tmp_path / "out")
    options = ["--agent", "chat", "--model", model, "--out", out, "sampler.max_tokens=4", "pool.workers=0"]
    assert turngym("run", str(suite), *options) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["model"]["name"] == model
    assert len(result["model"]["digest"]) == 64
    assert result["trained_on"] == "unknown"
    assert 0 < result["metrics"]["tokens"]["mean"] <= 12
    call = next(read_result(tmp_path / "out").traces())["turns"][0]["calls"][0]
    assert "You are in cell" in call["prompt"]
    assert len(call["pieces"]) == len(call["action_ids"])


def test_a_folder_without_a_model_is_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    assert turngym("run", "corridor", "--agent", "chat", "--model", str(tmp_path)) == 2
    assert f"cannot load the model '{tmp_path}'" in told(capsys)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["quickstar"], "no recipe is called 'quickstar'; did you mean 'quickstart'?"),
        (["absent.toml"], "cannot read the run file absent.toml: No such file or directory"),
        (["quickstart", "steps"], "'steps' is no override; write it as section.key=value"),
    ],
)
def test_a_mistake_in_train_is_told_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turngym("train", *arguments) == 2
    assert sentence in told(capsys)


def test_doctor_names_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert turngym("doctor") == 0
    shown = capsys.readouterr().out
    assert "gymnasium" in shown
    assert "extra train" in shown
    assert "GB free" in shown


def test_training_without_its_extra_says_the_pip_line():
    absent = "import sys; sys.modules['torch'] = None"
    program = f"{absent}; from turngym.core.cli import main; main(['train', 'quickstart'])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 2
    assert "this needs the package 'torch': pip install 'turngym[train]'" in result.stderr
    assert "Traceback" not in result.stderr
