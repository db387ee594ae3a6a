"""What a purchase is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.webshop.shops import LAMP, SHIRT, goal, original, shop, vectors

from turngym.envs.webshop.goals import Goal, human, synthetic
from turngym.envs.webshop.reward import Kind, fulfils, has_attribute, judge, judge_kind

WANTED = synthetic(SHIRT, 0, 0, 20.0)  # color red, size small
NOUNS = st.lists(st.sampled_from("abcd"), max_size=6).map(tuple)


def test_everything_wanted_is_worth_one() -> None:
    bought = judge(SHIRT, 15.0, {"size": "small", "color": "red"}, WANTED)
    assert bought.reward == 1.0
    assert bought.parts() == {
        "reward": 1.0, "r_type": 1.0, "r_att": 1.0, "r_option": 1.0, "r_price": 1.0,
        "w_att": 0.25, "w_option": 0.5, "w_price": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("price", "chosen", "reward"),
    [
        (20.0, {"size": "small", "color": "red"}, 1.0),
        (20.01, {"size": "small", "color": "red"}, 0.75),
        (15.0, {"size": "small"}, 0.75),
        (15.0, {"size": "large", "color": "deep blue"}, 0.5),
        (99.0, {}, 0.25),
    ],
)
def test_each_wish_has_an_equal_share(price: float, chosen: dict[str, str], reward: float) -> None:
    assert judge(SHIRT, price, chosen, WANTED).reward == reward


def test_a_thing_of_another_kind_is_worth_nothing() -> None:
    assert judge(LAMP, 1.0, {"size": "small", "color": "red"}, WANTED).reward == 0.0


@pytest.mark.parametrize(
    ("query", "category", "title", "score"),
    [
        (True, True, 0.0, 0.0),
        (True, True, 0.09, 0.1),
        (False, False, 0.1, 0.5),
        (False, False, 0.2, 0.5),
        (False, False, 0.21, 1.0),
        (True, False, 0.1, 1.0),
        (False, True, 0.1, 1.0),
    ],
)
def test_the_kind_goes_by_title_first(query: bool, category: bool, title: float, score: float) -> None:
    assert Kind(query_match=query, category_match=category, title_score=title).score == score


@settings(deadline=None)
@given(NOUNS, NOUNS)
def test_shared_nouns_count_once_and_wanted_ones_with_repeats(
    bought: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    kind = judge_kind(replace(SHIRT, nouns=bought), replace(SHIRT, nouns=wanted))
    shared = sum(noun in bought for noun in dict.fromkeys(wanted))
    assert kind.title_score == (shared / len(wanted) if wanted else 0.2)


def test_two_category_names_must_be_shared_whatever_their_place() -> None:
    boots = replace(SHIRT, product_category="Men › Shoes › Boots ›Clothing")
    assert judge_kind(boots, SHIRT).category_match
    assert not judge_kind(replace(boots, product_category="Men › Men › Shoes"), SHIRT).category_match


def test_an_attribute_may_stand_in_any_text_of_the_product() -> None:
    bare = replace(SHIRT, attributes=())
    assert has_attribute(SHIRT, "wash machine")
    assert has_attribute(bare, "every day")
    assert has_attribute(bare, "wash  slim")  # bullets are joined by a space
    assert not has_attribute(bare, "wash machine")


def test_a_pair_is_compared_as_python_writes_it_unless_its_value_is_a_colour() -> None:
    assert fulfils("bright red", ("color", "red"))
    assert fulfils("yellow-a", ("color", "yellow-a"))
    assert not fulfils("black2626", ("color", "black2626"))
    assert fulfils("black2626", "black2626")
    assert not fulfils("small", ("size", "large"))


def test_goals_of_people_ask_for_plain_values() -> None:
    wanted = human(SHIRT, 0, 0, 20.0)
    assert judge(SHIRT, 15.0, {"color": "red"}, wanted).reward == 1.0


def test_a_goal_without_options_has_no_share_of_them() -> None:
    wanted = replace(WANTED, options=())
    assert judge(SHIRT, 15.0, {}, wanted).parts()["r_option"] is None
    assert judge(SHIRT, 15.0, {}, wanted).reward == 1.0


@settings(deadline=None)
@given(st.data())
def test_a_reward_lies_between_nothing_and_all(data: st.DataObject) -> None:
    of = shop(SHIRT, LAMP)
    wanted: Goal = goal(of, data.draw(st.integers(0, 3)))
    chosen = data.draw(st.dictionaries(st.sampled_from(["size", "color"]), st.text(max_size=9)))
    bought = judge(data.draw(st.sampled_from([SHIRT, LAMP])), data.draw(st.floats(0, 99)), chosen, wanted)
    assert 0 <= bought.reward <= 1
    assert (bought.reward == 1) == (
        bought.kind.score == 1 and bought.price and bought.attributes == 1 and bought.options == 2
    )


def test_recorded_rewards_are_ours_to_the_last_digit() -> None:
    catalogue = original()
    goals = {"goals": catalogue.goals["synthetic"], "goals_human": catalogue.goals["human"]}
    for case in vectors()["rewards"]:
        row = catalogue.row(case["asin"])
        wanted = goals[case["goals"]][case["goal"]]
        bought = judge(catalogue.products[row], catalogue.price(row), case["options"], wanted)
        parts = bought.parts()
        for name in ("reward", "r_type", "r_att", "r_price"):
            assert parts[name] == pytest.approx(float(case[name]), abs=1e-9)
