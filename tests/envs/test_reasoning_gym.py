from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.envs import recordings
from tests.envs.sandbox.jails import sandbox

from turngym import envs
from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs import check
from turngym.envs.experts import NoExpert

pytest.importorskip("reasoning_gym")

from reasoning_gym.factory import DATASETS

from turngym.envs.reasoning_gym.env import GRAMMAR, UNANSWERED, UNSTABLE, ReasoningGym
from turngym.envs.reasoning_gym.scoring import FORMULA, LITERAL, harmless


@pytest.fixture(autouse=True)
def fixed_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one process the unstable tasks are stable."""
    monkeypatch.setenv("PYTHONHASHSEED", "0")


def start(task: str, number: int = 0, **arguments: Any) -> tuple[ReasoningGym, str, dict[str, Any]]:
    env = ReasoningGym(task, **arguments)
    return env, *env.reset(options={"task": number})


def own_answer_scores(task: str, number: int) -> float:
    env, _, info = start(task, number, expert=True)
    return float(env.step(info["expert"])[1])


@pytest.mark.parametrize("rule", check.rules)
@pytest.mark.parametrize("task", ["chain_sum", "mini_sudoku"])
def test_the_contract_is_kept(rule: check.Rule, task: str) -> None:
    rule(envs.factory("turngym/ReasoningGym-v0", task=task), 0)


@pytest.mark.parametrize(
    "task", ["chain_sum", "leg_counting", "mini_sudoku", "n_queens", "maze", "word_sorting"]
)
def test_a_tasks_own_answer_is_right(task: str) -> None:
    assert [own_answer_scores(task, number) for number in range(5)] == [1.0] * 5


@pytest.mark.parametrize("task", sorted(FORMULA))
def test_a_formulas_own_answer_is_right_in_the_sandbox(task: str) -> None:
    sandbox()
    assert [own_answer_scores(task, number) for number in range(2)] == [1.0] * 2


@pytest.mark.slow
def test_every_tasks_own_answer_is_right() -> None:
    sandbox()
    tasks = sorted(set(DATASETS) - {"composite"} - UNANSWERED)
    assert len(tasks) == 98
    assert [task for task in tasks if own_answer_scores(task, 0) < 1] == []


def test_recorded_episodes_play_the_same() -> None:
    recordings.check("reasoning_gym")


def test_an_answer_may_stand_alone_or_between_marks() -> None:
    for form in ("{}", " {}\n", "<answer>0</answer> no: <answer> {} </answer>."):
        env, _, info = start("chain_sum", expert=True)
        answer = info["expert"].removeprefix("<answer>").removesuffix("</answer>")
        assert env.step(form.format(answer))[1] == 1.0


def test_a_wrong_answer_ends_the_episode_and_an_empty_one_does_not() -> None:
    env, _, _ = start("chain_sum")
    obs, reward, ended, _, info = env.step("  ")
    assert (obs, reward, ended, info["valid"]) == (f"This is no answer. {GRAMMAR}", 0.0, False, False)
    _, _, ended, _, info = env.step("no idea")
    assert (ended, info["success"]) == (True, False)
    assert env.step("no idea")[1:4] == (0.0, True, False)


def test_a_partly_right_answer_scores_between_and_is_no_success() -> None:
    env, _, info = start("word_sorting", expert=True)
    words = info["expert"].removeprefix("<answer>").removesuffix("</answer>").split(", ")
    _, reward, _, _, info = env.step(", ".join(reversed(words)))
    assert 0 < reward < 1
    assert (info["success"], info["score"]) == (False, reward)


def test_settings_reach_the_task() -> None:
    _, short, _ = start("chain_sum", config={"min_terms": 2, "max_terms": 2})
    assert short.count("+") + short.count("-") == 1


@pytest.mark.parametrize("task", sorted(LITERAL | FORMULA))
@pytest.mark.parametrize(
    "attack",
    [
        "open({path!r}, 'w').write('x')",
        "[open({path!r}, 'w')]",
        "__import__('pathlib').Path({path!r}).write_text('x')",
        "''.join([c for c in [open({path!r}, 'w')]])",
        "exec('open({path}, chr(119))')",
    ],
)
def test_an_answer_is_never_run(task: str, attack: str, tmp_path: Path) -> None:
    target = tmp_path / "made_by_the_answer"
    env, _, _ = start(task)
    assert env.step(attack.format(path=str(target)))[1] < 1
    assert not target.exists()


@pytest.mark.parametrize(
    "answer", ["9**9**9**9", "(" * 5000, "x" * 10**6, "[" * 10_000, "{" * 10_000, "\ud800", "'a'*10**12"]
)
@pytest.mark.parametrize("task", ["countdown", "spiral_matrix", "graph_color", "chain_sum", "sudoku"])
def test_any_string_is_answered(task: str, answer: str) -> None:
    sandbox()
    env, _, _ = start(task)
    assert env.step(answer)[2] is True


@pytest.mark.slow
def test_a_formula_without_end_is_stopped_and_the_next_one_scored() -> None:
    sandbox()
    env, _, _ = start("simple_integration")
    assert env.step("9**9**9**9**9")[1:3] == (0.0, True)
    assert own_answer_scores("simple_integration", 0) == 1.0


@pytest.mark.parametrize(
    ("task", "answer", "safe"),
    [
        ("countdown", "(3 + 4) * 5 - 6/2", True),
        ("simple_integration", "3*x**2*sin(x)/2 + C", True),
        ("countdown", "2**3", False),
        ("simple_integration", "x.__class__", False),
        ("polynomial_multiplication", "lambda: 1", False),
        ("n_queens", "[['_', 'Q'], ['Q', '_']]", True),
        ("n_queens", "Q _\n_ Q", True),
        ("spiral_matrix", "[1] * 10", False),
        ("chain_sum", "print(1)", True),
    ],
)
def test_what_is_looked_at(task: str, answer: str, safe: bool) -> None:
    assert harmless(task, answer) is safe


def test_what_cannot_be_played_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="the nearest is 'chain_sum'"):
        ReasoningGym("chain_sun")
    with pytest.raises(NoExpert, match="stores no answers for graph_color"):
        ReasoningGym("graph_color", expert=True)
    monkeypatch.delenv("PYTHONHASHSEED")
    for task in UNSTABLE:
        with pytest.raises(PrerequisiteError, match="start Python with PYTHONHASHSEED=0"):
            ReasoningGym(task)
