"""`turngym/Library-v0`: visits, rules, rewards."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turngym.envs
from turngym.envs.tools.calls import written
from turngym.envs.tools.database import Database
from turngym.envs.tools.domain import Call, reference
from turngym.envs.tools.library.env import Library, desk
from turngym.envs.tools.library.rules import POLICY, RULES, forbids, of_member
from turngym.envs.tools.library.stock import LEVELS, TODAY, branch
from turngym.envs.tools.library.tools import toolbox
from turngym.envs.tools.library.visits import visit

DIGESTS = {
    ("easy", "train", 1000): "001059c636b33313b20c3105a1928ee6ae69669411594b280cee8a3593da5e7c",
    ("easy", "test", 200): "6ddd0e3ded741223e732e782da3f83a9a6af3b7b2acf379a9900e765e7ab8183",
    ("medium", "train", 1000): "1a26bdd71cfa7598f9e87cbb53a9f6024574c2982667ffa16ab49d83ad6e9aee",
    ("medium", "test", 200): "43a816ee976be0ae9820af07a8adb4bfc08fdb35f23693461d00283e67a2c9c0",
    ("hard", "train", 1000): "b711693a5087ed0d0854d1117ff582a5a942941de1bc4fe8979645af2834016c",
    ("hard", "test", 200): "c601bebcd55ee727ecd2c9c64497699f83d541b6aee321153b168ea2a96ebf2b",
}
LEVEL, SPLIT, NUMBER = st.sampled_from([*LEVELS]), st.sampled_from(["train", "test"]), st.integers(0, 5_000)


def play(level: str, user: str, task: int | str, split: str = "test") -> tuple[bool, list[str]]:
    """The expert's episode: whether it was won, and what was done."""
    env = Library(level=level, split=split, user=user, expert=True)
    _, info = env.reset(seed=0, options={"task": task})
    actions: list[str] = []
    while "expert" in info and len(actions) < 60:
        actions.append(info["expert"])
        _, _, _, _, info = env.step(actions[-1])
    return info["success"], actions


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("user", ["solo", "scripted"])
def test_it_keeps_the_contract_of_an_environment(level: str, user: str) -> None:
    verdicts = turngym.envs.check_env("turngym/Library-v0", level=level, user=user)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize(("level", "split", "count"), DIGESTS)
def test_a_split_is_told_by_its_digest(level: str, split: str, count: int) -> None:
    assert desk(level, split, count).digest == DIGESTS[level, split, count]


def test_the_splits_share_no_visit_and_a_longer_one_begins_like_a_shorter() -> None:
    train = {visit("easy", "train", number).instruction for number in range(1000)}
    test = {visit("easy", "test", number).instruction for number in range(200)}
    assert not train & test
    assert desk("easy", "train", 20).ids == desk("easy", "train", 30).ids[:20]


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("user", ["solo", "scripted"])
@pytest.mark.parametrize(("split", "count"), [("test", 200), ("train", 500)])
def test_the_expert_wins_every_visit(level: str, user: str, split: str, count: int) -> None:
    assert [number for number in range(count) if not play(level, user, number, split)[0]] == []


@settings(max_examples=30, deadline=None)
@given(LEVEL, st.sampled_from(["solo", "scripted"]), st.integers(0, 199))
def test_the_expert_wins(level: str, user: str, number: int) -> None:
    assert play(level, user, number)[0]


@settings(max_examples=50, deadline=None)
@given(LEVEL, SPLIT, NUMBER)
def test_a_visit_is_granted_what_is_allowed_and_only_that(level: str, split: str, number: int) -> None:
    place = desk(level, split, 5_001)
    request = place.request(number)
    database = place.database(request)
    box = place.toolbox(database)
    visitor = request.calls[1].arguments["member_id"]
    before = database.changes()
    for call in request.calls:
        if call.name not in ("find_member", "get_member", "search_titles"):
            assert forbids(database, visitor, call) is None
        assert not box.call(call.name, call.arguments).startswith("Error")
    refused = [output for output in request.outputs if output in RULES]
    assert not {*refused} & {*request.unsaid}
    granted = [
        call for call in request.calls if call.name not in ("find_member", "get_member", "search_titles")
    ]
    assert (database.changes() == before) <= (
        not granted or granted[-1].name == "renew_loan" or len(granted) > 1
    )
    assert reference(place, number) == database.changes()


