"""Answers survive on disk, by content, whoever writes them."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from turngym.credit.judging.cache import Cache, key

WORDS = st.recursive(
    st.text() | st.integers() | st.booleans(), lambda inner: st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), WORDS))
def test_a_key_follows_from_the_content_and_not_from_its_order(question):
    assert key(question) == key(dict(reversed(question.items())))
    assert key(question) != key({"other": question})


def test_a_key_is_the_same_in_every_process():
    assert key({"b": 1, "a": "é"}) == hashlib.sha256(b'{"a":"\\u00e9","b":1}').hexdigest()


def test_an_answer_is_read_back_by_another_cache(tmp_path):
    Cache(tmp_path / "answers.jsonl").put("k", "Score: 1/2")
    assert Cache(tmp_path / "answers.jsonl").get("k") == "Score: 1/2"
    assert Cache(tmp_path / "answers.jsonl").get("other") is None


def test_a_cache_sees_what_another_process_wrote_since(tmp_path):
    here, there = Cache(tmp_path / "answers.jsonl"), Cache(tmp_path / "answers.jsonl")
    here.put("a", "1")
    assert there.get("a") == "1"
    here.put("b", "2")
    assert there.get("b") == "2"


def test_a_line_that_was_cut_off_harms_no_other(tmp_path):
    path = tmp_path / "answers.jsonl"
    Cache(path).put("a", "1")
    with path.open("ab") as file:
        file.write(b'{"key": "b", "ans')
    Cache(path).put("c", "3")
    read = Cache(path)
    assert [read.get(name) for name in "abc"] == ["1", None, "3"]


def test_lines_of_another_kind_are_passed_over(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'[]\nnull\n{"key": 1, "answer": 2}\n\xff\xfe\n{"key": "a", "answer": null}\n')
    Cache(path).put("a", "1")
    assert Cache(path).get("a") == "1"


def write_many(path: Path, writer: int) -> None:
    cache = Cache(path)
    for number in range(50):
        cache.put(f"{writer}-{number}", "x" * 5000)


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "answers.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, writer)) for writer in range(3)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert {entry["key"] for entry in entries} == {f"{w}-{n}" for w in range(3) for n in range(50)}
