"""The search engine against its definition, and from its files."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.envs.webshop.shops import original, vectors

from turngym.envs.webshop import index as module
from turngym.envs.webshop.index import LENGTHS, Builder, Index, encoded
from turngym.envs.webshop.products import CatalogueError
from turngym.envs.webshop.words import words

TEXTS = st.lists(st.text(st.sampled_from("ab cd e "), max_size=60), min_size=1, max_size=12)

USUAL = st.lists(st.sampled_from(["usual"] * 6 + ["common"] * 3 + ["rare", "odd"]), max_size=8).map(" ".join)
"""A document of words most of which stand in every other one."""


def built(texts: list[str]) -> Index:
    builder = Builder()
    for number, text in enumerate(texts):
        builder.add(f"{-number % 7}-{number}", text)
    return builder.finish()


def slow(texts: list[str], query: str) -> dict[int, float]:
    """BM25 by its formula, a document at a time."""
    documents = [Counter(words(text)) for text in texts]
    average = sum(document.total() for document in documents) / len(documents)
    scores = {}
    for number, document in enumerate(documents):
        length = LENGTHS[encoded(document.total())]
        norm = 0.9 * (1 - 0.4 + 0.4 * float(length) / average) if average else 0.0
        score = 0.0
        for word in words(query):
            holding = sum(word in other for other in documents)
            rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            score += rarity * document[word] / (document[word] + norm) if document[word] else 0.0
        if score:
            scores[number] = score
    return scores


@settings(deadline=None)
@given(TEXTS, st.text(st.sampled_from("ab cd e "), max_size=20))
def test_scores_are_those_of_the_formula(texts: list[str], query: str) -> None:
    ours, wanted = dict(built(texts).search(query, most=100)), slow(texts, query)
    assert ours == pytest.approx(wanted, rel=1e-5)


@settings(deadline=None)
@given(TEXTS, st.text("abe ", max_size=9), st.integers(1, 5))
def test_the_best_come_first_and_of_equal_ones_the_lowest_id(texts: list[str], query: str, most: int) -> None:
    index = built(texts)
    every = index.search(query, most=100)
    assert every == sorted(every, key=lambda one: (-one[1], f"{-one[0] % 7}-{one[0]}"))
    assert index.search(query, most) == every[:most]


@settings(deadline=None)
@given(st.lists(USUAL, min_size=8, max_size=40), st.integers(1, 5))
def test_common_words_put_off_change_nothing(texts: list[str], most: int) -> None:
    index, query = built(texts), "rare usual odd common"
    every = index.search(query, most=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "COMMON", (0, 16))
        assert index.search(query, most) == every[:most]


@settings(deadline=None)
@given(TEXTS)
def test_sorting_in_blocks_changes_nothing(texts: list[str]) -> None:
    whole = built(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 3)
        parts = built(texts)
    for name in Index.__slots__:
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()


def test_a_length_keeps_four_leading_bits_beyond_39() -> None:
    assert [encoded(length) for length in range(40)] == [*range(40)]
    decoded = [int(LENGTHS[encoded(length)]) for length in (40, 41, 42, 54, 55, 56, 59, 60, 1000)]
    assert decoded == [40, 40, 42, 54, 54, 56, 56, 60, 984]
    assert LENGTHS[:255].tolist() == sorted({*LENGTHS[:255].tolist()})


def test_an_index_from_its_files_finds_the_same(tmp_path: Path) -> None:
    index = built(["red shirt", "blue shirt shirt", "lamp", "日本"])
    index.save(tmp_path / "index")
    mapped = Index.open(tmp_path / "index")
    for query in ("shirt", "red lamp", "日", "nothing", ""):
        assert mapped.search(query) == index.search(query)


def test_damaged_files_are_told(tmp_path: Path) -> None:
    built(["red shirt"]).save(tmp_path)
    (tmp_path / "counts.npy").write_bytes(b"")
    with pytest.raises(CatalogueError, match=r"holds no complete search index .* make it again"):
        Index.open(tmp_path)
    with pytest.raises(CatalogueError, match="holds no complete search index"):
        Index.open(tmp_path / "absent")


def test_an_empty_shop_finds_nothing() -> None:
    assert Builder().finish().search("shirt") == []


def test_lucenes_answers_are_ours_in_its_order() -> None:
    catalogue = original()
    for case in vectors()["search"]:
        theirs = [asin for asin, _ in case["top"]] + case["asins"]
        assert [catalogue.products[row].asin for row in catalogue.search(case["query"])] == theirs
