"""Episodes survive the way to disk and back, and a broken line costs only itself."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core.episodes import read_episodes, show, write_episodes
from turngym.core.types import Call, Status, Task, Trajectory, Turn

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False)
states = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | words,
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    sampled = draw(st.lists(st.tuples(st.integers(0, 99), numbers), max_size=3))
    return Call(
        prompt_ids=draw(st.lists(st.integers(0, 99), max_size=3)),
        action_ids=[token for token, _ in sampled],
        logprobs=[logprob for _, logprob in sampled],
        stop=draw(st.sampled_from(["stop", "length"])),
        version=draw(st.integers(0, 9)),
    )


turns = st.builds(
    Turn,
    obs=words,
    action=words,
    reward=numbers,
    terminated=st.booleans(),
    truncated=st.booleans(),
    state=states,
    valid=st.booleans(),
    admissible=st.none() | st.lists(words, max_size=2),
    calls=st.lists(calls(), max_size=2),
)
trajectories = st.builds(
    Trajectory,
    task=st.builds(Task, env=words, seed=st.integers(), options=st.dictionaries(words, words, max_size=2)),
    member=st.integers(0, 9),
    turns=st.lists(turns, max_size=3),
    final_obs=words,
    status=st.sampled_from(Status),
    success=st.none() | st.booleans(),
    score=st.none() | st.floats(0, 1),
    category=st.none() | words,
    error=st.none() | words,
)


def episode(member: int = 0, **turn: object) -> Trajectory:
    fields = {"obs": "A door.", "action": "open door", "reward": 1.0} | turn
    return Trajectory(task=Task(env="House-v0", seed=3), member=member, turns=[Turn(**fields)], success=True)  # type: ignore[arg-type]


@given(st.lists(trajectories, max_size=3))
def test_episodes_read_back_equal(episodes: list[Trajectory]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "episodes.jsonl")
        write_episodes(path, episodes, tokens=True)
        assert read_episodes(path) == (episodes, [])
        packed = Path(folder, "episodes.jsonl.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert read_episodes(packed) == (episodes, [])


def test_a_packed_file_that_breaks_off_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    write_episodes(path, [episode(member) for member in range(3)])
    packed = gzip.compress(path.read_bytes())
    (tmp_path / "episodes.jsonl.gz").write_bytes(packed[:-8])  # without checksum and length
    read, faults = read_episodes(tmp_path / "episodes.jsonl.gz")
    assert [one.member for one in read] == [0, 1, 2]
    assert len(faults) == 1
    assert faults[0].startswith("episodes.jsonl.gz cannot be unpacked further")


def test_without_tokens_only_the_calls_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    spoken = episode(calls=[Call(prompt_ids=[1, 2], action_ids=[3], logprobs=[-0.5])])
    write_episodes(path, [spoken])
    assert read_episodes(path) == ([episode()], [])


def test_appending_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    for member in range(3):
        write_episodes(path, [episode(member)], append=True)
    assert [read.member for read in read_episodes(path)[0]] == [0, 1, 2]


def test_a_state_that_json_cannot_hold_is_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    write_episodes(path, [episode(state=("room", frozenset({1})))])
    assert read_episodes(path)[0][0].turns[0].state == ("room", "frozenset({1})")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"env": "House-v0", "seed": 3', "Expecting"),
        (b"\xff\xfe", "utf"),
        (b"[]", "is no JSON object"),
        (b'{"env": "House-v0"}', "it has no 'seed'"),
        (b'{"env": "House-v0", "seed": "three"}', "seed = 'three' is of the wrong type"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_malformed_line_is_named_and_costs_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "episodes.jsonl"
    write_episodes(path, [episode(0)])
    path.write_bytes(path.read_bytes() + line + b"\n\n")
    write_episodes(path, [episode(1)], append=True)
    read, faults = read_episodes(path)
    assert read == [episode(0), episode(1)]
    assert len(faults) == 1
    assert faults[0].startswith("episodes.jsonl line 2 is no episode: ")
    assert reason in faults[0]


def test_an_episode_is_shown_as_a_person_reads_it() -> None:
    shown = Trajectory(
        task=Task(env="House-v0", seed=3),
        member=1,
        turns=[
            Turn(obs="A door.", action="fly", reward=0.0, valid=False),
            Turn(obs="Nothing happens.", action="open door", reward=1.0),
        ],
        final_obs="The door is open.",
        success=True,
    )
    assert show(shown) == (
        "== House-v0?seed=3, member 1: done, success, reward 1, 2 turns\n\n"
        "A door.\n> fly    [invalid]\n\n"
        "Nothing happens.\n> open door    [reward 1]\n\n"
        "The door is open.\n"
    )


def test_a_failed_episode_is_shown_with_its_cause() -> None:
    failed = Trajectory(
        task=Task(env="House-v0", seed=3), member=0, turns=[], status=Status.ENV_ERROR, error="died in step"
    )
    assert "env_error, success not told, reward 0, 0 turns\ndied in step" in show(failed)
