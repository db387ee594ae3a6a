"""tau-bench's data in both layouts, and what is wrong with a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.envs.tools import shop
from tests.shared import shared

from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs.tools.tau.domain import PUBLISHED, TauDomain, domain
from turngym.envs.tools.tau.env import TauRetail
from turngym.envs.tools.tau.files import DataError, folder, load
from turngym.envs.tools.tau.source import SourceError


@pytest.mark.parametrize(("name", "split"), PUBLISHED)
def test_a_published_split_is_told_by_its_count_and_digest(name: str, split: str) -> None:
    desk = domain(name, shared("data/tau_bench"), split)
    assert (len(desk.ids), desk.digest) == PUBLISHED[name, split]


def test_published_splits_have_different_tasks() -> None:
    data = load("retail", shared("data/tau_bench"))
    seen = {split: {task["instruction"] for task in tasks} for split, tasks in data.tasks.items()}
    assert not seen["train"] & (seen["test"] | seen["dev"])
    assert not seen["test"] & seen["dev"]


def test_a_clone_and_plain_json_hold_the_same_and_no_source_is_run(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain = load("retail", shop.write_json(tmp_path / "plain"))
    clone = load("retail", shop.write_clone(tmp_path / "clone"))
    assert TauDomain(plain, "test").digest == TauDomain(clone, "test").digest
    assert (plain.tables, plain.policy) == (clone.tables, clone.policy)
    assert [*plain.schemas] == [*clone.schemas] == [shop.schema(name) for name in shop.PARAMETERS]


def test_without_data_the_message_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAU_BENCH_DATA", raising=False)
    with pytest.raises(PrerequisiteError, match=r"clone github.com/sierra-research/tau-bench"):
        TauRetail()


def test_the_environment_variable_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAU_BENCH_DATA", str(tmp_path))
    assert folder(None) == tmp_path.resolve()


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda place: (place / "users.json").unlink(), PrerequisiteError, "users.json is not there"),
        (lambda place: (place / "policy.md").unlink(), PrerequisiteError, "policy.md is not there"),
        (
            lambda place: (place / "tasks_test.json").unlink(),
            PrerequisiteError,
            "tasks_test.json is not there",
        ),
        (lambda place: (place / "users.json").write_text("{\n  !"), DataError, "users.json, line 2: "),
        (lambda place: (place / "users.json").write_text("[]"), DataError, "users.json holds no records"),
        (
            lambda place: (place / "users.json").write_text('{"a": {}}'),
            DataError,
            "record 'a' lacks 'address'",
        ),
        (lambda place: (place / "users.json").write_bytes(b"\xff"), DataError, "users.json cannot be read"),
        (lambda place: (place / "tasks_test.json").write_text("[{}]"), DataError, "task 0 lacks 'actions'"),
        (lambda place: (place / "tasks_test.json").write_text("[3]"), DataError, "task 0 lacks 'actions'"),
        (
            lambda place: (place / "tasks_test.json").write_text("3"),
            DataError,
            "tasks_test.json: it should list each task",
        ),
        (lambda place: (place / "tools.json").write_text("[{}]"), DataError, "tool 0 lacks 'function'"),
    ],
)
def test_damaged_json_is_named_with_its_place(
    damage: Callable[[Path], object], error: type[UserError], words: str, tmp_path: Path
) -> None:
    damage(shop.write_json(tmp_path) / "retail")
    with pytest.raises(error) as raised:
        load("retail", tmp_path)
    assert words in str(raised.value)
    assert "clone github.com/sierra-research/tau-bench" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("TASKS = [\n  Task(]", SourceError, "tasks_test.py, line 2: no Python"),
        ("TASKS = []", SourceError, "tasks_test.py holds no Task(...)"),
        ("TASKS = [\n Task(user_id=open('x').read())]", SourceError, "line 2: only plain values are read"),
        ("TASKS = [Task(user_id='a')]", DataError, "task 0 lacks 'actions'"),
    ],
)
def test_a_damaged_clone_is_named_with_its_line(
    text: str, error: type[UserError], words: str, tmp_path: Path
) -> None:
    root = shop.write_clone(tmp_path)
    (root / "tau_bench/envs/retail/tasks_test.py").write_text(text)
    with pytest.raises(error) as raised:
        load("retail", root)
    assert words in str(raised.value)


def test_an_unknown_split_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown split 'val': choose one of test"):
        TauRetail(shop.write_json(tmp_path), split="val")
