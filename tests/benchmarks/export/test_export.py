"""Data sets made of episodes."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.benchmarks.export.played import played, stored

from turngym.agents.chat import ChatAgent
from turngym.agents.scripted import ExpertAgent
from turngym.agents.tools import ToolAgent
from turngym.agents.window import WindowAgent
from turngym.benchmarks.credit_table import counting
from turngym.benchmarks.export import export
from turngym.core.cli import main
from turngym.core.episodes import to_record, write_episodes
from turngym.core.errors import ConfigError
from turngym.core.registry import MissingExtra
from turngym.core.types import Group, Status, Task, Trajectory, Turn
from turngym.credit import Steps
from turngym.credit.anchor import HGPO

WINDOW = partial(WindowAgent, window=1, reply="plain")


@pytest.fixture(scope="module")
def groups() -> list[Group]:
    return played()


@pytest.fixture
def episodes(groups: list[Group], tmp_path: Path) -> Path:
    return stored(tmp_path / "episodes.jsonl", groups)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def contents(messages: list[dict[str, str]], role: str) -> list[str]:
    return [message["content"] for message in messages if message["role"] == role]


def told(*said: tuple[str, str, float], seed: int = 0, member: int = 0, **kwargs: Any) -> Trajectory:
    turns = [Turn(obs=obs, action=action, reward=reward) for obs, action, reward in said]
    return Trajectory(task=Task(env="test", seed=seed), member=member, turns=turns, **kwargs)


def test_a_growing_conversation_is_one_row_of_messages_an_episode(episodes, groups, tmp_path):
    summary = export(episodes, tmp_path / "sft.jsonl", agent=partial(ChatAgent, system="Walk."))
    won = [e for group in groups for e in group.trajectories if e.success]
    made = rows(tmp_path / "sft.jsonl")
    assert (summary.written, summary.left_out) == (len(won), 32 - len(won))
    assert len({len(row["messages"]) for row in made}) > 1
    for row, episode in zip(made, won, strict=True):
        assert contents(row["messages"], "system") == ["Walk."]
        assert contents(row["messages"], "user") == [turn.obs for turn in episode.turns]
        assert contents(row["messages"], "assistant") == [turn.action for turn in episode.turns]
        assert (row["task"], row["member"], row["reward"]) == (episode.task.id, episode.member, 1.0)


def test_a_prompt_written_afresh_is_one_row_a_turn_with_the_agents_own_words(episodes, groups, tmp_path):
    export(episodes, tmp_path / "sft.jsonl", agent=WINDOW, everything=True)
    turns = [turn for group in groups for episode in group.trajectories for turn in episode.turns]
    made = rows(tmp_path / "sft.jsonl")
    assert [row["completion"] for row in made] == [
        [{"role": "assistant", "content": turn.action}] for turn in turns
    ]
    second = next(row for row in made if row["turn"] == 1)
    assert "The last 1:\n[Observation 1: 'You are in cell" in second["prompt"][0]["content"]
    assert "You can do:\n- left" in second["prompt"][0]["content"]


def test_replies_that_are_stored_are_the_completions(tmp_path):
    episode = told(("A door.", "open", 0.0), ("A room.", "enter", 1.0), success=True)
    record = to_record(episode)
    for turn, thought in zip(record["turns"], ("Closed.", "Go on."), strict=True):
        turn["reply"] = f"Thought: {thought}\nAction: {turn['action']}"
    (tmp_path / "e.jsonl").write_text(json.dumps(record) + "\n")
    export(tmp_path / "e.jsonl", tmp_path / "sft.jsonl", agent=partial(ChatAgent, reply="react"))
    (row,) = rows(tmp_path / "sft.jsonl")
    assert contents(row["messages"], "assistant") == [
        "Thought: Closed.\nAction: open",
        "Thought: Go on.\nAction: enter",
    ]


def test_an_agent_that_reads_another_action_out_of_the_reply_is_refused_by_line(tmp_path):
    write_episodes(tmp_path / "e.jsonl", [told(("A door.", "open", 1.0))])
    with pytest.raises(
        ConfigError, match=r"line 1: turn 1 did 'open'.*give the agent that played, or --form"
    ):
        export(tmp_path / "e.jsonl", tmp_path / "sft.jsonl", agent=partial(ChatAgent, reply="react"))
    export(
        tmp_path / "e.jsonl",
        tmp_path / "sft.jsonl",
        agent=partial(ChatAgent, reply="react"),
        form="Action: {action}",
    )
    (row,) = rows(tmp_path / "sft.jsonl")
    assert row["messages"][-1] == {"role": "assistant", "content": "Action: open"}


def called(prompt: str, pieces: list[str], stop: str = "stop") -> dict[str, Any]:
    ids = list(range(len(pieces)))
    return {
        "prompt_ids": [1],
        "action_ids": ids,
        "logprobs": [0.0] * len(ids),
        "stop": stop,
        "version": 0,
        "prompt": prompt,
        "pieces": pieces,
    }


def test_prompts_as_seen_are_the_stored_texts_with_the_token_that_ended_the_reply(tmp_path):
    record = to_record(told(("A door.", "open it", 0.0), ("A room.", "enter", 1.0)))
    record["turns"][0]["calls"] = [called("<|user|>A door.<|assistant|>", ["open", " it", "<|end|>"])]
    record["turns"][1]["calls"] = [called("<|user|>A room.<|assistant|>", ["en", "ter"], "length")]
    (tmp_path / "e.jsonl").write_text(json.dumps(record) + "\n")
    export(tmp_path / "e.jsonl", tmp_path / "seen.jsonl")
    assert [(row["prompt"], row["completion"]) for row in rows(tmp_path / "seen.jsonl")] == [
        ("<|user|>A door.<|assistant|>", "open it<|end|>"),
        ("<|user|>A room.<|assistant|>", "enter"),
    ]
    export(tmp_path / "e.jsonl", tmp_path / "chat.jsonl", agent=ChatAgent)
    (row,) = rows(tmp_path / "chat.jsonl")
    assert contents(row["messages"], "assistant") == ["open it", "enter"]


def test_prompts_as_seen_ask_for_stored_prompts(episodes, tmp_path):
    with pytest.raises(ConfigError, match="turn 1 has no prompt and reply in text; name the agent"):
        export(episodes, tmp_path / "seen.jsonl")


def test_pieces_that_do_not_join_to_the_reply_are_not_taken_for_it(tmp_path):
    record = to_record(told(("A door.", "open it", 1.0)))
    record["turns"][0]["calls"] = [called("A door.", ["open", "it", "<|end|>"])]  # the tokenizer drops blanks
    (tmp_path / "e.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(ConfigError, match="turn 1 has no prompt and reply in text"):
        export(tmp_path / "e.jsonl", tmp_path / "seen.jsonl")
    export(tmp_path / "e.jsonl", tmp_path / "chat.jsonl", agent=ChatAgent)
    assert contents(rows(tmp_path / "chat.jsonl")[0]["messages"], "assistant") == ["open it"]


def test_calls_in_messages_are_exported_as_messages_and_candidates_are_not(tmp_path):
    def spoken(reply: str, **kwargs: bool) -> dict[str, Any]:
        message = {"role": "assistant", "content": reply}
        asked = [{"role": "user", "content": "A door."}]
        call = {"prompt_ids": [], "action_ids": [], "logprobs": [], "stop": "stop", "version": 0, **kwargs}
        return call | {"spoken": {"messages": asked, "reply": message, "prompt_tokens": None, "tokens": 1}}

    record = to_record(told(("A door.", "open", 1.0)))
    record["turns"][0]["calls"] = [spoken("shut", chosen=False), spoken("open")]
    (tmp_path / "e.jsonl").write_text(json.dumps(record) + "\n")
    export(tmp_path / "e.jsonl", tmp_path / "seen.jsonl", rows="turn")
    (row,) = rows(tmp_path / "seen.jsonl")
    assert row["prompt"] == [{"role": "user", "content": "A door."}]
    assert row["completion"] == [{"role": "assistant", "content": "open"}]


def test_pairs_are_of_one_task_and_the_chosen_has_more_reward(episodes, groups, tmp_path):
    export(episodes, tmp_path / "pairs.jsonl", "preference", agent=ChatAgent)
    expected = 0
    for group in groups:
        walks = {
            bool(e.success): set() for e in group.trajectories
        }  # equal walks give equal rows, which stand once
        for e in group.trajectories:
            walks[bool(e.success)].add(tuple(turn.action for turn in e.turns))
        expected += len(walks.get(True, ())) * len(walks.get(False, ()))
    made = rows(tmp_path / "pairs.jsonl")
    assert len(made) == expected > 0
    for row in made:
        assert row["margin"] == 1.0
        assert [m["role"] for m in row["prompt"]] == ["user"]
        assert row["chosen"][0]["role"] == row["chosen"][-1]["role"] == "assistant"
        assert row["rejected"][-1]["role"] == "assistant"
        assert row["chosen"] != row["rejected"]


def test_a_pair_of_turns_is_the_first_fork_after_one_prompt(tmp_path):
    won = told(("A.", "go", 0.0), ("B.", "open", 0.0), ("C.", "take", 1.0))
    lost = told(("A.", "go", 0.0), ("B.", "sleep", 0.0), ("B.", "open", 0.0), member=1)
    other = told(("Z.", "go", 0.0), member=2)
    write_episodes(tmp_path / "e.jsonl", [won, lost, other])
    export(tmp_path / "e.jsonl", tmp_path / "p.jsonl", "preference", agent=ChatAgent, rows="turn")
    (row,) = rows(tmp_path / "p.jsonl")
    assert contents(row["prompt"], "user") == ["A.", "B."]
    assert (row["chosen"], row["rejected"]) == (
        [{"role": "assistant", "content": "open"}],
        [{"role": "assistant", "content": "sleep"}],
    )
    assert row["turn"] == 1


def test_groups_without_a_difference_give_no_pair_and_one_clear_sentence(tmp_path):
    write_episodes(tmp_path / "e.jsonl", [told(("A.", "go", 1.0)), told(("A.", "run", 1.0), member=1)])
    with pytest.raises(
        ConfigError, match="there is no row to write: no two episodes of one task differ in reward"
    ):
        export(tmp_path / "e.jsonl", tmp_path / "p.jsonl", "preference", agent=ChatAgent)
    assert not (tmp_path / "p.jsonl").exists()


def test_steps_carry_rewards_and_the_methods_own_advantages(episodes, groups, tmp_path):
    export(episodes, tmp_path / "steps.jsonl", "steps", method="hgpo")
    steps = counting(Steps.of(groups))
    made = rows(tmp_path / "steps.jsonl")
    assert np.allclose([a for row in made for a in row["advantages"]], HGPO()(steps).advantages)
    assert [label for row in made for label in row["labels"]] == [
        a > 0 for row in made for a in row["advantages"]
    ]
    for row, episode in zip(made, (e for group in groups for e in group.trajectories), strict=True):
        assert row["rewards"] == [turn.reward for turn in episode.turns]
        assert row["prompt"] == f"{episode.turns[0].obs}\n> "
        assert row["completions"][0] == episode.turns[0].action
        assert row["completions"][1:] == [f"{turn.obs}\n> {turn.action}" for turn in episode.turns[1:]]


def test_without_a_method_steps_are_labelled_by_the_outcome(episodes, groups, tmp_path):
    export(episodes, tmp_path / "steps.jsonl", "steps")
    for row, episode in zip(
        rows(tmp_path / "steps.jsonl"), (e for group in groups for e in group.trajectories), strict=True
    ):
        assert row["labels"] == [episode.success] * len(episode.turns)
        assert "advantages" not in row


def test_failed_episodes_stay_out_and_are_counted(tmp_path):
    broken = told(("A.", "go", 0.0), member=1, status=Status.ENV_ERROR, error="it burnt down")
    write_episodes(tmp_path / "e.jsonl", [told(("A.", "go", 1.0)), broken])
    for kind in ("sft", "steps"):
        summary = export(tmp_path / "e.jsonl", tmp_path / f"{kind}.jsonl", kind, agent=ChatAgent)
        assert (summary.written, summary.left_out) == (1, 1)


def test_broken_lines_are_told_by_number_and_lose_no_other(episodes, tmp_path):
    lines = episodes.read_bytes().split(b"\n")
    lines[2:2] = [b"{", b"[" * 100_000, b"\xff", b'{"env": 3}', b'{"env": "a", "turns": NaN}']
    episodes.write_bytes(b"\n".join(lines))
    summary = export(episodes, tmp_path / "steps.jsonl", "steps")
    assert summary.written == 32
    assert [fault.partition(" is no episode")[0] for fault in summary.faults] == [
        f"episodes.jsonl line {n}" for n in range(3, 8)
    ]


@pytest.mark.parametrize("name", ["set.csv", "set"])
def test_a_file_that_nobody_could_load_is_refused(episodes, tmp_path, name):
    with pytest.raises(ConfigError, match=r"a data set is a file called \*\.jsonl or \*\.parquet"):
        export(episodes, tmp_path / name)


def test_nothing_is_overwritten(episodes, tmp_path):
    (tmp_path / "set.jsonl").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        export(episodes, tmp_path / "set.jsonl")
    assert (tmp_path / "set.jsonl").read_text() == "mine"


def test_wrong_kinds_rows_and_methods_are_told(episodes, tmp_path):
    out = tmp_path / "set.jsonl"
    with pytest.raises(ConfigError, match="no kind of data set 'dpo'; choose one of sft, preference, steps"):
        export(episodes, out, "dpo")
    with pytest.raises(ConfigError, match="a row is 'step'; choose episode or turn"):
        export(episodes, out, agent=ChatAgent, rows="step")
    with pytest.raises(ConfigError, match="writes a new prompt at every turn"):
        export(episodes, out, agent=WINDOW, rows="episode")
    with pytest.raises(ConfigError, match="oprl is learned"):
        export(episodes, out, "steps", method="oprl")
    with pytest.raises(ConfigError, match="needs an environment with tools"):
        export(episodes, out, agent=ToolAgent)


def test_parquet_without_pyarrow_names_the_line_that_installs_it(episodes, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "turngym.benchmarks.export.parquet", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'turngym\[datasets\]'"):
        export(episodes, tmp_path / "set.parquet", "steps")
    assert not (tmp_path / "set.parquet").exists()


def test_the_experts_episodes_make_demonstrations(tmp_path):
    path = stored(tmp_path / "e.jsonl", played(3, 1, agent=ExpertAgent))
    assert export(path, tmp_path / "sft.jsonl", agent=ChatAgent).written == 3


def test_the_commands_export_and_import(tmp_path, capsys):
    theirs = [{"question": "A door.", "steps": [{"action": "open"}], "success": True}, {"steps": 3}]
    (tmp_path / "theirs.json").write_text(json.dumps(theirs))
    source, ours, out = (str(tmp_path / name) for name in ("theirs.json", "ours.jsonl", "sft.jsonl"))
    with pytest.raises(SystemExit) as ended:
        main(["import", source, "--format", "react", "--env", "test/Doors-v0", "--out", ours])
    assert ended.value.code == 0
    assert "1 episodes in" in (said := capsys.readouterr().out)
    assert "theirs.json record 2: it has neither `steps`, a list" in said
    with pytest.raises(SystemExit) as ended:
        main(["export", ours, "--out", out, "--agent", "chat", "agent.reply=react", "agent.system=Act."])
    assert ended.value.code == 0
    assert contents(rows(tmp_path / "sft.jsonl")[0]["messages"], "system") == ["Act."]