@settings(max_examples=50, deadline=None)
@given(LEVEL, SPLIT, NUMBER)
def test_a_visit_is_told_in_full_to_either_user(level: str, split: str, number: int) -> None:
    request = visit(level, split, number)
    assert all(wish in request.instruction for wish in request.script.wishes)
    assert request.script.facts[0].text in request.instruction
    assert len(request.script.wishes) == len(request.parts) - 1


@pytest.mark.parametrize("level", LEVELS)
def test_doing_nothing_or_naming_every_rule_wins_nothing(level: str) -> None:
    env = Library(level=level, split="test")
    for words in ("Done.", "I am sorry, that is not possible.", " ".join(RULES)):
        won = 0.0
        for number in range(60):
            env.reset(seed=0, options={"task": number})
            won += env.step(words)[1]
        assert won == 0.0


def test_every_rule_and_every_kind_of_wish_occurs() -> None:
    requests = [visit("medium", "train", number) for number in range(300)]
    said = {output for request in requests for output in request.outputs}
    assert {*RULES} <= said
    called = {call.name for request in requests for call in request.calls}
    assert called == {tool.name for tool in toolbox(Database(branch(LEVELS["easy"], 0)))}


def library() -> Database:
    """A branch with one member of each kind that matters, written by hand."""
    member = {"kind": "adult", "born": "1980-01-01", "card_expires": str(TODAY), "owes": "5.00"}
    members = {
        "good": member,
        "expired": member | {"card_expires": "2026-03-08"},
        "owing": member | {"owes": "5.01"},
        "child": member | {"kind": "child", "born": "2014-03-10"},
    }
    book = {"kind": "book", "age": 0, "copies": {"C1": "on the shelf"}}
    titles = {
        "here": book,
        "out": book | {"copies": {"C2": "on loan"}},
        "reference": book | {"kind": "reference"},
        "twelve": book | {"age": 12},
    }
    loan = {"title_id": "out", "due": str(TODAY), "renewals": 1}
    loans = {
        "C2": loan | {"member_id": "good"},
        "C3": loan | {"member_id": "good", "renewals": 2},
        "C4": loan | {"member_id": "good", "due": "2026-03-08"},
        "C5": loan | {"member_id": "good", "title_id": "wanted"},
    }
    loans |= {f"K{n}": loan | {"member_id": "child"} for n in range(3)}
    return Database(
        {
            "members": {id: record | {"member_id": id} for id, record in members.items()},
            "titles": {id: record | {"title_id": id} for id, record in titles.items()},
            "loans": loans,
            "holds": {"h1": {"title_id": "wanted", "member_id": "owing"}},
            "librarian": {},
        }
    )


@pytest.mark.parametrize(
    ("visitor", "tool", "arguments", "rule"),
    [
        ("good", "lend", {"member_id": "good", "title_id": "here"}, None),
        ("good", "lend", {"member_id": "child", "title_id": "here"}, 1),
        ("good", "renew_loan", {"copy_id": "K0"}, 1),
        ("good", "cancel_hold", {"hold_id": "h1"}, 1),
        ("expired", "lend", {"member_id": "expired", "title_id": "here"}, 2),
        ("expired", "renew_card", {"member_id": "expired"}, None),
        ("owing", "place_hold", {"member_id": "owing", "title_id": "out"}, 3),
        ("owing", "renew_card", {"member_id": "owing"}, 3),
        ("owing", "cancel_hold", {"hold_id": "h1"}, None),
        ("owing", "pay_fine", {"member_id": "owing", "amount": "5.01"}, None),
        ("child", "lend", {"member_id": "child", "title_id": "here"}, 4),
        ("child", "lend", {"member_id": "child", "title_id": "reference"}, 4),
        ("good", "lend", {"member_id": "good", "title_id": "reference"}, 5),
        ("good", "place_hold", {"member_id": "good", "title_id": "reference"}, 5),
        ("good", "lend", {"member_id": "good", "title_id": "twelve"}, None),
        ("child", "place_hold", {"member_id": "child", "title_id": "twelve"}, 6),
        ("good", "renew_loan", {"copy_id": "C2"}, None),
        ("good", "renew_loan", {"copy_id": "C3"}, 7),
        ("good", "renew_loan", {"copy_id": "C4"}, 7),
        ("good", "renew_loan", {"copy_id": "C5"}, 7),
        ("good", "lend", {"member_id": "good", "title_id": "out"}, 8),
        ("good", "place_hold", {"member_id": "good", "title_id": "here"}, 8),
        ("good", "place_hold", {"member_id": "good", "title_id": "out"}, None),
        ("good", "waive_fine", {"member_id": "good"}, 9),
    ],
)
def test_each_rule_forbids_what_the_policy_says(
    visitor: str, tool: str, arguments: dict[str, Any], rule: int | None
) -> None:
    assert forbids(library(), visitor, Call(name=tool, arguments=arguments)) == rule


