"""Other people's trajectories as episodes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from turngym.agents.chat import ChatAgent
from turngym.benchmarks.export import export
from turngym.benchmarks.export.imports import Imported, import_file
from turngym.core.episodes import read_episodes
from turngym.core.errors import ConfigError
from turngym.core.types import Status, Trajectory

ALFWORLD = "turngym/ALFWorld-v0"


def human(text: str) -> dict[str, str]:
    return {"from": "human", "value": text}


def gpt(text: str) -> dict[str, str]:
    return {"from": "gpt", "value": text}


ETO = {
    "id": "alfworld_7",
    "game_file": "json_2.1.1/train/look_at_obj-Bowl-None-DeskLamp-302/trial_T2019/game.tw-pddl",
    "conversations": [
        human("Interact with a household to solve a task."),
        gpt("OK"),
        human("You are in a room.\nYour task is to: look at a bowl under the lamp."),
        gpt("Thought: The bowl may be on the desk.\nAction: go to desk 1"),
        human("Observation: On the desk 1, you see a bowl 1."),
        gpt("Thought: There it is.\nAction: take bowl 1 from desk 1"),
        human("Observation: You pick up the bowl 1."),
    ],
}


def imported(tmp_path: Path, content: Any, format: str, **kwargs: Any) -> tuple[list[Trajectory], Imported]:
    source, out = tmp_path / "theirs.json", tmp_path / "ours.jsonl"
    source.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    summary = import_file(source, out, format=format, env=ALFWORLD, **kwargs)
    episodes, faults = read_episodes(out)
    assert not faults
    assert len(episodes) == summary.written
    return episodes, summary


def test_an_eto_conversation_is_an_episode_without_its_instructions(tmp_path):
    ((episode,), summary) = imported(tmp_path, [ETO], "eto", reward=1.0)
    assert [(turn.obs, turn.action) for turn in episode.turns] == [
        ("You are in a room.\nYour task is to: look at a bowl under the lamp.", "go to desk 1"),
        ("On the desk 1, you see a bowl 1.", "take bowl 1 from desk 1"),
    ]
    assert episode.final_obs == "You pick up the bowl 1."
    assert [turn.reward for turn in episode.turns] == [0.0, 1.0]
    assert episode.turns[-1].terminated
    assert episode.task.env == ALFWORLD
    assert episode.task.options == {"task": "look_at_obj-Bowl-None-DeskLamp-302/trial_T2019"}
    assert summary == Imported(written=1, unrewarded=0, faults=[])


def test_an_eto_run_starts_after_its_example_and_tells_reward_and_end(tmp_path):
    run = {
        "meta": {"task_id": 3, "reward": 0.25, "success": False, "terminate_reason": "max_steps"},
        "conversations": [
            human("Instructions."),
            gpt("OK"),
            human("An example task."),
            gpt("Thought: a\nAction: b"),
            human("Observation: An example answer."),
            gpt("Thought: c\nAction: d"),
            human("The task itself."),
            gpt("Thought: e\nAction: f"),
            human("Observation: Nothing happens."),
        ],
    }
    ((episode,), _) = imported(tmp_path, run, "eto")
    assert [(turn.obs, turn.action) for turn in episode.turns] == [("The task itself.", "f")]
    assert (episode.reward, episode.success, episode.status) == (0.25, False, Status.TURN_LIMIT)
    assert not episode.turns[-1].terminated


def test_react_steps_and_react_text_say_the_same(tmp_path):
    steps = [
        {"thought": "I need the year.", "action": "Search[Rome]", "observation": "Rome is old."},
        {"thought": "It is old.", "action": "Finish[753 BC]"},
    ]
    text = (
        "Question: When was Rome founded?\nThought 1: I need the year.\nAction 1: Search[Rome]\n"
        "Observation 1: Rome is old.\nThought 2: It is old.\nAction 2: Finish[753 BC]\n"
    )
    records = [
        {"id": 5, "question": "When was Rome founded?", "steps": steps, "success": True},
        {"id": 5, "trajectory": text, "success": True},
    ]
    ((one, other), _) = imported(tmp_path, records, "react")
    assert one.turns == other.turns
    assert [(turn.obs, turn.action) for turn in one.turns] == [
        ("When was Rome founded?", "Search[Rome]"),
        ("Rome is old.", "Finish[753 BC]"),
    ]
    assert (one.task, one.member, other.member) == (other.task, 0, 1)
    assert (one.success, one.reward) == (True, 1.0)


def test_a_sharegpt_conversation_is_played_in_whole_replies(tmp_path):
    record = {
        "conversations": [
            {"from": "system", "value": "You act."},
            human("Hello."),
            human("What now?"),
            gpt("look around"),
            {"from": "observation", "value": "A room."},
            {"from": "function_call", "value": '{"name": "leave"}'},
        ]
    }
    ((episode,), summary) = imported(tmp_path, json.dumps(record), "sharegpt")
    assert [(turn.obs, turn.action) for turn in episode.turns] == [
        ("Hello.\n\nWhat now?", "look around"),
        ("A room.", '{"name": "leave"}'),
    ]
    assert episode.task.options == {"task": "record 1"}
    assert (episode.success, summary.unrewarded) == (None, 1)
    assert json.loads((tmp_path / "ours.jsonl").read_text())["system"] == "You act."


def test_messages_with_role_and_content_are_read_too(tmp_path):
    record = {"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Ho."}]}
    ((episode,), _) = imported(tmp_path, [record], "sharegpt", reply="plain")
    assert [(turn.obs, turn.action) for turn in episode.turns] == [("Hi.", "Ho.")]


def test_a_reply_without_an_action_is_an_invalid_turn(tmp_path):
    record = {"conversations": [human("Go."), gpt("Action: go"), human("Observation: Well?"), gpt("Hm.")]}
    ((episode,), _) = imported(tmp_path, [record], "eto")
    assert [turn.valid for turn in episode.turns] == [True, False]


BAD = [
    (3, "is no JSON object"),
    ({}, "no `conversations` and no `messages`"),
    ({"conversations": [human("Hello.")]}, "no reply of an assistant's"),
    ({"conversations": [{"from": "nobody", "value": "Hi."}]}, "message 1 is from 'nobody'"),
    ({"conversations": [human("Hello."), {"from": "gpt"}]}, "message 2 has no text"),
    ({"conversations": [human("Hello."), "Hi."]}, "message 2 is 'Hi.', no JSON object"),
    ({**ETO, "reward": "much"}, "its reward is 'much', which is no number"),
    ({**ETO, "reward": 10**400}, "which is no number"),
    ({**ETO, "conversations": None}, "no `conversations`"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_malformed_record_is_told_by_number_and_the_others_stay(tmp_path, bad, reason):
    (episodes, summary) = imported(tmp_path, [ETO, bad, ETO], "eto", reward=1.0)
    assert [episode.member for episode in episodes] == [0, 1]
    (fault,) = summary.faults
    assert fault.startswith("theirs.json record 2: ")
    assert reason in fault


def test_a_broken_line_of_json_lines_is_told_by_number(tmp_path):
    lines = [json.dumps(ETO), '{"conversations": [', "[" * 100_000, '{"reward": NaN}', "", json.dumps(ETO)]
    (episodes, summary) = imported(tmp_path, "\n".join(lines), "eto")
    assert len(episodes) == 2
    assert [fault.partition(":")[0] for fault in summary.faults] == [
        f"theirs.json record {number}" for number in (2, 3, 4)
    ]


def test_a_list_that_breaks_off_keeps_what_came_before(tmp_path):
    text = json.dumps([ETO, ETO, ETO], indent=2)
    (episodes, summary) = imported(tmp_path, text[:-300], "eto")
    assert len(episodes) == 2
    assert "record 3: it is no JSON, and what follows cannot be read either" in summary.faults[0]


def test_a_file_without_a_trajectory_says_why(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no trajectory: theirs.json record 1"):
        imported(tmp_path, [{}], "react")
    with pytest.raises(ConfigError, match="holds no trajectory: it is empty"):
        imported(tmp_path, [], "react")
    assert not (tmp_path / "ours.jsonl").exists()


def test_wrong_names_and_files_are_told(tmp_path):
    with pytest.raises(ConfigError, match="no format 'csv'; choose one of eto, react, sharegpt"):
        imported(tmp_path, [ETO], "csv")
    with pytest.raises(ConfigError, match="reply form 'xml' does not exist"):
        imported(tmp_path, [ETO], "eto", reply="xml")
    with pytest.raises(ConfigError, match="cannot read"):
        import_file(tmp_path / "none.json", tmp_path / "out.jsonl", format="eto", env=ALFWORLD)
    (tmp_path / "ours.jsonl").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        imported(tmp_path, [ETO], "eto")
    assert (tmp_path / "ours.jsonl").read_text() == "mine"


def test_what_is_imported_can_be_exported_with_its_thoughts(tmp_path):
    imported(tmp_path, [ETO], "eto", reward=1.0)
    export(tmp_path / "ours.jsonl", tmp_path / "sft.jsonl", agent=partial(ChatAgent, reply="react"))
    row = json.loads((tmp_path / "sft.jsonl").read_text())
    assert [message["content"] for message in row["messages"] if message["role"] == "assistant"] == [
        "Thought: The bowl may be on the desk.\nAction: go to desk 1",
        "Thought: There it is.\nAction: take bowl 1 from desk 1",
    ]
