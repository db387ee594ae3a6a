"""The conformance command on the recorded files, and on files that must not pass."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from tests.shared import shared

from turngym.benchmarks.agreement import Comparison, rows, same
from turngym.benchmarks.conformance import ConformanceError, check, kind_of, main, read
from turngym.core.errors import PrerequisiteError


def altered(path: Path, out: Path, change: Any) -> Path:
    """A copy of a JSON-lines file, its first record changed."""
    records = read(path)
    change(records[0])
    out.write_text("\n".join(json.dumps(record) for record in records))
    return out


def test_our_credit_reproduces_the_recorded_groups() -> None:
    found = {row.kind: row for row in check(shared("vectors/groups.json"))}
    assert {"hgpo", "gigpo", "grpo", "rloo", "reinforce_pp", "return"} <= set(found)
    assert [row for row in found.values() if row.mismatches] == []


@pytest.mark.parametrize(
    "name", ["walkthroughs_valid", "walkthroughs_train240", "random_traces", "random_traces_both_versions"]
)
def test_our_engine_reproduces_the_recorded_games(name: str) -> None:
    found = check(shared(f"data/alfworld/{name}.jsonl.xz"))
    assert [row.kind for row in found] == ["observation", "admissible", "won"]
    assert [row for row in found if row.mismatches] == []


def test_a_wrong_number_is_a_miss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vectors = json.loads(shared("vectors/groups.json").read_text())
    vectors["cases"] = vectors["cases"][:3]
    vectors["cases"][0]["return"][0] += 0.01
    path = tmp_path / "groups.json"
    path.write_text(json.dumps(vectors))
    assert main([str(path)]) == 1
    missed = [line for line in capsys.readouterr().out.splitlines() if "MISS" in line]
    assert len(missed) == 1
    assert " return " in missed[0]


def test_a_wrong_word_is_a_miss_and_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(record: dict[str, Any]) -> None:
        record["steps"][0]["obs"] = "You are nowhere."

    traces = shared("data/alfworld/random_traces_both_versions.jsonl.xz")
    path = altered(traces, tmp_path / "traces.jsonl", change)
    assert main(["--data", str(traces.parent), str(path)]) == 1
    (missed,) = [line for line in capsys.readouterr().out.splitlines() if "MISS" in line]
    assert "observation" in missed
    assert "1 mismatches; first: " in missed
    assert missed.endswith("instead of 'You are nowhere.'")


def test_a_trace_whose_game_is_not_there_is_refused(tmp_path: Path) -> None:
    traces = shared("data/alfworld/random_traces_both_versions.jsonl.xz")
    path = altered(traces, tmp_path / "traces.jsonl", lambda record: None)
    with pytest.raises(PrerequisiteError, match=r"no ALFWorld games of split .*, with --data"):
        check(path)


def test_a_trace_with_a_missing_key_is_refused(tmp_path: Path) -> None:
    traces = shared("data/alfworld/random_traces_both_versions.jsonl.xz")
    path = altered(traces, tmp_path / "traces.jsonl", lambda record: record["steps"][0].pop("obs"))
    with pytest.raises(ConformanceError, match="has a record that is not complete: KeyError"):
        check(path, traces.parent)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{}", "is of no kind that is known here: groups vectors, ALFWorld traces, WebShop"),
        ("[]", "is of no kind that is known here"),
        ("[1, 2]", "is of no kind that is known here"),
        ('{"about": "OPRL / iStar test vectors"}', "has a record that is not complete: KeyError('cases')"),
        ('{"meta": {"what": "test vectors of SPA-RL"}}', "is of no kind that is known here"),
        ("no JSON", "holds no JSON"),
    ],
)
def test_a_file_of_another_kind_is_told_in_one_sentence(
    tmp_path: Path, content: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    assert main([str(path)]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert sentence in line


def test_a_file_that_is_missing_or_cut_short_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="cannot read"):
        read(tmp_path / "absent.json")
    cut = tmp_path / "cut.jsonl.xz"
    cut.write_bytes(lzma.compress(b'{"a": 1}')[:-8])
    with pytest.raises(ConformanceError, match="holds no JSON"):
        read(cut)


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.json"), str(shared("vectors/groups.json"))]) == 2
    assert "hgpo" in capsys.readouterr().out


def test_compressed_and_plain_records_read_alike(tmp_path: Path) -> None:
    text = '{"id": "a", "steps": []}\n\n{"id": "b", "steps": []}\n'
    plain, packed = tmp_path / "plain.jsonl", tmp_path / "packed"
    plain.write_text(text)
    packed.write_bytes(lzma.compress(text.encode()))
    assert read(plain) == read(packed) == [{"id": "a", "steps": []}, {"id": "b", "steps": []}]
    assert kind_of(read(plain)) == "alfworld"


def test_a_row_counts_what_lies_outside_the_tolerance_and_shows_the_first() -> None:
    found = rows(
        [
            Comparison(kind="score", error=1e-5, where="here"),
            Comparison(kind="score", error=2e-4, where="there"),
            same("won", True, True, "end"),
            Comparison(kind="score", error=float("nan"), where="everywhere"),
        ]
    )
    assert [(row.kind, row.cases, row.mismatches, row.example) for row in found] == [
        ("score", 3, 2, "there"),
        ("won", 1, 0, ""),
    ]
