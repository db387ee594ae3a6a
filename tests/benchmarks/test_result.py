"""A result directory is addressed by its content, and says so where it was changed."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.agents.rollout import Sampler
from turngym.agents.scripted import RandomAgent
from turngym.benchmarks import entrant, numbered
from turngym.benchmarks.panel import play, player
from turngym.benchmarks.result import (
    KEYS,
    ROW,
    ResultError,
    Stored,
    canonical,
    content_id,
    contents,
    file_digest,
    read_result,
    write_result,
)
from turngym.benchmarks.trace import row, start, trace
from turngym.core.errors import ConfigError
from turngym.core.types import Call, Task, Trajectory, Turn

SECTIONS: dict[str, Any] = {
    "agent": {"name": "random"},
    "engine": {"name": "hf"},
    "pool": {"workers": 0, "slots": 4},
    "sampler": {},
}
HALLS = numbered(name="halls", env={"name": "turngym/Corridor-v0"}, first=0, count=4, max_turns=9)
words = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    with player(HALLS, SECTIONS) as sampler:
        return play(HALLS, sampler, entrant.plan(HALLS, SECTIONS, sampler, seed=0), out=tmp_path)


def test_a_result_has_the_keys_of_its_schema(stored: Stored) -> None:
    assert [*stored.record] == [*KEYS]
    assert all([*one] == [*ROW] for one in stored.rows)
    assert stored.record["panel"]["about"] == HALLS.about


def test_the_id_is_the_hash_of_everything_else(stored: Stored) -> None:
    record = json.loads((stored.folder / "result.json").read_text())
    id = record.pop("id")
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert id == hashlib.sha256(text.encode()).hexdigest() == stored.id


@given(st.dictionaries(st.text(), words, max_size=4))
def test_the_id_ignores_the_order_of_keys_and_the_id_itself(record: dict[str, Any]) -> None:
    turned = dict(reversed(record.items()))
    assert content_id(record) == content_id(turned | {"id": "x"}) == content_id(json.loads(canonical(record)))


def test_equal_attempts_are_packed_into_equal_bytes(stored: Stored, tmp_path: Path) -> None:
    again = write_result(tmp_path / "again", stored.record, stored.rows, stored.traces())
    assert again.record["files"] == stored.record["files"]
    assert again.id == stored.id


def rewrite(stored: Stored, **changes: Any) -> None:
    (stored.folder / "result.json").write_text(json.dumps(stored.record | changes))


def test_a_changed_number_is_told(stored: Stored) -> None:
    rewrite(stored, seed=7)
    with pytest.raises(ResultError, match=r"result\.json was changed: its content has the id"):
        read_result(stored.folder)
    assert read_result(stored.folder, check=False).record["seed"] == 7


@pytest.mark.parametrize("name", ["episodes.jsonl", "traces.jsonl.gz"])
def test_a_changed_file_is_told(stored: Stored, name: str) -> None:
    path = stored.folder / name
    packed = path.suffix == ".gz"
    text = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    text = text.replace(b'"seed":0', b'"seed":9', 1)
    path.write_bytes(gzip.compress(text) if packed else text)
    with pytest.raises(ResultError, match=f"{name} was changed: its digest is not the one"):
        read_result(stored.folder)


def test_contents_are_checked_against_the_episodes(stored: Stored) -> None:
    record = stored.record | {"panel": stored.record["panel"] | {"contents": "0" * 64}}
    record["id"] = content_id(record)
    (stored.folder / "result.json").write_text(json.dumps(record))
    with pytest.raises(ResultError, match=r"states contents that are not those of episodes\.jsonl"):
        read_result(stored.folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "holds no JSON"),
        ("[]", "has schema None; this version of turngym reads schema 1"),
        ('{"schema": 2}', "has schema 2; this version of turngym reads schema 1"),
        ('{"schema": 1}', "has no 'id'"),
        ('{"schema": 1, "id": 5}', "has id = 5, which is of the wrong type"),
    ],
)
def test_what_is_no_result_is_told(stored: Stored, text: str, sentence: str) -> None:
    (stored.folder / "result.json").write_text(text)
    with pytest.raises(ResultError) as refusal:
        read_result(stored.folder)
    assert sentence in str(refusal.value)


def test_a_folder_without_a_result_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="No such file or directory; a result is a folder with"):
        read_result(tmp_path)


def test_a_line_without_a_key_is_told_by_number(stored: Stored) -> None:
    lines = (stored.folder / "episodes.jsonl").read_text().splitlines()
    lines[1] = json.dumps({key: value for key, value in stored.rows[1].items() if key != "reward"})
    (stored.folder / "episodes.jsonl").write_text("\n".join(lines))
    with pytest.raises(ResultError, match=r"episodes\.jsonl line 2 has no 'reward'"):
        read_result(stored.folder)


def test_traces_that_break_off_are_told(stored: Stored) -> None:
    path = stored.folder / "traces.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ResultError, match=r"cannot read .*traces\.jsonl\.gz"):
        [*stored.traces()]


def turn(**fields: Any) -> Turn:
    return Turn(**({"obs": "A door.", "action": "open", "reward": 1.0, "state": ("hall", 1)} | fields))


def attempt(*turns: Turn) -> Trajectory:
    return Trajectory(task=Task(env="House-v0", seed=3), member=0, turns=[*turns], success=True)


def test_what_a_reset_shows_decides_the_start_and_nothing_later_does() -> None:
    first = start(trace(attempt(turn())))
    assert start(trace(attempt(turn(action="sleep", reward=0.0), turn(obs="A bed.")))) == first
    others = [{"obs": "A window."}, {"state": ("hall", 2)}, {"admissible": ["open"]}]
    assert len({first, *(start(trace(attempt(turn(**other)))) for other in others)}) == 4
    assert start(trace(attempt())) is None


def test_a_state_without_a_lasting_text_does_not_decide_the_start() -> None:
    odd = [turn(state=("hall", frozenset({"a", "b"}))), turn(state=frozenset({"b"}))]
    assert len({start(trace(attempt(one))) for one in odd}) == 1


def test_contents_need_the_start_of_every_task() -> None:
    rows = [row(trace(attempt(turn())))]
    known = contents("panel", {}, rows)
    assert known is not None
    assert known != contents("panel", {"test": "other data"}, rows)
    assert contents("panel", {}, [*rows, rows[0] | {"task": "another", "start": None}]) is None
    assert contents("panel", {}, [rows[0] | {"start": None}, *rows]) == known  # one attempt saw it


def test_a_text_that_is_no_unicode_survives(tmp_path: Path, stored: Stored) -> None:
    odd = trace(attempt(turn(obs="half a pair: \ud800", reward=float("nan"))))
    again = write_result(tmp_path / "odd", stored.record, [row(odd)], [odd])
    assert next(again.traces())["turns"][0]["obs"] == "half a pair: \ud800"
    assert again.rows[0]["reward"] is None


class Letters:
    """A tokenizer of letters: 1 is a, 2 is b; 0 is a special token."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        shown = {0: "" if skip_special_tokens else "<s>", 1: "a", 2: "b"}
        return "".join(shown[id] for id in token_ids)


