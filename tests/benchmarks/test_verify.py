"""What `turngym verify` says of sound results, of unknown panels, and of files that mean harm."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from math import nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmarks.forgery import RESULT, TRACES, suite, take

from turngym import envs
from turngym.benchmarks import audit, strict
from turngym.benchmarks.bounded import TooLarge, lines
from turngym.benchmarks.levels import VERIFIED, read_level, write_level
from turngym.benchmarks.result import ResultError
from turngym.benchmarks.verify import same, unequal, verify
from turngym.core.cli import main
from turngym.core.errors import ConfigError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_a_value_differs_in_nothing_from_itself(value):
    assert same(value, value)
    assert list(unequal(value, value, "it", "is")) == []


@given(VALUES, VALUES)
def test_there_is_a_sentence_exactly_where_two_values_differ(one, other):
    assert bool(list(unequal(one, other, "it", "is"))) != same(one, other)
    assert same(one, other) == same(other, one)


def test_kinds_of_value_are_told_apart_and_last_bits_are_not():
    assert not same(1, True)
    assert not same(0, None)
    assert not same("1", 1)
    assert not same([1], (1,))
    assert not same(0.5, 0.5001)
    assert same(0.1 + 0.2, 0.3)
    assert same(1, 1.0)
    assert same(nan, nan)


@given(st.text())
def test_what_is_shown_is_short_and_a_terminal_obeys_nothing_of_it(text):
    assert strict.shown(text).isascii()
    assert strict.shown(text).isprintable()
    assert strict.printable(text).isprintable()
    assert len(strict.shown(text * 1000)) < 200


def test_an_unknown_panel_is_rebuilt_from_the_episodes_and_told(results, tmp_path):
    unknown = take(results / "walks", results, tmp_path / "copy")
    verdict = verify(unknown.folder)
    assert verdict.differences == []
    assert "no panel called 'walks' is known here" in verdict.notes[0]
    unknown.record["panel"]["digest"] = "0" * 64
    unknown.recompute()
    (difference,) = verify(unknown.folder).differences
    assert "panel.digest" in difference
    assert "the episodes give" in difference


def test_a_panel_that_is_here_is_never_taken_from_the_file(results, tmp_path):
    forged = take(results / "walks", results, tmp_path / "copy")
    forged.record["panel"]["name"] = "corridor"
    forged.rehash()
    assert any(difference.startswith("panel.digest is ") for difference in verify(forged.folder).differences)


def test_a_path_in_place_of_a_name_is_not_followed(results, tmp_path):
    forged = take(results / "walks", results, tmp_path / "copy")
    trap = tmp_path / "trap.toml"
    trap.write_text("boom = 1")
    forged.record["panel"]["name"] = str(trap)
    forged.rehash()
    assert "no panel called" in verify(forged.folder).notes[0]


def test_a_pipe_does_not_keep_it_waiting(results, tmp_path):
    forged = take(results / "walks", results, tmp_path / "copy")
    (forged.folder / TRACES).unlink()
    os.mkfifo(forged.folder / TRACES)
    assert f"{TRACES} is no plain file" in " ".join(forged.verdict().differences)


def test_a_bomb_takes_no_more_memory_than_the_limit(results, tmp_path, monkeypatch):
    monkeypatch.setattr(strict, "MOST_TRACE", 1 << 20)
    forged = take(results / "walks", results, tmp_path / "copy")
    (forged.folder / TRACES).write_bytes(gzip.compress(b"\0" * (64 << 20)))
    forged.readdress()
    tracemalloc.start()
    differences = forged.verdict().differences
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "line 1 is longer than the 1,048,576 bytes allowed" in differences[-1]
    assert peak < 16 << 20


def test_a_long_result_is_not_read(results, tmp_path, monkeypatch):
    monkeypatch.setattr(strict, "MOST_RESULT", 100)
    with pytest.raises(ResultError, match="longer than the 100 bytes allowed"):
        strict.record(take(results / "walks", results, tmp_path / "copy").folder)


def test_lines_are_those_of_the_file_and_no_longer_than_allowed(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"ab\n\ncd"))
    assert list(lines(path, most_line=3)) == [b"ab", b"", b"cd"]
    with pytest.raises(TooLarge, match="line 1 is longer than the 2 bytes"):
        list(lines(path, most_line=2))
    with pytest.raises(TooLarge, match="more than the 4 bytes"):
        list(lines(path, most_bytes=4))


def test_the_command_lists_differences_and_leaves_the_level(results, tmp_path, capsys):
    honest = take(results / "walks", results, tmp_path / "copy")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(honest.folder), "--suite", str(honest.suite)])
    assert ended.value.code == 0
    assert read_level(honest.folder, honest.record["id"]) == "recomputed"
    assert verify(honest.folder, honest.suite).differences == []  # what it left changes nothing

    honest.record["metrics"]["success"]["mean"] = 1.0
    honest.rehash()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(honest.folder), "--suite", str(honest.suite)])
    assert ended.value.code == 1
    assert "metrics.success.mean is 1.0; the episodes give 0." in capsys.readouterr().out
    assert read_level(honest.folder, honest.record["id"]) == "self"
    assert json.loads((honest.folder / VERIFIED).read_text())["differences"] == 1


def test_a_level_speaks_of_one_result_alone(tmp_path):
    write_level(tmp_path, "a", "replayed", episodes=3, replayed=3, differences=[])
    assert read_level(tmp_path, "a") == "replayed"
    assert read_level(tmp_path, "b") == "self"
    (tmp_path / VERIFIED).write_text('{"id": "a", "level": "<b>certified</b>"}')
    assert read_level(tmp_path, "a") == "self"
    for content in ("", "[", "[]", '{"id": "a"}', "[" * 10_000):
        (tmp_path / VERIFIED).write_text(content)
        assert read_level(tmp_path, "a") == "self"


def test_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(ConfigError, match="there is no folder"):
        audit.verified(tmp_path / "nowhere")
    assert f"{RESULT} is no plain file" in verify(tmp_path).differences[0]


def test_verifying_makes_no_environment(results, tmp_path, monkeypatch):
    monkeypatch.setattr(envs, "factory", lambda *args, **kwargs: pytest.fail("an environment was made"))
    honest = take(results / "homes", results, tmp_path / "copy")
    assert verify(honest.folder, suite("homes", tmp_path)).differences == []


def test_a_surrogate_in_an_observation_breaks_nothing(results, tmp_path, capsys):
    forged = take(results / "walks", results, tmp_path / "copy")
    for trace in forged.traces:
        trace["final_obs"] = "\ud800\x1b[2J\u202e"
    forged.recompute()
    assert forged.verdict().differences == []
    assert not audit.replayed(forged.folder, Path(forged.suite), pool={"workers": 0})
    assert "\\ud800\\x1b[2J\\u202e" in capsys.readouterr().out


def test_more_episodes_than_fit_in_memory_are_not_read(results, tmp_path, monkeypatch):
    monkeypatch.setattr(strict, "MOST_ROWS", 1000)
    honest = take(results / "walks", results, tmp_path / "copy")
    assert "episodes.jsonl holds more than the 1,000 bytes allowed" in " ".join(honest.verdict().differences)
