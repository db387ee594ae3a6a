"""Credit of several methods on stored episodes, side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from turngym.benchmarks import credit_table
from turngym.benchmarks.credit_table import compare, counting, per_turn, read, regroup, tables
from turngym.core.episodes import write_episodes
from turngym.core.errors import ConfigError, UserError
from turngym.core.types import Call, Status, Task, Trajectory, Turn
from turngym.credit import Credits, Steps
from turngym.credit.anchor import HGPO
from turngym.credit.reinforce import ReinforcePP


def episode(seed: int, member: int, *rewards: float, tokens: int = 0, **kwargs: object) -> Trajectory:
    call = Call(prompt_ids=[1], action_ids=[2] * tokens, logprobs=[0.0] * tokens)
    turns = [
        Turn(obs="a room", action=f"go to [{n}]", reward=reward, state=n, calls=[call] if tokens else [])
        for n, reward in enumerate(rewards)
    ]
    task = Task(env="test", seed=seed)
    return Trajectory(task=task, member=member, turns=turns, success=sum(rewards) > 0, **kwargs)


STORED = [
    episode(7, 0, 0.0, 1.0),
    episode(3, 0, 0.0),
    episode(7, 1, 0.0, 0.0, 0.0),
    episode(3, 1, 1.0),
    episode(3, 2, status=Status.ENV_ERROR, error="the house burnt down"),
]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "episodes.jsonl"
    write_episodes(path, STORED)
    return path


def test_episodes_are_grouped_by_task_and_failed_ones_stand_apart():
    first, second = regroup(STORED)
    assert [one.member for one in first.trajectories] == [0, 1]
    assert [one.task.seed for one in second.trajectories] == [3, 3]
    assert [one.member for one in second.failed] == [2]


def test_the_credit_is_that_of_the_method_itself(stored):
    compared = read(stored, ["hgpo", '{name = "hgpo", depth = 0, gamma = 0.5}'])
    steps = counting(Steps.of(regroup(STORED)))
    expected = [HGPO()(steps).advantages, HGPO(depth=0, gamma=0.5)(steps).advantages]
    assert [*compared.credit] == ["hgpo", '{name = "hgpo", depth = 0, gamma = 0.5}']
    for ours, theirs in zip(compared.credit.values(), expected, strict=True):
        assert np.array_equal(ours, theirs)


def test_every_turn_of_every_episode_is_printed_with_its_credit(stored):
    compared = read(stored, ["grpo", "rloo"])
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        for one in tables(compared):
            console.print(one)
    lines = capture.get().splitlines()
    assert sum("go to [" in line for line in lines) == 2 + 3 + 1 + 1
    row = next(line for line in lines if "go to [1]" in line and "1 " in line)
    assert row.split() == [
        "1",
        "go",
        "to",
        "[1]",
        "1",
        f"{compared.credit['grpo'][1]:+.3f}",
        f"{compared.credit['rloo'][1]:+.3f}",
    ]
    assert "test?seed=7, member 0: done, success" in lines[0]


def test_an_invalid_turn_is_marked():
    trajectory = episode(0, 0, 1.0)
    trajectory.turns[0].valid = False
    (one,) = tables(compare(regroup([trajectory]), ["grpo"]))
    assert [*one.columns[3].cells] == ["[red]invalid[/]"]


def test_what_is_left_out_is_said(stored):
    with stored.open("a") as file:
        file.write("no episode\n")
    notes = read(stored, ["grpo"]).notes
    assert any("line 6 is no episode" in note for note in notes)
    assert "1 failed episodes say nothing about the policy and are left out" in notes
    assert credit_table.UNTOLD in notes


def test_credit_per_token_is_averaged_over_each_turn():
    steps = replace(Steps.of(regroup([episode(0, 0, 0.0, 0.0, 1.0)])), tokens=np.array([2, 0, 3]))
    credits = Credits(advantages=np.array([1.0, 2.0, 3.0, 4.0, 8.0]), per="token")
    shown = per_turn(credits, steps)
    assert shown[[0, 2]].tolist() == [1.5, 5.0]
    assert np.isnan(shown[1])


def test_stored_tokens_are_used():
    played = [episode(0, 0, 0.0, 1.0, tokens=3), episode(0, 1, 0.0, tokens=2)]
    compared = compare(regroup(played), ["reinforce_pp"])
    steps = Steps.of(regroup(played))
    assert steps.tokens.tolist() == [3, 3, 2]
    assert compared.notes == ()
    assert np.array_equal(compared.credit["reinforce_pp"], per_turn(ReinforcePP()(steps), steps))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("hgop", "did you mean 'hgpo'"),
        ("", "names no credit method"),
        ("gae", "gae cannot credit these episodes: GAE needs Steps.value from a critic"),
        ('{name = "hgpo", deep = 2}', "has no key 'deep'"),
        ("shaped", "needs a value for 'base'"),
    ],
)
def test_a_method_that_cannot_say_is_refused_in_one_sentence(stored, method, message):
    with pytest.raises(UserError, match=message) as raised:
        read(stored, [method])
    assert "\n" not in str(raised.value)


def test_a_learned_method_is_refused_because_no_model_is_stored(stored, monkeypatch):
    class Fitted:
        def __init__(self, backbone: object, seed: int) -> None: ...

        def fit(self, steps: Steps) -> Credits: ...

    monkeypatch.setattr(credit_table.registry, "_targets", {"fitted": Fitted})
    with pytest.raises(ConfigError, match="fitted is learned and needs its trained model"):
        read(stored, ["fitted"])


def test_a_file_without_episodes_is_told(tmp_path):
    with pytest.raises(ConfigError, match="there is no file"):
        read(tmp_path / "absent.jsonl", ["grpo"])
    empty = tmp_path / "empty.jsonl"
    write_episodes(empty, [STORED[-1]])
    with pytest.raises(ConfigError, match="holds no episode that can be credited: 1 failed, 0 unreadable"):
        read(empty, ["grpo"])


def test_the_command_prints_and_draws(stored, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "credit.png"
    credit_table.main(stored, ["grpo", '{name = "hgpo", depth = 1}'], picture=picture, limit=2)
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert printed.count("test?seed=") == 2
    assert "depth = 1" in printed
