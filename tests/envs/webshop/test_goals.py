"""Goals, their price limits and the splits."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.webshop.shops import LAMP, SHIRT, goal, original, shop, vectors

from turngym.envs.tasks import UnknownSplit, UnknownTask
from turngym.envs.webshop.goals import Goals
from turngym.envs.webshop.products import HumanGoal, Product
from turngym.envs.webshop.splits import BY, SPLITS, Tasks, cut
from turngym.envs.webshop.store import Catalogue, catalogue

DIGESTS = {
    "test": "6c3a54d52fed29e7a9ec43428bfe1007538303416f64a40188f4f320253579a3",
    "eval": "a2beaa69b8d4b9944867bf19f11ddfd21f2add02aba00444e649ea136bd15349",
    "train": "41c8a6b402f5b2b89abc6d760d15fccf4e583069850cffd9ccf954c1bda5f8f6",
}
"""Of the synthetic goals of the 1,000 original products."""

SHIPPED = {
    ("synthetic", "test"): "f9c33b857779445b68cdb4a2c738e449e066ce69fefa431e5fdcdefaae068863",
    ("synthetic", "eval"): "1e18840936d7717e47e4ee89c6dec84117e1254c4043151397632784a5e25d01",
    ("synthetic", "train"): "7b5090c2e409a6499ce14e3e57288bdab43da7ced66c971552e79c205ee478b0",
    ("human", "test"): "172f250c36a4bb4d7f88cd2a86d7778ff7094f817a84057c6e016b92505f548e",
    ("human", "eval"): "f551cdfb38c0f54891a41bde3f1c99e01d4b5b4b114d2faaa7bf534a634dba0e",
    ("human", "train"): "98a4c94aa1746331663bc2f63ad40420659ed5b680e70af8183ab370e065a39c",
}
"""Of the catalogue that comes with turngym."""


def many(count: int) -> list[Product]:
    """Shirts that differ in number, price and size."""
    sizes = [str(size) for size in range(5)]
    return [
        replace(
            SHIRT,
            asin=f"B{number:09d}",
            prices=(float(number), number + 5.0),
            options={"size": tuple(sizes[: 1 + number % 5])},
            instruction=f"Find me shirt {number}",
        )
        for number in range(count)
    ]


def test_a_product_makes_a_goal_of_every_choice_of_options() -> None:
    goals = [goal(shop(SHIRT), index) for index in range(4)]
    wanted = {
        (("color", color), ("size", size)) for color in ("red", "deep blue") for size in ("small", "large")
    }
    assert {one.options for one in goals} == wanted
    assert sorted(one.id for one in goals) == [f"B000SHIRT1-{number}" for number in range(4)]
    first = min(goals, key=lambda one: one.id)
    limit = f", and price lower than {first.price_upper:.2f} dollars"
    assert first.instruction == "Find me slim fit men's shirts with color: red, and size: small" + limit


def test_the_last_name_in_the_alphabet_varies_fastest() -> None:
    of = shop(replace(SHIRT, options={"b": ("1", "2", "3"), "a": ("x", "y")}))
    goals = sorted((goal(of, index) for index in range(6)), key=lambda one: one.id)
    pairs = itertools.product(("x", "y"), ("1", "2", "3"))
    assert [one.options for one in goals] == [(("a", a), ("b", b)) for a, b in pairs]


def test_no_instruction_or_no_values_make_no_goals() -> None:
    assert len(shop(LAMP).catalogue.goals["synthetic"]) == 0
    assert len(shop(replace(SHIRT, options={"size": ()})).catalogue.goals["synthetic"]) == 0
    (alone,) = shop(replace(LAMP, instruction="Find me lamps")).catalogue.goals["synthetic"]
    assert alone.options == ()
    assert alone.instruction.startswith("Find me lamps, and price lower than ")


def test_a_product_with_an_empty_option_uses_up_its_draw() -> None:
    last = many(2)[1]
    limits = []
    for options in ({"size": ()}, {}):
        of = shop(replace(SHIRT, prices=(15.0,), options=options), last)
        limits.append([one.price_upper for one in of.catalogue.goals["synthetic"] if one.product == last])
    assert limits[0] == limits[1] != []


def test_people_ask_without_the_full_stop_and_only_for_attributes() -> None:
    written = (*SHIRT.human, HumanGoal(instruction="a shirt", attributes=(), options=()))
    (only,) = shop(replace(SHIRT, human=written)).catalogue.goals["human"]
    assert only.instruction.startswith("a red shirt, and price lower than ")
    assert (only.id, only.options, only.attributes) == ("B000SHIRT1-h0", ("red",), ("slim fit",))


@settings(deadline=None)
@given(st.floats(0, 1200))
def test_a_limit_is_one_of_the_next_four_full_tens_but_the_first(price: float) -> None:
    of = shop(replace(SHIRT, prices=(price,)))
    above = [10.0 * step for step in range(1, 100) if 10.0 * step > price][:4]
    limit = goal(of).price_upper
    assert limit in (above[1:] if len(above) > 1 else [1_000_000])
    assert ("price lower" in goal(of).instruction) == (len(above) > 1)


def test_one_seed_draws_the_same_prices_and_limits_and_another_one_others() -> None:
    def drawn(seed: int) -> tuple[list[float], list[tuple[str, float]]]:
        catalogue = Catalogue.of(many(30), seed)
        return catalogue.prices.tolist(), [(one.id, one.price_upper) for one in catalogue.goals["synthetic"]]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    assert all(number <= price <= number + 5 for number, price in enumerate(drawn(0)[0]))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.sampled_from(BY))
def test_splits_share_nothing_and_leave_nothing_out(count: int, by: str) -> None:
    drawn = Catalogue.of(many(count)).goals["synthetic"].drawn
    parts = [part.tolist() for part in cut(drawn, by)]
    assert sorted(itertools.chain(*parts)) == [*range(len(drawn.rows))]
    if by == "asin":
        wanted = [{*drawn.rows[part].tolist()} for part in parts]
        assert not any(one & other for one, other in itertools.combinations(wanted, 2))


def test_a_goal_in_the_words_of_an_earlier_split_is_in_none() -> None:
    twins = [replace(one, instruction="Find me a shirt") for one in many(200)]
    goals = Catalogue.of(twins).goals["synthetic"]
    asked = [{goals[index].options for index in part} for part in cut(goals.drawn)]
    assert asked[0]
    assert not any(one & other for one, other in itertools.combinations(asked, 2))


def test_the_published_cut_of_the_original_goals() -> None:
    goals = original().goals["synthetic"]
    tasks = {split: Tasks(goals, split) for split in SPLITS}
    assert {split: len(ids) for split, ids in tasks.items()} == {"test": 500, "eval": 998, "train": 5393}
    assert tasks["test"].places.tolist() == [*range(500)]
    assert {*range(500, 1500)} > {*tasks["eval"].places.tolist()}
    texts = [{goals[int(place)].instruction for place in ids.places} for ids in tasks.values()]
    assert not any(one & other for one, other in itertools.combinations(texts, 2))
    assert {split: ids.digest for split, ids in tasks.items()} == DIGESTS


def test_the_splits_of_the_catalogue_that_comes_with_turngym_are_pinned() -> None:
    stock = catalogue(None)
    assert {(kind, split): stock.tasks(kind, split, "goal").digest for kind, split in SHIPPED} == SHIPPED


def test_by_product_the_splits_keep_about_their_sizes() -> None:
    goals = original().goals["synthetic"]
    assert [len(part) for part in cut(goals.drawn, "asin")] == [500, 1000, 5408]


def test_the_original_goals_are_ours_in_its_order() -> None:
    record, catalogue = vectors(), original()
    synthetic: Goals = catalogue.goals["synthetic"]
    ours = [[one.product.asin, one.price_upper, len(one.options)] for one in synthetic]
    assert ours == record["all_goals_digest"]
    told = [synthetic[int(place)].instruction for place in record["goals"]]
    assert told == [one["instruction_text"] for one in record["goals"].values()]
    human = [one.instruction for one in catalogue.goals["human"]]
    assert human == [one["instruction_text"] for one in record["goals_human"]]


def test_a_task_is_found_by_id_and_by_index() -> None:
    tasks = Tasks(Catalogue.of(many(40)).goals["synthetic"], "train")
    assert (
        [tasks.find(id).id for id in tasks]
        == [tasks.find(index).id for index in range(len(tasks))]
        == [*tasks]
    )


@pytest.mark.parametrize(
    "task", ["", "B000000001-99", "nonsense", -1, 10**9, "B000000001-٣", "x" * 10**6, None, 1.5]
)
def test_an_unknown_task_is_told(task: object) -> None:
    tasks = Tasks(Catalogue.of(many(40)).goals["synthetic"], "test")
    with pytest.raises(UnknownTask, match=r"there is no task .* give an index, or an id such as 'B0"):
        tasks.find(task)


def test_an_unknown_split_and_an_empty_one_are_told() -> None:
    with pytest.raises(UnknownSplit, match="unknown split 'dev'"):
        Tasks(shop(SHIRT).catalogue.goals["synthetic"], "dev")
    with pytest.raises(UnknownTask, match="split 'test' has no goals"):
        Tasks(shop(LAMP).catalogue.goals["synthetic"], "test").find(0)
