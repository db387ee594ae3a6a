"""Scenarios, the grammar of a turn and the scripted partner: by hand, and as properties."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.envs.bargain.expert import best_plan, write_move
from turngym.envs.bargain.generator import KINDS, TURNS, ScenarioError, make_task, split_of
from turngym.envs.bargain.partner import Mind, answer
from turngym.envs.bargain.scenario import Argument, Issue, Persona, Scenario, Side
from turngym.envs.bargain.talk import Message, grammar, read_message
from turngym.envs.tasks import UnknownSplit, digest

seeds = st.integers(min_value=0, max_value=2**63 - 1)
kinds = st.sampled_from(KINDS)
splits = st.sampled_from(["train", "test"])


def side(name, values, **changes):
    persona = Persona(haste=1.0, patience=2, moved_by=("cash",))
    card = Side(name, "a party", "gain", values, 0, (), (Argument("cash", "I pay in cash."),), persona)
    return replace(card, **changes)


SALE = Scenario(
    "sale",
    "Ann sells a lamp to Ben.",
    (Issue("price", ("10", "20", "30", "40", "50")), Issue("day", ("Monday", "Friday"))),
    (side("Ann", ((-10, 0, 10, 20, 30), (0, 5))), side("Ben", ((30, 20, 10, 0, -10), (10, 0)))),
)
"""Ann gains what the price is above 20, Ben what it is below 40; Ben likes monday by 10, Ann friday by 5."""


def task(seed, kind, split="train", played=None):
    return make_task(seed, kinds=(kind,), split=split, side=played)


# Scores


@pytest.mark.parametrize(
    ("mine", "deal", "score"),
    [
        (0, (4, 0), 10.0),  # Ben is left with 0, which no deal is worth to him too; 30 is the most for Ann
        (0, (3, 1), 10 * 25 / 30),
        (0, (2, 0), 10 * 10 / 30),
        (0, (1, 0), 0.0),
        (0, (0, 0), 0.0),
        (0, None, 0.0),
        (0, (4, 1), 10.0),  # more than Ben could agree to is no more than the best
        (1, (1, 0), 10.0),
        (1, (2, 0), 10 * 20 / 30),
        (1, (0, 1), 10.0),
    ],
)
def test_the_goal_score_is_the_share_of_the_best_deal_that_the_other_can_agree_to(mine, deal, score):
    assert SALE.goal_score(mine, deal) == pytest.approx(score)


@given(seed=seeds, kind=kinds, split=splits)
@settings(deadline=None, max_examples=40)
def test_scores_lie_between_no_deal_and_the_best_and_order_as_the_points_do(seed, kind, split):
    scenario = task(seed, kind, split).scenario
    for mine in (0, 1):
        scores = [(scenario.worth[mine][deal], scenario.goal_score(mine, deal)) for deal in scenario.deals]
        ordered = [score for _, score in sorted(scores)]
        assert ordered == sorted(ordered)
        assert 0 <= ordered[0] <= ordered[-1] == 10
        enough = scenario.sides[1 - mine].reserve
        fair = [d for d, points in scenario.worth[1 - mine].items() if points >= enough]
        assert max(scenario.goal_score(mine, deal) for deal in fair) == 10


# Turns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accept", Message("", "accept")),
        (" Leave.", Message("", "leave")),
        ("say[I am not sure.]", Message("I am not sure.")),
        ("I am not sure.", Message("I am not sure.")),
        ("say[no] reject", Message("no", "reject")),
        ("offer[price=30, day=Friday]", Message("", "offer", (2, 1))),
        ("say[Well.] OFFER[ Day = friday ,price= 30 ]", Message("Well.", "offer", (2, 1))),
        ("What about offer[price=10, day=monday]", Message("What about", "offer", (0, 0))),
        ("I accept your kindness", Message("I accept your kindness")),
    ],
)
def test_a_turn_is_read(text, message):
    assert read_message(text, SALE) == message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "say something"),
        ("say[ ]", "say something"),
        ("offer[price=30]", "day is missing; it can be Monday or Friday"),
        ("offer[price=35, day=friday]", "price=35 is not possible; it can be 10, 20, 30, 40 or 50"),
        ("offer[price=30, day=friday, lamp=yes]", "'lamp' is nothing to agree on; name price, day"),
        ("offer[price=30, day=friday] offer[price=20, day=friday]", "one offer a turn"),
    ],
)
def test_a_turn_that_makes_no_sense_is_told_with_what_would(text, told):
    with pytest.raises(ValueError, match=told):
        read_message(text, SALE)


@given(seed=seeds, kind=kinds, data=st.data())
@settings(deadline=None, max_examples=40)
def test_every_deal_is_read_as_it_is_written(seed, kind, data):
    scenario = task(seed, kind).scenario
    deal = data.draw(st.sampled_from(scenario.deals))
    message = Message("Well then.", "offer", deal)
    assert read_message(write_move(message, scenario), scenario) == message


def test_the_grammar_names_what_is_to_be_agreed():
    assert "offer[price=..., day=...]" in grammar(SALE)


# The partner


def talk(mind, *messages):
    """The partner's turns."""
    turns = []
    for message in messages:
        turn, mind = answer(mind, message)
        turns.append(turn)
    return turns


BEN = Mind(SALE, side=1, turns=5)
"""Ben asks for 40 points in the first turn, a quarter less in each, 0 in the last."""


def test_the_partner_begins_with_its_best_deal_and_gives_way_to_its_reserve():
    idle = replace(BEN, scenario=with_patience(9))
    offers = [turn.deal for turn in talk(idle, *[Message("hm")] * 5)]
    assert [SALE.worth[1][deal] for deal in offers] == [40, 30, 20, 10, 0]


