"""The token-set ratio and the colours of the reward."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz, utils
from tests.envs.webshop.shops import vectors

from turngym.envs.webshop.colours import COLOURS, colour_in
from turngym.envs.webshop.fuzzy import token_set_ratio

PHRASES = st.text(st.sampled_from("aabbc  dd'-_.é ßİΣ5²"), max_size=14)


@settings(deadline=None)
@given(PHRASES, PHRASES)
def test_the_ratio_prepares_texts_as_thefuzz_does(one: str, other: str) -> None:
    ascii_only = dict.fromkeys(range(128, 256))
    left, right = (utils.default_process(text.translate(ascii_only)) for text in (one, other))
    assert token_set_ratio(one, other) == round(fuzz.token_set_ratio(left, right))


@settings(deadline=None)
@given(PHRASES, PHRASES)
def test_the_ratio_does_not_ask_who_is_first(one: str, other: str) -> None:
    assert token_set_ratio(one, other) == token_set_ratio(other, one)
    assert 0 <= token_set_ratio(one, other) <= 100


def test_words_of_one_phrase_among_those_of_the_other_are_a_whole_match() -> None:
    assert token_set_ratio("size queen", "Queen-size bed") == 100
    assert token_set_ratio("'color', 'yellow-a'", "yellow") == 100
    assert token_set_ratio("", "") == token_set_ratio("?!", "?!") == 0
    assert token_set_ratio("sugar free", "touch screen") == 45


def test_recorded_ratios_and_colours_are_ours() -> None:
    record = vectors()
    assert [one for one in record["token_set_ratio"] if token_set_ratio(one[0], one[1]) != one[2]] == []
    assert [one for one in record["normalize_color"] if (colour_in(one[0]) or one[0]) != one[1]] == []


def test_the_first_colour_of_the_list_counts_and_in_a_pair_only_a_whole_member() -> None:
    assert tuple(sorted(COLOURS)) == COLOURS
    assert colour_in("white on black") == "black"
    assert colour_in("rectangular") == "tan"
    assert colour_in(("color", "red")) == "red"
    assert colour_in(("color", "bright red")) is None
