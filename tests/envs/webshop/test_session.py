"""A visit to the shop, by the rules of the original and its odd corners."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.webshop.shops import LAMP, SHIRT, goal, original, shop, vectors, visit

from turngym.envs.webshop.goals import Goal
from turngym.envs.webshop.pages import Option, Page, Text
from turngym.envs.webshop.session import Session, parse_action

SHOP = shop(SHIRT, LAMP)
SHIRTS = [replace(SHIRT, asin=f"B{number:09d}", instruction=None) for number in range(23)]
ITEM = ("search[shirt]", "click[b000shirt1]")


def labels(session: Session) -> list[str]:
    return [*session.page.labels]


@pytest.mark.parametrize("walk", range(8))
def test_recorded_episodes_are_ours_page_by_page(walk: int) -> None:
    catalogue, record = original(), vectors()["walks"][walk]
    kind = {"goals": "synthetic", "goals_human": "human"}[record["goals"]]
    of = type(SHOP)(catalogue)
    session = of.start(catalogue.goals[kind][record["goal"]])
    for step in record["steps"]:
        session = session if step["action"] is None else of.act(session, step["action"])
        assert session.page.text == step["text"]
        assert session.page.text_rich == step["text_rich"]
        shown = {"has_search_bar": session.page.has_search_bar, "clickables": labels(session)}
        assert shown == step["actions"]
        assert (session.done, session.purchase.reward if session.purchase else 0) == (
            step["done"],
            step["reward"],
        )


@settings(deadline=None)
@given(st.text(st.sampled_from("a[]x \n"), max_size=10))
def test_actions_are_read_as_the_originals_pattern_reads_them(action: str) -> None:
    match = re.match(r"(.+)\[(.+)\]", action)
    assert parse_action(action) == (match.groups() if match else ("", ""))


@pytest.mark.parametrize(
    "action",
    ["", "search", "search[]", "click[]", "Search[shirt]", " click[back to search]", "buy[now]", "click[search]",
     "click[no such label]", "click[< prev", "search\n[shirt]", "click[buy now]]", "\ud800[x]", "[" * 1000],
)  # fmt: skip
def test_what_the_page_does_not_offer_changes_nothing(action: str) -> None:
    for at in (visit(SHOP), visit(SHOP, "search[shirt]")):
        assert SHOP.act(at, action) is at


def test_a_search_works_on_every_page_and_forgets_the_options() -> None:
    wanted = visit(SHOP, "search[lamp]").page
    for before in ((), ("search[shirt]",), ITEM, (*ITEM, "click[features]"), (*ITEM, "click[large]")):
        found = visit(SHOP, *before, "search[LAMP]")
        assert found.page.text == wanted.text
        assert (found.options, found.row, found.number) == ({}, None, 1)


def test_labels_are_clicked_in_any_case() -> None:
    assert visit(SHOP, "search[shirt]", "click[B000Shirt1]", "click[LARGE]").options == {"size": "large"}
    assert visit(SHOP, *ITEM, "click[Buy Now]").done


def test_results_have_ten_products_a_page_and_go_on_past_the_end() -> None:
    of = shop(SHIRT, *SHIRTS)
    pages = [visit(of, "search[shirt]", *["click[next >]"] * turns) for turns in range(4)]
    assert [len(labels(page)) for page in pages] == [12, 13, 7, 3]
    assert [("< prev" in page.page.labels) for page in pages] == [False, True, True, True]
    assert "Page 4 (Total results: 24) [SEP] < Prev [SEP] Next >" in pages[3].page.text
    back = of.act(of.act(pages[3], "click[< prev]"), "click[< prev]")
    assert back.page == pages[1].page


def test_no_more_than_fifty_products_are_found() -> None:
    of = shop(SHIRT, *(replace(SHIRT, asin=f"B{number:09d}") for number in range(60)))
    assert "(Total results: 50)" in visit(of, "search[shirt]").page.text
    assert "(Total results: 0)" in visit(of, "search[the zzz]").page.text
    assert len(labels(visit(of, "search[shirt]", *["click[next >]"] * 5))) == 3


def test_previous_leads_from_a_sub_page_to_the_item_and_from_there_to_the_results() -> None:
    of = shop(SHIRT, *SHIRTS)
    results = visit(of, "search[shirt]", "click[next >]")
    product = next(label for label in labels(results) if label.startswith("b0"))
    item = of.act(of.act(results, f"click[{product}]"), "click[large]")
    for name in ("description", "features", "reviews"):
        below = of.act(item, f"click[{name}]")
        assert below.at == name
        assert labels(below) == ["back to search", "< prev"]
        assert of.act(below, "click[< prev]").page == item.page
    again = of.act(item, "click[< prev]")
    assert (again.at, again.number, again.options) == ("results", 2, {})
    assert f"[clicked button] {product.upper()} [clicked button_]" in again.page.text_rich


def test_visited_products_stay_marked_until_the_way_back_to_the_first_page() -> None:
    seen = visit(SHOP, *ITEM, "search[shirt]")
    assert "\n[clicked button] B000SHIRT1 [clicked button_]\n" in seen.page.text_rich
    forgot = visit(SHOP, *ITEM, "click[back to search]", "search[shirt]")
    assert "\n[button] B000SHIRT1 [button_]\n" in forgot.page.text_rich
    assert visit(SHOP, *ITEM, "click[back to search]") == visit(SHOP)


def test_chosen_values_are_told_first_the_last_on_the_page_foremost() -> None:
    item = visit(SHOP, *ITEM, "click[red]", "click[small]", "click[large]")
    assert item.options == {"color": "red", "size": "large"}
    assert item.page.text_rich.startswith("You have clicked red.\nYou have clicked large.\nInstruction:\n")
    assert "  [clicked button] large [clicked button_]\n" in item.page.text_rich
    assert "  [button] small [button_]\n" in item.page.text_rich


def test_of_equal_values_of_two_options_the_last_is_chosen() -> None:
    of = shop(replace(SHIRT, options={"top": ("s", "m"), "bottom": ("m", "l")}))
    item = visit(of, *ITEM, "click[m]")
    assert item.options == {"bottom": "m"}
    assert labels(item)[-3:] == ["s", "m", "l"]
    assert item.page.text_rich.count("[clicked button] m [clicked button_]") == 2


def test_a_value_that_is_called_like_a_button_is_that_button() -> None:
    of = shop(replace(SHIRT, options={"do": ("buy now", "features", "search", "other")}))
    assert visit(of, *ITEM, "click[features]").at == "features"
    assert visit(of, *ITEM, "click[search]").options == {}
    assert visit(of, *ITEM, "click[buy now]").done


def test_a_value_counts_as_chosen_where_the_address_has_it_in_quotes() -> None:
    of = shop(replace(SHIRT, options={"size": ("size", "5'2\"", "größe", "xl")}))

    def chosen(*actions: str) -> list[str]:
        nodes = visit(of, *actions).page.nodes
        return [node.text for node in nodes if isinstance(node, Option) and node.chosen]

    assert chosen(*ITEM, "click[xl]") == ["size", "xl"]
    assert chosen(*ITEM, "click[größe]") == chosen(*ITEM, "click[5'2\"]") == ["size"]
    assert chosen('search[shirt "xl"]', "click[b000shirt1]") == ["xl"]


def test_who_searches_for_the_name_of_a_page_gets_lost_as_in_the_original() -> None:
    back = visit(SHOP, "search[shirt search_results]", "click[b000shirt1]", "click[< prev]")
    assert (back.at, back.number) == ("results", 0)
    assert "Page 0 (Total results: 1) [SEP] Next >" in back.page.text
    below = ("search[shirt item_page]", "click[b000shirt1]", "click[features]", "click[< prev]")
    assert visit(SHOP, *below).at == "results"


def test_after_the_purchase_nothing_happens() -> None:
    bought = visit(SHOP, *ITEM, "click[red]", "click[buy now]")
    assert bought.purchase is not None
    for action in ("click[buy now]", "search[lamp]", "click[back to search]"):
        assert SHOP.act(bought, action) is bought


def test_the_last_page_tells_what_was_bought_as_the_original_writes_it() -> None:
    of = shop(replace(SHIRT, options={"b": ("a&b's <é>",), "a": ("x",)}))
    bought = visit(of, *ITEM, "click[a&b's <é>]", "click[x]", "click[buy now]")
    told = '{"a": "x", "b": "a\\u0026b\\u0027s \\u003c\\u00e9\\u003e"}'
    assert f"[SEP] B000SHIRT1 [SEP] options [SEP] {told} [SEP] attrs" in bought.page.text


def test_an_item_without_texts_shows_blank_sub_pages() -> None:
    lamp = ("search[lamp]", "click[b000lamp01]")
    assert visit(SHOP, *lamp, "click[description]").page.text.endswith("< Prev")
    assert visit(SHOP, *lamp, "click[features]").page.text.endswith("< Prev [SEP] ")
    assert visit(SHOP, *lamp, "click[features]").page.text_rich.endswith("[button] < Prev [button_]\n \n")


@pytest.mark.parametrize(("blank", "text", "rich"), [
    ("", "a [SEP] b", "a\nb\n"), (" \t", "a [SEP]  [SEP] b", "a\n \nb\n"), (" \n ", "a [SEP] b", "a\nb\n"),
    ("\xa0", "a [SEP]  [SEP] b", "a\n\xa0\nb\n"), (" x ", "a [SEP] x [SEP] b", "a\n x \nb\n"),
])  # fmt: skip
def test_blank_texts_are_kept_as_an_html_parser_keeps_them(blank: str, text: str, rich: str) -> None:
    page = Page((Text("a"), Text(blank), Text("b")))
    assert (page.text, page.text_rich) == (text, rich)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["search[shirt]", "click[next >]", "click[< prev]", "click[b000shirt1]", "click[red]",
                                 "click[large]", "click[features]", "click[back to search]", "click[b000lamp01]"]),
                max_size=12))  # fmt: skip
def test_a_session_is_never_changed(actions: list[str]) -> None:
    session = SHOP.start(goal(SHOP))
    for action in actions:
        told = (session.at, dict(session.options), session.visited, session.page.text_rich)
        following = SHOP.act(session, action)
        assert (session.at, dict(session.options), session.visited, session.page.text_rich) == told
        session = following


def test_the_goal_does_not_change_what_the_shop_shows() -> None:
    other: Goal = replace(goal(SHOP), instruction="Buy nothing")
    one, two = (visit(SHOP, *ITEM, wanted=wanted).page for wanted in (goal(SHOP), other))
    assert one.labels == two.labels
    assert two.text == one.text.replace(goal(SHOP).instruction, "Buy nothing")