def test_prompts_and_pieces_are_kept_as_text() -> None:
    call = Call(prompt_ids=[0, 1, 2], action_ids=[2, 1, 0], logprobs=[-1.0, -2.0, -3.0])
    told = trace(attempt(turn(calls=[call])), Letters())["turns"][0]["calls"][0]
    assert told["prompt"] == "<s>ab"
    assert told["pieces"] == ["b", "a", "<s>"]
    assert told["logprobs"] == [-1.0, -2.0, -3.0]
    assert "prompt" not in trace(attempt(turn(calls=[call])))["turns"][0]["calls"][0]


def test_a_plan_says_who_plays() -> None:
    sampler = Sampler(pool=None, agent=RandomAgent, max_turns=9, temperature=0.5)  # type: ignore[arg-type]
    plan = entrant.plan(HALLS, SECTIONS, sampler, seed=3)
    assert plan["agent"] | {"digest": ""} == {
        "name": "random",
        "arguments": {},
        "distribution": "turngym 0.1.0",
        "digest": "",
    }
    assert (plan["model"], plan["credit"], plan["trained_on"]) == (None, None, "none")
    assert plan["decoding"]["temperature"] == 0.5
    assert plan["env"]["id"] == "turngym/Corridor-v0"


def test_a_word_that_trained_on_does_not_know_is_refused() -> None:
    sampler = Sampler(pool=None, agent=RandomAgent, max_turns=9)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="--trained-on is 'train'; did you mean 'train_split'"):
        entrant.plan(HALLS, SECTIONS, sampler, seed=3, model="m", trained_on="train")


def test_the_credit_of_a_model_is_read_from_its_training_run(tmp_path: Path) -> None:
    policy = tmp_path / "run" / "checkpoints" / "step-00012" / "policy"
    policy.mkdir(parents=True)
    assert entrant.credit(str(policy)) is None
    (tmp_path / "run" / "run.toml").write_text('[credit]\nname = "hgpo"\n')
    assert entrant.credit(str(policy)) == "hgpo"


def test_the_digest_of_a_model_covers_weights_and_tokenizer_alone(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    first = entrant.weights(str(tmp_path), {"name": "hf"})["digest"]
    (tmp_path / "notes.md").write_bytes(b"good")
    assert entrant.weights(str(tmp_path), {"name": "hf"})["digest"] == first
    (tmp_path / "tokenizer.json").write_bytes(b"{ }")
    assert entrant.weights(str(tmp_path), {"name": "hf"})["digest"] != first
    assert entrant.weights("somebody/model", {"name": "http", "url": "u"})["digest"] is None


def test_a_file_is_digested_as_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert file_digest(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()
