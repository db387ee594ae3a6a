"""One pass over a file of episodes that may be broken, cut off, growing or replaced."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmarks.viewer.episodes import WALKS, episode, lines, record, sampled, turn, write

from turngym.benchmarks.viewer.index import Changed, Index, searched
from turngym.core.episodes import read_episodes
from turngym.core.errors import ConfigError

NAMES = ["episodes.jsonl", "traces.jsonl.gz"]


@pytest.mark.parametrize("name", NAMES)
def test_every_episode_is_found_again_where_the_index_says(tmp_path, name):
    index = Index(write(tmp_path / name, WALKS))
    assert [index.record(number) for number in range(len(WALKS))] == [record(each) for each in WALKS]
    assert [index.trajectory(number) for number in range(len(WALKS))] == WALKS


def test_a_row_says_what_the_list_shows(tmp_path):
    rows = Index(write(tmp_path / "episodes.jsonl", WALKS)).rows
    assert [row.task for row in rows] == ["test?seed=1"] * 4 + ["test?seed=2"]
    assert [row.member for row in rows] == [0, 1, 2, 3, 0]
    assert [row.success for row in rows] == [True, False, True, None, None]
    assert [row.status for row in rows] == ["done", "done", "done", "env_error", "turn_limit"]
    assert [row.reward for row in rows] == [1.0, 0.0, 1.0, 0.0, 0.5]
    assert [(row.turns, row.invalid) for row in rows] == [(3, 0), (3, 1), (3, 0), (1, 0), (1, 0)]
    assert rows[3].error == "the house burnt down"


def test_tokens_that_were_not_stored_are_not_zero(tmp_path):
    path = tmp_path / "episodes.jsonl"
    stored = [record(WALKS[0]), record(WALKS[0])]
    for each in stored[0]["turns"]:
        del each["calls"]
    path.write_text("".join(json.dumps(each) + "\n" for each in stored))
    assert [row.tokens for row in Index(path).rows] == [None, 0]


BROKEN = ["{", "[]", "null", "17", '{"env": "x"}', '"\\ud800"', "\x00", '{"turns": 3}', "[" * 5000]


@given(st.lists(st.one_of(st.sampled_from(BROKEN), st.sampled_from(lines(WALKS)), st.just(""))))
def test_a_broken_line_is_told_with_its_number_and_takes_nothing_with_it(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("broken") / "episodes.jsonl"
    path.write_text("".join(f"{line}\n" for line in written))
    trajectories, faults = read_episodes(path)
    index = Index(path)
    assert [index.trajectory(number) for number in range(len(index.rows))] == trajectories
    told = [fault.partition(" is no episode")[0] for fault in index.faults]
    assert told == [fault.partition(" is no episode")[0] for fault in faults]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file_has_no_episodes_and_no_faults(tmp_path, name):
    index = Index(write(tmp_path / name, []))
    assert (index.rows, index.notes) == ([], [])


@given(st.data())
def test_a_file_that_grows_in_pieces_ends_with_the_same_rows(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("growing") / "episodes.jsonl"
    whole = "".join(f"{line}\n" for line in [*lines(WALKS), "{", *lines(WALKS[:1])]).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    path.write_bytes(b"")
    index = Index(path)
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        with path.open("ab") as file:
            file.write(whole[start:end])
        index.refresh()
        assert index.generation == 0
    assert [row.place.number for row in index.rows] == [1, 2, 3, 4, 5, 7]
    assert [fault[:21] for fault in index.notes] == ["episodes.jsonl line 6"]
    assert index.trajectory(5) == WALKS[0]


def test_a_line_that_is_being_written_is_no_fault(tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS)
    with path.open("a") as file:
        file.write(lines(WALKS)[0][:40])
    index = Index(path)
    assert len(index.rows) == len(WALKS)
    assert index.notes == ["the last line of episodes.jsonl is still being written"]


def test_a_last_line_without_an_end_counts_when_it_is_whole(tmp_path):
    path = tmp_path / "episodes.jsonl"
    path.write_text("\n".join(lines(WALKS)))
    index = Index(path)
    assert len(index.rows) == len(WALKS)
    with path.open("a") as file:
        file.write("\n" + lines(WALKS)[1] + "\n")
    index.refresh()
    assert index.rows[-1].place.number == len(WALKS) + 1
    assert index.trajectory(len(WALKS)) == WALKS[1]


def shorter(path):
    write(path, WALKS[:2])


def longer(path):
    write(path, [*WALKS[::-1], *WALKS])


def renamed(path):
    write(path.with_name("other"), WALKS[::-1]).replace(path)


@pytest.mark.parametrize("replace", [shorter, longer, renamed])
def test_a_replaced_file_is_indexed_anew(tmp_path, replace):
    path = write(tmp_path / "episodes.jsonl", WALKS)
    index = Index(path)
    replace(path)
    index.refresh()
    assert index.generation == 1
    assert [index.trajectory(number) for number in range(len(index.rows))] == read_episodes(path)[0]


def test_a_compressed_file_that_was_written_anew_is_unpacked_anew(tmp_path):
    index = Index(write(tmp_path / "traces.jsonl.gz", WALKS[:1]))
    write(tmp_path / "traces.jsonl.gz", WALKS)
    index.refresh()
    assert (len(index.rows), index.generation) == (len(WALKS), 1)


def test_an_episode_of_a_replaced_file_is_refused_and_not_mixed_up(tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS)
    index = Index(path)
    write(path, [episode(9, 9, turn("z"), turn("y")) for _ in range(20)])
    for number in range(len(WALKS)):
        with pytest.raises(Changed, match="load the page again"):
            index.record(number)


def test_a_file_that_is_gone_is_told_in_a_sentence(tmp_path):
    path = write(tmp_path / "episodes.jsonl", WALKS)
    index = Index(path)
    path.unlink()
    with pytest.raises(ConfigError, match=r"cannot read .*episodes\.jsonl"):
        index.refresh()


@given(st.data())
def test_a_compressed_file_that_is_cut_off_keeps_what_comes_before(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("cut") / "traces.jsonl.gz", WALKS * 20)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(1, len(whole) - 1))])
    index = Index(path)
    assert "damaged" in index.notes[0]
    expected = (WALKS * 20)[: len(index.rows)]
    assert [index.trajectory(number) for number in range(len(index.rows))] == expected


def test_most_episodes_of_a_file_that_lacks_its_last_bytes_are_shown(tmp_path):
    path = write(tmp_path / "traces.jsonl.gz", WALKS * 20)
    path.write_bytes(path.read_bytes()[:-4])
    assert len(Index(path).rows) == 100


def test_what_is_no_gzip_at_all_is_told(tmp_path):
    path = tmp_path / "traces.jsonl.gz"
    path.write_text("hello")
    index = Index(path)
    assert index.rows == []
    assert "damaged" in index.notes[0]


def test_a_file_compressed_in_several_members_is_read_to_its_end(tmp_path):
    path = tmp_path / "traces.jsonl.gz"
    path.write_bytes(b"".join(gzip.compress(f"{line}\n".encode()) for line in lines(WALKS)))
    index = Index(path)
    assert (len(index.rows), index.notes) == (len(WALKS), [])


WORDS = st.text(alphabet='aAkK\u212aéÉ"\\/\n<u0', max_size=6)


@given(st.lists(WORDS, min_size=1, max_size=4), WORDS, st.booleans())
def test_a_search_finds_what_looking_into_every_text_finds(tmp_path_factory, texts, needle, ascii_only):
    path = tmp_path_factory.mktemp("search") / "episodes.jsonl"
    stored = [record(episode(1, n, turn("a", action=text))) for n, text in enumerate(texts)]
    for each in stored:
        del each["turns"][0]["calls"]
    path.write_text("".join(json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in stored))
    slow = [
        n for n, each in enumerate(stored) if any(needle.lower() in text.lower() for text in searched(each))
    ]
    assert list(Index(path).search(needle)) == slow


def test_a_search_looks_into_replies_across_their_tokens(tmp_path):
    said = episode(1, 0, turn("a", calls=[sampled(-0.1, -0.2)]))
    index = Index(write(tmp_path / "episodes.jsonl", [*WALKS, said]))
    assert list(index.search("W0 w1")) == [len(WALKS)]


def test_an_observation_of_a_megabyte_is_indexed_like_any_other(tmp_path):
    huge = episode(1, 0, turn("a", obs="x" * 1_000_000 + "needle"))
    index = Index(write(tmp_path / "episodes.jsonl", [WALKS[0], huge, WALKS[1]]))
    assert list(index.search("needle")) == [1]
    assert index.trajectory(1) == huge
