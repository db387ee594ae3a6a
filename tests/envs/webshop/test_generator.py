from __future__ import annotations

import hashlib
import json
import math
from itertools import islice, permutations
from itertools import product as product_of

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.envs.webshop import generator
from turngym.envs.webshop.fuzzy import token_set_ratio
from turngym.envs.webshop.generator import entries, entry, shipped, write
from turngym.envs.webshop.products import parse
from turngym.envs.webshop.reward import fulfils, judge
from turngym.envs.webshop.store import Catalogue
from turngym.envs.webshop.vocabulary import KINDS
from turngym.envs.webshop.vocabulary.kind import attribute

DIGEST = "33a612c192d8ad6764e94d2e9dedaf01eac0575e718f606b18f4a8e4238d08f5"


def told(one):
    return json.dumps([one.product, one.attributes, one.human, one.nouns], ensure_ascii=False)


def product(one):
    return parse(one.product, one.attributes, one.human, one.nouns)


def families(count, seed=0):
    made = entries(count * 4, seed)
    while family := [*islice(made, 4)]:
        yield family


def test_the_shipped_catalogue_is_always_the_same():
    text = "\n".join(told(one) for one in shipped())
    assert hashlib.sha256(text.encode()).hexdigest() == DIGEST


@given(seed=st.integers(0, 2**63), index=st.integers(0, 10**9), more=st.integers(1, 30))
@settings(max_examples=50, deadline=None)
def test_a_product_depends_on_seed_and_index_and_not_on_how_many_are_made(seed, index, more):
    alone = told(entry(index, seed))
    start = max(0, index - more)
    assert told([*entries(index - start + more, seed, start)][index - start]) == alone


def test_another_seed_gives_other_products():
    assert {told(one) for one in entries(40, 1)}.isdisjoint(told(one) for one in entries(40, 2))


def test_no_two_products_have_one_number():
    assert len({one.asin for one in entries(20_000)}) == 20_000


@pytest.mark.parametrize("numbers", [(-1, 0, 0), (1, -1, 0), (1, 0, -1), (1, 0, 36**8)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(ValueError, match="whole numbers"):
        entries(*numbers)


def test_every_category_is_on_sale_and_every_form_of_price():
    made = [product(one) for one in shipped()]
    assert {one.category for one in made} == {"beauty", "electronics", "fashion", "garden", "grocery"}
    assert {len(one.prices) for one in made} == {1, 2}
    assert any(one.prices == (100.0,) for one in made)
    assert any(one.options for one in made)
    assert any(not one.options for one in made)


def test_every_attribute_can_be_read_on_the_pages_of_its_product():
    for one in map(product, shipped()):
        text = " ".join(one.bullets).lower()
        assert all(named in text for named in one.attributes)


def test_an_instruction_asks_for_attributes_of_its_product():
    for one in map(product, shipped()):
        assert set(one.instruction_attributes) <= set(one.attributes)
        assert all(named in (one.instruction or "") for named in one.instruction_attributes)


def test_a_human_goal_asks_for_what_its_product_has():
    goals = [(one, goal) for one in map(product, shipped()) for goal in one.human]
    for one, goal in goals:
        offered = {value for values in one.options.values() for value in values}
        assert set(goal.attributes) <= set(one.attributes)
        assert set(goal.options) <= offered
        assert all(wish in goal.instruction for wish in (*goal.attributes, *goal.options))
    assert len(goals) > 80
    assert len({goal.instruction for _, goal in goals}) == len(goals)


def test_the_nouns_are_words_of_the_title_in_their_order():
    for one in shipped():
        words = iter(one.product["name"].lower().replace(",", "").replace("'s", "").split())
        assert all(noun in words for noun in one.nouns), one.product["name"]


def test_a_family_differs_in_one_thing_only():
    """Of four neighbours one is wanted; the others have another trait, other choices, or a higher price."""
    for family in ([product(one) for one in four] for four in families(200)):
        assert len({(one.query, one.product_category) for one in family}) == 1
        apart = [_differences(one, other) for one in family for other in family if one is not other]
        assert max(map(len, apart)) <= 2
        assert any(
            all(len(_differences(one, other)) == 1 for other in family if other is not one) for one in family
        )


def _differences(one, other):
    fields = {"attributes": set, "options": dict, "prices": tuple}
    return [name for name, as_ in fields.items() if as_(getattr(one, name)) != as_(getattr(other, name))]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.query)
def test_the_reward_tells_every_trait_and_every_value_from_its_rivals(kind):
    for group in kind.traits:
        traits = [attribute(trait) for trait in group]
        assert all(token_set_ratio(*pair) <= 85 for pair in permutations(traits, 2)), traits
    for name, values in kind.options.items():
        offered = [value.lower() for value in values]
        for value, chosen in product_of(offered, offered):
            assert fulfils(chosen, value) == (value == chosen), (value, chosen)
            assert fulfils(chosen, (name.lower(), value)) == (value == chosen), (name, value, chosen)


def test_what_is_written_is_what_was_made(tmp_path):
    write(tmp_path, 9, seed=3)
    read = {name: json.loads((tmp_path / name).read_text(encoding="utf-8")) for name in generator.FILES}
    made = [*entries(9, 3)]
    assert read["items_shuffle.json"] == [one.product for one in made]
    assert read["items_ins_v2.json"] == {one.asin: one.attributes for one in made}
    assert read["items_human_ins.json"] == {one.asin: one.human for one in made if one.human}
    assert read["nouns.json"] == {one.asin: one.nouns for one in made}


def test_an_empty_catalogue_is_written_as_empty_files(tmp_path):
    write(tmp_path, 0)
    assert [json.loads((tmp_path / name).read_text()) for name in generator.FILES] == [[], {}, {}, {}]


def test_a_choice_of_options_never_leaves_thousands_of_goals():
    assert max(math.prod(map(len, product(one).options.values())) for one in entries(4000)) <= 125


def choice(one, goal):
    """What is offered of the options that the goal asks for."""
    wanted = {wish if isinstance(wish, str) else wish[1] for wish in goal.options}
    return {name: value for name, values in one.options.items() for value in values if value in wanted}


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize(("kind", "least"), [("synthetic", 1000), ("human", 80)])
def test_every_goal_of_the_shipped_catalogue_can_be_bought_at_score_one(kind, least, seed):
    catalogue = Catalogue.of(map(product, shipped()), seed)
    assert len(catalogue.goals[kind]) > least
    for goal in catalogue.goals[kind]:
        bought = judge(goal.product, catalogue.price(goal.row), choice(goal.product, goal), goal)
        assert bought.reward == 1.0, goal


def test_the_rival_with_another_trait_and_the_dearer_one_get_part_of_the_score():
    catalogue, seen = Catalogue.of(map(product, entries(600))), 0
    for goal in catalogue.goals["human"]:
        first = goal.row // 4 * 4
        for row in range(first, first + 4):
            one, price = catalogue.products[row], catalogue.price(row)
            if one.attributes != goal.product.attributes or price > catalogue.price(goal.row) + 40:
                assert 0 < judge(one, price, choice(one, goal), goal).reward < 1, (goal, one)
                seen += 1
    assert seen > 200
