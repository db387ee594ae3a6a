from __future__ import annotations

import json
from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.envs.sandbox.jails import sandbox

from turngym import envs
from turngym.envs import check
from turngym.envs.datatasks import actions, tasks
from turngym.envs.datatasks.answers import number_in, right, shown
from turngym.envs.datatasks.env import DataTasks
from turngym.envs.datatasks.questions import CENT, KINDS
from turngym.envs.tasks import UnknownSplit, UnknownTask
from turngym.envs.tools.calls import Malformed


def start(task: str = "total-000", **kwargs: Any) -> tuple[DataTasks, str, dict[str, Any]]:
    sandbox()  # Skips where there is none.
    env = DataTasks(**kwargs)
    return env, *env.reset(seed=0, options={"task": task})


def expert_wins(task: str, split: str) -> None:
    env, _, info = start(task, split=split, expert=True)
    program = info["expert"]
    printed, reward, ended, _, info = env.step(program)
    assert (reward, ended, info["valid"]) == (0.0, False, True)
    asked = tasks.question(task)
    assert right(printed, asked.answer, asked.tolerance), f"{task}: the program prints {printed}"
    _, reward, ended, _, info = env.step(info["expert"])
    assert (reward, ended, info["success"], info["score"]) == (1.0, True, True, 1.0)


@pytest.mark.parametrize("rule", check.rules)
@pytest.mark.parametrize("arguments", [{}, {"expert": True}, {"persistent": True, "expert": True}])
def test_the_contract_is_kept(rule: check.Rule, arguments: dict[str, Any]) -> None:
    sandbox()
    rule(envs.factory("turngym/DataTasks-v0", **arguments), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_experts_program_prints_the_answer_of_the_first_of_each_kind(kind: str) -> None:
    expert_wins(f"{kind}-000", "train")


@pytest.mark.slow
@pytest.mark.parametrize("split", tasks.PER_KIND)
def test_the_experts_programs_print_the_answers_of_a_whole_split(split: str) -> None:
    for task in tasks.ids(split):
        expert_wins(task, split)


@pytest.mark.parametrize("split", tasks.PER_KIND)
def test_the_splits_are_the_published_ones(split: str) -> None:
    assert tasks.split_digest(split) == tasks.DIGESTS[split]
    assert list(tasks.ids(split)) == sorted(tasks.ids(split))


def test_no_two_tasks_are_the_same() -> None:
    everything = [task for split in tasks.PER_KIND for task in tasks.ids(split)]
    asked = [tasks.question(task) for task in everything]
    assert len(everything) == len(set(everything)) == 1080
    assert len({(one.text, json.dumps(one.files)) for one in asked}) == 1080


def test_an_episode_reads_like_this() -> None:
    env, obs, info = start("arithmetic-002")
    assert obs == (f"{tasks.question('arithmetic-002').text}\n\nThere are no files.\n\n{actions.GRAMMAR}")
    assert [tool["function"]["name"] for tool in info["tools"]] == ["python", "answer"]
    assert env.step("python[6 * 7]")[:4] == ("42", 0.0, False, False)
    assert env.step('{"name": "python", "arguments": {"code": "print(1)"}}')[0] == "1"
    assert env.step("```python\nx = 1\n```")[0] == "(no output)"
    assert env.step("python[1 / 0]")[0] == "line 1: 1 / 0\nZeroDivisionError: division by zero"
    obs, reward, ended, _, info = env.step("answer[-1]")
    assert (obs, reward, ended, info["success"]) == ("Answered.", 0.0, True, False)
    assert env.step("answer[0]")[1:4] == (0.0, True, False)


@pytest.mark.parametrize(
    "action",
    [
        "what is asked?",
        "",
        "python[",
        '{"name": "python"}',
        '{"name": "shell", "arguments": {}}',
        '{"name": "python", "arguments": {"code": 3}}',
        '{"name": "answer", "arguments": {"answer": 42}}',
        "{" * 1000,
        "\ud800" * 10,
        "x" * 10**6,
    ],
)
def test_what_is_no_action_is_refused_and_changes_nothing(action: str) -> None:
    env, _, before = start(expert=True)
    obs, reward, ended, _, info = env.step(action)
    assert obs.startswith("Error: ")
    assert (reward, ended, info["valid"]) == (0.0, False, False)
    assert info["state"] == before["state"]


def test_a_megabyte_of_program_is_answered() -> None:
    env, _, _ = start()
    assert env.step(f"python[{'#' * 10**6}]")[0] == "(no output)"
    assert env.step(f"answer[{'9' * 10**6}]")[1:3] == (0.0, True)


def test_programs_forget_unless_the_environment_is_persistent() -> None:
    env, _, before = start()
    env.step("python[x = 41]")
    obs, *_, info = env.step("python[x + 1]")
    assert "NameError" in obs
    assert info["state"] == before["state"]
    env, _, before = start(persistent=True)
    *_, between = env.step("python[x = 41]")
    assert env.step("python[x + 1]")[0] == "42"
    assert between["state"] != before["state"]
    env.reset(seed=0)
    assert "NameError" in env.step("python[x]")[0]
    env.close()


def test_several_calls_of_one_message_run_in_order_until_the_answer() -> None:
    calls = [
        {"type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for name, arguments in (
            ("python", {"code": "1"}),
            ("answer", {"answer": "1"}),
            ("python", {"code": "2"}),
        )
    ]
    env, _, _ = start()
    obs, _, ended, _, _ = env.step(json.dumps({"role": "assistant", "tool_calls": calls}))
    assert (obs, ended) == ("1\nAnswered.", True)


def test_an_unknown_split_or_task_is_named() -> None:
    with pytest.raises(UnknownSplit, match="choose one of train, valid, test"):
        DataTasks(split="dev")
    with pytest.raises(UnknownTask, match="the nearest is 'total-000'"):
        start("total-0000")


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("42", 42),
        (" 42.0 ", 42),
        ("1,234.5", Fraction(2469, 2)),
        ("$-3", -3),
        ("-.5", Fraction(-1, 2)),
        ("12 %", 12),
        ("'7'", 7),
        ("1,23", None),
        ("1e5", None),
        ("٣", None),
        ("nan", None),
        ("about 7", None),
        ("", None),
    ],
)
def test_numbers_are_read_as_people_write_them(given: str, number: Fraction | None) -> None:
    assert number_in(given) == number


@given(st.fractions(-10_000, 10_000), st.booleans())
def test_what_the_expert_writes_is_right_and_the_next_number_is_not(answer: Fraction, decimals: bool) -> None:
    tolerance = CENT if decimals else Fraction(0)
    answer = answer if decimals else Fraction(round(answer))
    assert right(shown(answer, tolerance), answer, tolerance)
    assert not right(shown(answer + 1, tolerance), answer, tolerance)


@given(st.text())
def test_any_text_is_a_call_or_malformed(text: str) -> None:
    with suppress(Malformed):
        assert len(actions.calls(text)) > 0


def test_words_are_right_in_any_case() -> None:
    assert right(" elm hill. ", "Elm Hill", Fraction(0))
    assert not right("Elm", "Elm Hill", Fraction(0))