def with_patience(patience):
    ben = SALE.sides[1]
    persona = replace(ben.persona, patience=patience)
    return replace(SALE, sides=(SALE.sides[0], replace(ben, persona=persona)))


def test_the_partner_accepts_what_reaches_its_aspiration_and_not_less():
    assert talk(BEN, Message("", "offer", (0, 0)))[0].act == "accept"
    assert talk(BEN, Message("", "offer", (0, 1)))[0].act == "offer"
    assert talk(BEN, Message("hm"), Message("", "offer", (0, 1)))[1].act == "accept"


def test_the_partner_offers_what_is_nearest_to_what_was_asked():
    first, second = talk(BEN, Message("", "offer", (3, 1)), Message("hm"))
    assert SALE.written(first.deal) == "price=10, day=Monday"
    assert SALE.written(second.deal) == "price=10, day=Friday"


def test_an_argument_that_counts_moves_the_partner_once():
    patient = replace(BEN, scenario=with_patience(9))
    plain, moved = (talk(patient, Message(said), Message("hm")) for said in ("hm", "I pay in CASH."))
    assert moved[0].said.startswith("That is a fair point.")
    assert answer(patient, Message("cash"))[1].aspiration() == 36
    assert answer(answer(patient, Message("cash"))[1], Message("cash"))[1].aspiration() == 26
    assert answer(answer(patient, Message("hm"))[1], Message("hm"))[1].aspiration() == 30
    assert "fair point" not in plain[0].said


def test_the_partner_warns_and_leaves_when_no_offer_is_better_than_before():
    offer = Message("", "offer", (4, 1))
    turns = talk(BEN, offer, Message("hm"), offer, Message("hm"))
    assert [turn.act for turn in turns] == ["offer", "offer", "offer", "leave"]
    assert "or I shall go" in turns[2].said
    better = Message("", "offer", (3, 1))
    assert [turn.act for turn in talk(BEN, offer, offer, better, offer)] == ["offer"] * 4


@given(seed=seeds, kind=kinds, data=st.data())
@settings(deadline=None, max_examples=60)
def test_the_partner_never_agrees_to_less_than_no_deal(seed, kind, data):
    made = task(seed, kind)
    mind = Mind(made.scenario, 1 - made.side, TURNS)
    for _ in range(TURNS):
        deal = data.draw(st.none() | st.sampled_from(made.scenario.deals))
        turn, mind = answer(mind, Message("hm", "offer" if deal else "", deal))
        agreed = deal if turn.act == "accept" else turn.deal
        assert agreed is None or mind.worth[agreed] >= mind.me.reserve
        if turn.act != "offer":
            break
        assert turn.deal == mind.offer


# Generated scenarios


@given(seed=seeds, kind=kinds, split=splits)
@settings(deadline=None, max_examples=40)
def test_every_scenario_can_be_won_from_either_side(seed, kind, split):
    scenario = task(seed, kind, split).scenario
    assert split_of(scenario) == split
    assert scenario.kind == kind
    for played in (0, 1):
        mind = Mind(scenario, 1 - played, TURNS)
        assert scenario.goal_score(played, best_plan(mind)[1]) >= 8


@given(seed=seeds, kind=kinds)
@settings(deadline=None, max_examples=20)
def test_equal_arguments_give_equal_scenarios(seed, kind):
    first = task(seed, kind)
    make_task.cache_clear()
    again = task(seed, kind)
    assert again.content == first.content
    assert again.scenario is not first.scenario


@given(seed=seeds, kind=kinds, played=st.sampled_from([0, 1]))
@settings(deadline=None, max_examples=20)
def test_the_side_changes_nothing_in_the_scenario(seed, kind, played):
    assert task(seed, kind, played=played).scenario.content == task(seed, kind).scenario.content
    assert task(seed, kind, played=played).side == played


def panel(split):
    return [make_task(number, kinds=KINDS, split=split) for number in range(256)]


@pytest.mark.parametrize(
    ("split", "pinned"),
    [
        ("train", "dde735fd647e9c7d508093d155c867b2f000aeab7f51e22add23611798649eee"),
        ("test", "47be1d8195fbf2384972ccaba4ebff0098b733be060d8cf4ae01ece823764cbf"),
    ],
)
def test_panels_never_change(split, pinned):
    """Results compare only while a panel is these scenarios."""
    assert digest((made.id, made.content) for made in panel(split)) == pinned


def test_the_splits_share_no_scenario_and_have_all_kinds_and_both_sides():
    train, test = panel("train"), panel("test")
    assert not {made.scenario.content for made in train} & {made.scenario.content for made in test}
    for split in (train, test):
        assert {made.scenario.kind for made in split} == set(KINDS)
        assert {made.side for made in split} == {0, 1}


def test_a_scenario_is_the_same_in_another_process():
    code = (
        "from turngym.envs.bargain.generator import KINDS, make_task;print(make_task(7, kinds=KINDS).content)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == make_task(7, kinds=KINDS).content


def test_a_wrong_number_kind_or_split_is_told():
    make_task(1, kinds=KINDS)
    for number in (-1, "x" * 1_000_000, 1.0, True, 0.5):
        with pytest.raises(ScenarioError, match="whole number of 0 or more") as error:
            make_task(number, kinds=KINDS)
        assert len(str(error.value)) < 300
    with pytest.raises(
        ScenarioError, match="unknown kind war: choose of sale, contract, split, chores, trip"
    ):
        make_task(0, kinds=("war",))
    with pytest.raises(UnknownSplit, match="choose one of train, test"):
        make_task(0, kinds=KINDS, split="dev")