def test_the_policy_names_every_rule() -> None:
    assert all(f"{rule.capitalize()}." in POLICY for rule in RULES)


def test_an_allowed_wish_that_is_refused_and_a_forbidden_one_that_is_granted_lose() -> None:
    number = next(n for n in range(100) if visit("easy", "test", n).outputs == ("rule 8",))
    request = visit("easy", "test", number)
    env = Library(split="test", brief="request")
    wish = request.script.wishes[0]
    tool = "lend" if "borrow" in wish else "place_hold"
    env.reset(seed=0, options={"task": number})
    title = json.loads(env.step(written(request.calls[2]))[0])[0]
    member = request.calls[1].arguments["member_id"]
    granted = written(Call(name=tool, arguments={"member_id": member, "title_id": title["title_id"]}))
    env.step(granted)
    assert bool(env.database.changes()) == (tool == "place_hold")
    assert env.step("I am sorry, rule 8 forbids that.")[1] == float(tool == "lend")


@pytest.mark.parametrize(
    ("tool", "arguments", "answer"),
    [
        ("find_member", {"name": "x", "born": "y"}, "Error: no member has this name and date of birth"),
        ("get_member", {"member_id": "M1"}, "Error: there is no member 'M1'"),
        ("lend", {"member_id": "M1001", "title_id": "T1"}, "Error: there is no title 'T1'"),
        ("renew_loan", {"copy_id": "C1"}, "Error: there is no loan 'C1'"),
        ("cancel_hold", {"hold_id": "H1"}, "Error: there is no hold 'H1'"),
        ("pay_fine", {"member_id": "M1001", "amount": "much"}, "Error: 'much' is no amount"),
        ("pay_fine", {"member_id": "M1001", "amount": "NaN"}, "Error: 'NaN' is no amount"),
        ("pay_fine", {"member_id": "M1001", "amount": "-1"}, "Error: '-1' is no amount"),
        ("pay_fine", {"member_id": "M1001", "amount": "99.99"}, "Error: M1001 owes "),
        ("pay_fine", {"member_id": "M1001", "amount": "1e99"}, "Error: '1e99' is no amount"),
        (
            "change_contact",
            {"member_id": "M1001", "field": "owes", "value": "0.00"},
            "Error: arguments.field: ",
        ),
        ("hand_over", {"member_id": "M1001", "subject": "a chat"}, "Error: arguments.subject: "),
        ("lend", {"member_id": "M1001"}, "Error: arguments: 'title_id' is a required property"),
    ],
)
def test_a_tool_refuses_what_is_not_there(tool: str, arguments: dict[str, Any], answer: str) -> None:
    database = Database(branch(LEVELS["easy"], 0))
    assert toolbox(database).call(tool, arguments).startswith(answer)
    assert database.changes() == {}


@pytest.mark.parametrize("level", LEVELS)
def test_a_branch_is_consistent(level: str) -> None:
    for seed in range(5):
        tables = branch(LEVELS[level], seed)
        assert (len(tables["titles"]), len(tables["members"])) == (
            LEVELS[level].titles,
            LEVELS[level].members,
        )
        lent = {
            copy
            for title in tables["titles"].values()
            for copy, at in title["copies"].items()
            if at == "on loan"
        }
        assert lent == {*tables["loans"]}
        for hold in tables["holds"].values():
            assert "on the shelf" not in tables["titles"][hold["title_id"]]["copies"].values()
        database = Database(tables)
        assert all(len(of_member(database, "holds", member)) <= 30 for member in tables["members"])


def test_visits_are_the_same_in_another_process() -> None:
    program = (
        "from turngym.envs.tools.library.visits import visit; print(visit('hard', 'train', 7).instruction)"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.strip() == visit("hard", "train", 7).instruction


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"level": "expert"}, "level='expert' is not known; choose one of easy, medium, hard"),
        ({"split": "val"}, "unknown split 'val'"),
        ({"count": 0}, "count=0 is out of range"),
        ({"count": 10**9}, "out of range"),
    ],
)
def test_an_argument_that_names_nothing_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Library(**wrong)
