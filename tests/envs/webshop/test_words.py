"""Tokens and stems of the search engine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turngym.envs.webshop.porter import stem
from turngym.envs.webshop.words import words

_EXAMPLES = """
    caresses caress ponies poni ties ti cats cat feed feed agreed agre plastered plaster bled bled motoring motor
    sing sing conflated conflat troubled troubl sized size hopping hop tanned tan falling fall hissing hiss fizzed
    fizz failing fail filing file happy happi sky sky relational relat conditional condit rational ration valenci
    valenc digitizer digit radicalli radic differentli differ vileli vile analogousli analog vietnamization vietnam
    predication predic operator oper feudalism feudal decisiveness decis hopefulness hope callousness callous
    formaliti formal sensitiviti sensit sensibiliti sensibl triplicate triplic formative form formalize formal
    electriciti electr electrical electr hopeful hope goodness good revival reviv allowance allow inference infer
    airliner airlin gyroscopic gyroscop adjustable adjust defensible defens irritant irrit replacement replac
    adjustment adjust dependent depend adoption adopt homologou homolog communism commun activate activ angulariti
    angular homologous homolog effective effect bowdlerize bowdler probate probat rate rate cease ceas controll
    control roll roll possibly possibl archaeology archaeolog
"""
PORTERS_EXAMPLES = _EXAMPLES.split()
"""Each word, and its stem after it."""

PARTS = [*"abelsty1é", "ing", "ed", "ation", "ness", "logi", "bli", "ll"]


def test_porters_own_examples_are_stemmed_as_he_says() -> None:
    pairs = zip(PORTERS_EXAMPLES[::2], PORTERS_EXAMPLES[1::2], strict=True)
    assert [(word, stem(word), wanted) for word, wanted in pairs if stem(word) != wanted] == []


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=6).map("".join))
def test_stems_are_those_of_nltk(word: str) -> None:
    nltk = pytest.importorskip("nltk.stem.porter", exc_type=ImportError)
    assert stem(word) == nltk.PorterStemmer(mode="MARTIN_EXTENSIONS").stem(word)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Find me Women's T-Shirts, and the SHOES", ["find", "me", "women", "t", "shirt", "shoe"]),
        ("3.5 oz, 1,000 pieces; 12:30 color:red u.s.a. a.b 5'2\"",
         ["3.5", "oz", "1,000", "piec", "12", "30", "color:r", "u.s.a", "a.b", "5'2"]),
        ("foo_bar __ _x y_ 4pack pack4", ["foo_bar", "_x", "y_", "4pack", "pack4"]),
        ("don\N{RIGHT SINGLE QUOTATION MARK}t men\N{RIGHT SINGLE QUOTATION MARK}s it's", ["don’t", "men"]),
        ("\N{HEAVY BLACK HEART}\ufe0f\N{CHERRY BLOSSOM}\N{CHERRY BLOSSOM}x™ 2½",
         ["❤\ufe0f", "🌸", "🌸", "x", "2"]),
        ("👨\u200d💼 👍🏽 🇫🇷🇩🇪", ["👨\u200d💼", "👍🏽", "🇫🇷", "🇩🇪"]),
        ("日本 ひら カタカナ 한국 ไทย café é", ["日", "本", "ひ", "ら", "カタカナ", "한국", "ไทย", "café", "é"]),
        ("the of and", []),
        ("... ☆ -- ♡", ["♡"]),
    ],
)  # fmt: skip
def test_text_parts_into_these_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_a_long_token_is_broken() -> None:
    assert [len(token) for token in words("1" * 600)] == [255, 255, 90]


@settings(deadline=None)
@given(st.text())
def test_any_text_has_words(text: str) -> None:
    assert all(words(text))
