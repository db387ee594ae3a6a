"""What a page may ask, and what it is told."""

from __future__ import annotations

import json

import pytest
from tests.benchmarks.viewer.episodes import WALKS, episode, lines, sampled, training, turn, write

from turngym.benchmarks.viewer.library import Library
from turngym.benchmarks.viewer.sendable import LONGEST


@pytest.fixture
def library(tmp_path):
    return Library([training(tmp_path / "run")])


def test_the_overview_names_runs_and_methods(library):
    (run,) = library.overview()["runs"]
    assert (run["name"], run["episodes"], run["curves"]) == ("run", True, True)
    assert library.overview()["methods"] == ("grpo", "gigpo", "hgpo")


def test_rows_come_as_columns_with_each_task_named_once(library):
    rows = library.rows(0)
    assert rows["tasks"] == ["test?seed=1", "test?seed=2"]
    assert rows["columns"]["task"] == [0, 0, 0, 0, 1]
    assert rows["columns"]["reward"] == [1.0, 0.0, 1.0, 0.0, 0.5]
    assert (rows["after"], rows["stored"], rows["notes"]) == (0, 5, [])


def test_only_what_was_added_is_told_again(tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS[:3])
    library = Library([path])
    assert library.rows(0, after=3)["columns"]["member"] == []
    with path.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines(WALKS[3:])))
    added = library.rows(0, after=3)
    assert (added["after"], added["columns"]["member"], added["generation"]) == (3, [3, 0], 0)


def test_everything_is_told_again_of_a_file_that_was_replaced(tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS)
    library = Library([path])
    write(path, WALKS[:2])
    rows = library.rows(0, after=5)
    assert (rows["generation"], rows["after"], rows["columns"]["member"]) == (1, 0, [0, 1])


def test_an_episode_is_its_record_without_the_ids_of_prompts_that_are_there_in_text(tmp_path):
    played = episode(1, 0, turn("a", calls=[sampled(-0.5, -0.25)]))
    shown = Library([write(tmp_path / "traces.jsonl.gz", [played])]).episode(0, 0)
    (call,) = shown["turns"][0]["calls"]
    assert "prompt_ids" not in call
    assert call["prompt"] == "<|user|>\nroom a\n<|assistant|>"
    assert (call["prompt_tokens"], call["pieces"], call["logprobs"]) == (3, ["w0 ", "w1 "], [-0.5, -0.25])
    assert shown["turns"][0]["admissible"] == ["wait", "wait"]


def test_a_huge_observation_is_cut_and_told_whole_when_asked_for(tmp_path):
    huge = "line\n" * 200_000
    library = Library([write(tmp_path / "episodes.jsonl", [episode(1, 0, turn("a"), turn("b", obs=huge))])])
    obs = library.episode(0, 0)["turns"][1]["obs"]
    assert (len(obs["head"]), obs["length"]) == (LONGEST, len(huge))
    assert library.text(0, 0, obs["path"])["whole"] == huge


def test_a_group_lines_up_all_episodes_of_the_task(library):
    members = library.group(0, 2)["members"]
    assert [(each["number"], each["member"]) for each in members] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert [each["actions"] for each in members] == [
        ["left", "on", "out"],
        ["right", "on", "back"],
        ["wait", "on", "out"],
        ["wait"],
    ]
    first, second, third, failed = (each["keys"] for each in members)
    assert failed is None
    assert first[0][1] == second[0][1] == second[0][2] == third[0][1]
    assert first[1][1] == second[1][1] != third[1][1]


def test_credit_is_told_by_the_number_of_the_episode(library):
    (answer,) = library.credit(0, 1, ["grpo"])["methods"]
    assert [*answer["credit"]] == ["0", "1", "2"]
    assert answer["credit"]["0"][0] > 0 > answer["credit"]["1"][0]


def test_a_limit_bounds_lists_and_groups(tmp_path):
    library = Library([write(tmp_path / "episodes.jsonl", WALKS)], limit=2)
    assert library.rows(0)["columns"]["member"] == [0, 1]
    assert library.rows(0)["stored"] == 5
    assert len(library.group(0, 0)["members"]) == 2
    with pytest.raises(LookupError):
        library.episode(0, 2)


def test_what_is_not_there_is_a_lookup_error(library, tmp_path):
    metrics_only = Library([tmp_path / "run" / "metrics.jsonl"])
    for ask in (
        lambda: library.rows(1),
        lambda: library.rows(-1),
        lambda: library.episode(0, 99),
        lambda: library.episode(0, -1),
        lambda: library.text(0, 0, "turns.0.nothing"),
        lambda: metrics_only.rows(0),
    ):
        with pytest.raises(LookupError):
            ask()


def test_many_faults_are_told_in_few_lines(tmp_path):
    path = tmp_path / "episodes.jsonl"
    path.write_text("{\n" * 100)
    notes = Library([path]).rows(0)["notes"]
    assert len(notes) == 21
    assert notes[-1] == "and 80 more"


def test_every_answer_is_strict_json(tmp_path):
    odd = episode(2**62, 0, turn("a", reward=float("nan"), calls=[sampled(float("-inf"))]))
    library = Library([write(tmp_path / "episodes.jsonl", [odd, odd])])
    answers = [library.overview(), library.rows(0), library.episode(0, 0), library.group(0, 0)]
    for answer in [*answers, library.credit(0, 0, ["grpo", "hgpo", "gae"])]:
        json.dumps(answer, allow_nan=False)
