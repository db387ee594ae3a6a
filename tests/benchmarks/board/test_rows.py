"""From result directories to rows, ranks and ties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.benchmarks.board.made import MODEL, agent, attempt, halls, make, store

from turngym.benchmarks import entrant
from turngym.benchmarks.board import entries
from turngym.benchmarks.board.entries import Entry, Refused
from turngym.benchmarks.board.rows import Board, board
from turngym.core.errors import PrerequisiteError

WEAK = [place % 5 == 0 for place in range(60)]
STRONG = [place % 5 != 0 for place in range(60)]
ALMOST = [place % 5 != 0 or place == 0 for place in range(60)]


def read(folder: Path) -> Entry:
    found = entries.read(folder)
    assert isinstance(found, Entry), found
    return found


def boarded(folder: Path, **ends: list[bool]) -> Board:
    made = [make(folder / name, won, agent=agent(name)) for name, won in ends.items()]
    return board([read(one) for one in made])


def ranks(made: Board) -> dict[str, int | None]:
    return {row.entry.agent: row.rank for panel in made.panels for row in panel.rows}


def test_who_wins_clearly_more_ranks_higher(tmp_path: Path) -> None:
    made = boarded(tmp_path, weak=WEAK, strong=STRONG)
    assert ranks(made) == {"strong": 1, "weak": 2}
    strong, weak = made.panels[0].ranked
    assert (strong.against[weak.entry.id].verdict, weak.against[strong.entry.id].verdict) == (
        "better",
        "worse",
    )
    assert strong.against[weak.entry.id].difference == pytest.approx(0.6)
    assert weak.against[strong.entry.id].difference == pytest.approx(-0.6)


def test_entries_that_one_task_tells_apart_share_a_rank(tmp_path: Path) -> None:
    made = boarded(tmp_path, weak=WEAK, strong=STRONG, almost=ALMOST)
    assert ranks(made) == {"almost": 1, "strong": 1, "weak": 3}
    almost, strong, weak = made.panels[0].ranked
    assert almost.ties == [strong.entry.id]
    assert weak.ties == []


@settings(max_examples=10)
@given(order=st.permutations([0, 1, 2]))
def test_the_board_does_not_depend_on_the_order_of_entries(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("results")
    made = [make(place / str(n), won) for n, won in enumerate([WEAK, STRONG, ALMOST])]
    read_in = [read(folder) for folder in made]
    assert board([read_in[n] for n in order]) == board(read_in)


def test_panels_of_one_name_and_two_digests_are_two_tables(tmp_path: Path) -> None:
    panels = [halls(), halls(max_turns=99)]
    made = [make(tmp_path / str(n), STRONG, panel) for n, panel in enumerate(panels)]
    tables = board([read(one) for one in made]).panels
    assert {table.said["digest"] for table in tables} == {panel.digest for panel in panels}
    assert [len(table.ranked) for table in tables] == [1, 1]
    assert all(row.against == {} for table in tables for row in table.ranked)


def test_a_result_that_claims_the_digest_of_another_panel_is_refused(tmp_path: Path) -> None:
    easier = halls(max_turns=1000)
    panel = entrant.panel(easier) | {"digest": halls().digest, "contents": None}
    found = entries.read(make(tmp_path / "cheat", STRONG, easier, panel=panel))
    assert isinstance(found, Refused)
    assert "digest" in found.reason


def test_a_table_has_the_name_that_most_of_its_entries_give(tmp_path: Path) -> None:
    names = ["halls", "best halls", "halls"]
    made = [make(tmp_path / str(n), STRONG, halls(name=name), seed=n) for n, name in enumerate(names)]
    (table,) = board([read(one) for one in made]).panels
    assert table.said["name"] == "halls"
    assert len(table.ranked) == 3


def test_few_tasks_and_training_on_the_panel_are_listed_apart(tmp_path: Path) -> None:
    few = make(tmp_path / "few", [True] * 12)
    taught = make(tmp_path / "taught", STRONG, trained_on="this_panel", model=MODEL)
    made = board([read(few), read(taught)])
    assert [row.apart for table in made.panels for row in table.apart] == [
        "12 tasks, which is less than 30",
        "trained on this panel",
    ]
    assert [row.rank for table in made.panels for row in table.rows] == [None, None]
    assert ranks(board([read(few)], min_tasks=12)) == {"random": 1}


def test_a_lost_episode_is_a_failure_in_a_comparison(tmp_path: Path) -> None:
    lost = make(tmp_path / "lost", [None] * 30 + [True] * 30)
    won = make(tmp_path / "won", [True] * 60)
    first, second = board([read(lost), read(won)]).panels[0].ranked
    assert first.against[second.entry.id].difference == 0.5
    assert second.mean("error_rate") == 0.5


def test_without_success_the_reward_ranks(tmp_path: Path) -> None:
    def earning(name: str, bonus: float) -> Entry:
        ends = [(task, task.seed % 2 == 0) for task in halls().tasks]
        played = [attempt(task, won, told=False, bonus=bonus) for task, won in ends]
        return read(store(tmp_path / name, played, halls(), agent=agent(name)))

    made = board([earning("poor", 0.0), earning("rich", 3.0)])
    assert made.panels[0].measure == "reward"
    assert ranks(made) == {"rich": 1, "poor": 2}


def test_results_that_start_differently_neither_beat_nor_tie(tmp_path: Path) -> None:
    def starting(name: str, won: list[bool], obs: str) -> Entry:
        played = [attempt(task, end, obs=obs) for task, end in zip(halls().tasks, won, strict=True)]
        return read(store(tmp_path / name, played, halls()))

    made = board([starting("old", STRONG, "A hall."), starting("new", WEAK, "A corridor.")])
    first, second = made.panels[0].ranked
    assert (first.rank, second.rank, first.ties, dict(first.against)) == (1, 1, [], {})
    assert "starts differently in" in first.unlike[second.entry.id]
    assert str(tmp_path) not in first.unlike[second.entry.id]


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "result.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_changed_directories_are_refused_with_the_reason(tmp_path: Path) -> None:
    result, episodes, broken = (make(tmp_path / name, STRONG) for name in ("a", "b", "c"))
    change(result, '"seed": 0', '"seed": 7')
    with (episodes / "episodes.jsonl").open("ab") as file:
        file.write((episodes / "episodes.jsonl").read_bytes().splitlines(keepends=True)[0])
    (broken / "result.json").write_text("{", encoding="utf-8")
    read_in, refused = entries.collect([tmp_path])
    assert read_in == []
    assert [one.folder for one in refused] == ["a", "b", "c"]
    assert "the content of result.json has" in refused[0].reason
    assert "files.episodes.jsonl is" in refused[1].reason
    assert "more)" in refused[1].reason
    assert "result.json" in refused[2].reason
    assert not any(str(tmp_path) in one.reason for one in refused)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("panel", {"name": "halls"}),
        ("panel", entrant.panel(halls()) | {"digest": "../../etc", "contents": None}),
        ("agent", {"name": 7, "arguments": {}, "distribution": None, "digest": None}),
        ("metrics", {"success": {"mean": "high"}}),
        ("trained_on", "everything"),
        ("failures", {"crash": -1}),
    ],
)
def test_a_sealed_result_of_another_form_is_refused(tmp_path: Path, key: str, value: object) -> None:
    found = entries.read(make(tmp_path / "odd", STRONG, **{key: value}))
    assert isinstance(found, Refused)
    assert key in found.reason


def test_a_copy_of_a_result_is_listed_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(tmp_path / name, STRONG)
    assert len(entries.collect([tmp_path / "one", tmp_path])[0]) == 1


def test_a_place_without_a_result_is_told(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="has no result in it"):
        entries.collect([tmp_path])


def test_a_verdict_on_another_result_does_not_count(tmp_path: Path) -> None:
    folder = make(tmp_path / "result", STRONG)
    levels = [read(folder).verified]
    for id in ("0" * 64, read(folder).id):
        (folder / "verified.json").write_text(json.dumps({"id": id, "level": "replayed"}), encoding="utf-8")
        levels.append(read(folder).verified)
    assert levels == ["recomputed", "recomputed", "replayed"]


def test_a_number_that_the_episodes_do_not_give_is_refused_though_sealed(tmp_path: Path) -> None:
    found = entries.read(
        make(tmp_path / "boasting", WEAK, metrics=read(make(tmp_path / "s", STRONG)).record["metrics"])
    )
    assert isinstance(found, Refused)
    assert found.reason.startswith("metrics.success.mean is 0.8; the episodes give 0.2")
