"""Catalogues in memory and from folders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.envs.webshop.shops import LAMP, SHIRT, original
from tests.shared import shared

from turngym.core.errors import UserError
from turngym.envs.webshop.data import generate
from turngym.envs.webshop.generator import write
from turngym.envs.webshop.products import CatalogueError, parse
from turngym.envs.webshop.store import Catalogue, catalogue

RECORD: dict[str, Any] = {
    "asin": "B000000001", "name": "Lamp", "full_description": "", "small_description": ["bright "], "pricing": "$9.99",
    "category": "home", "query": " Lamps ", "product_category": "Home › Lamps", "images": ["https://example.org/l.jpg"],
    "customization_options": {"Color": [{"value": " Red/Blue ", "image": "https://example.org/r.jpg"}], "size": None},
}  # fmt: skip


def test_a_record_is_read_as_the_original_reads_it() -> None:
    product = parse(RECORD, None)
    assert product.options == {"color": ("red | blue",)}
    assert product.images == {"": "https://example.org/l.jpg", "red | blue": "https://example.org/r.jpg"}
    assert (product.query, product.attributes, product.price_tag) == ("lamps", ("DUMMY_ATTR",), "$9.99")
    assert product.document == "lamp  bright  color: red | blue"


@pytest.mark.parametrize(
    ("pricing", "prices", "tag"),
    [
        ("", (100.0,), "$100.0"),
        (None, (100.0,), "$100.0"),
        ("$1,299.00", (1299.0,), "$1299.0"),
        ("$9.99 - $14.50", (9.99, 14.5), "$9.99 to $14.5"),
        ("$1 $2 $3", (1.0, 2.0), "$1.0 to $2.0"),
    ],
)
def test_prices_are_read_from_what_is_printed(pricing: object, prices: tuple[float, ...], tag: str) -> None:
    product = parse({**RECORD, "pricing": pricing}, None)
    assert (product.prices, product.price_tag) == (prices, tag)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", None, "'name' is 'None', but must be a text"),
        ("pricing", "cheap", "'pricing' is 'cheap', but must be '$9.99'"),
        ("pricing", "$1.2.3", "'pricing'"),
        ("small_description", [1], "'small_description'"),
        ("customization_options", {"color": [{}]}, "'customization_options'"),
        ("customization_options", "red", "'customization_options'"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(field: str, value: object, told: str) -> None:
    with pytest.raises(CatalogueError, match=r"product 'B000000001': .*; correct the file") as error:
        parse({**RECORD, field: value}, None)
    assert told in str(error.value)


def test_of_equal_numbers_the_first_stays_and_odd_numbers_are_left_out() -> None:
    second = replace(LAMP, asin=SHIRT.asin)
    stock = Catalogue.of([SHIRT, LAMP, second, replace(LAMP, asin="nan"), replace(LAMP, asin="B0000000012")])
    assert [*stock.products] == [SHIRT, LAMP]
    assert [stock.row(product.asin) for product in stock.products] == [0, 1]
    with pytest.raises(KeyError):
        stock.row("B000000000")


def test_the_catalogue_of_turngym_has_goals_of_both_kinds() -> None:
    stock = catalogue(None)
    assert stock is catalogue(None)
    assert len(stock) == 500
    assert all(len(goals) > 100 for goals in stock.goals.values())


def test_a_mapped_folder_holds_the_same_as_the_files_in_memory(tmp_path: Path) -> None:
    write(tmp_path / "files", 60)
    generate(60, 0, tmp_path / "mapped")
    whole, mapped = Catalogue.load(tmp_path / "files"), Catalogue.open(tmp_path / "mapped")
    assert [*mapped.products] == [*whole.products]
    assert mapped.prices.tolist() == whole.prices.tolist()
    for kind, goals in whole.goals.items():
        assert [*mapped.goals[kind]] == [*goals]
    for words in ("shirt", "lamp with shade", "the"):
        assert mapped.search(words) == whole.search(words)
    assert [mapped.row(product.asin) for product in whole.products] == [*range(60)]


def test_the_original_prices_are_drawn_with_seed_0() -> None:
    stock = original()
    two = [product.asin for product in stock.products if len(product.prices) == 2]
    assert len(two) == 93
    assert stock.price(stock.row("B08ZRR3DZT")) == 26.74537481220038


@pytest.mark.parametrize(
    "name", ["offsets.npy", "products.jsonl", "prices.npy", "human_rows.npy", "index/letters.npy"]
)
def test_a_folder_with_a_missing_or_cut_file_is_told(tmp_path: Path, name: str) -> None:
    generate(5, 0, tmp_path / "shop")
    file = tmp_path / "shop" / name
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CatalogueError, match="make it again with `turngym data webshop`"):
        Catalogue.open(tmp_path / "shop")
    file.unlink()
    with pytest.raises(UserError):
        catalogue(tmp_path / "shop")


def test_a_damaged_line_is_told_when_it_is_read(tmp_path: Path) -> None:
    generate(5, 0, tmp_path / "shop")
    lines = tmp_path / "shop" / "products.jsonl"
    lines.write_bytes(b"x" * len(lines.read_bytes()))
    stock = Catalogue.open(tmp_path / "shop")
    with pytest.raises(CatalogueError, match=r"line 2 of products.jsonl is no product"):
        stock.products[1]


def test_the_seed_of_a_mapped_folder_cannot_be_chosen(tmp_path: Path) -> None:
    generate(5, 0, tmp_path / "shop")
    with pytest.raises(UserError, match="were drawn with seed 0, not 3"):
        catalogue(tmp_path / "shop", 3)


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no items_shuffle"):
        catalogue(tmp_path)


def test_the_original_files_lie_in_a_folder_with_a_list_of_nouns(tmp_path: Path) -> None:
    for name in ("items_shuffle_1000.json", "items_ins_v2_1000.json", "items_human_ins.json"):
        (tmp_path / name).symlink_to(shared("data/webshop1k") / name)
    nouns = {product.asin: product.nouns for product in original().products}
    (tmp_path / "nouns.json").write_text(json.dumps(nouns))
    stock = Catalogue.load(tmp_path)
    assert [*stock.products] == [*original().products]
    assert np.array_equal(stock.prices, original().prices)
