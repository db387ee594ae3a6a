from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.shared import shared

from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs.webshop import generator, json_stream, originals
from turngym.envs.webshop.data import generate, prepare
from turngym.envs.webshop.json_stream import elements
from turngym.envs.webshop.products import CatalogueError

objects = st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.none(), max_size=4)


def put(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def original(tmp_path):
    """A folder of small files in the original's formats."""
    folder = tmp_path / "original"
    generator.write(folder, 40, seed=5)
    return folder


def change(path, edit):
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    put(path, value)


# A file read an element at a time


@given(value=st.lists(objects), chunk=st.integers(1, 40), indent=st.sampled_from([None, 1]))
@settings(deadline=None)
def test_an_array_is_read_as_json_reads_it_whatever_the_chunks(tmp_path_factory, value, chunk, indent):
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(text := json.dumps(value, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        read = [*elements(path)]
    assert [element.value for element in read] == value
    assert [element.number for element in read] == [*range(1, len(value) + 1)]
    assert [text.splitlines()[element.line - 1].strip(" [,")[:1] for element in read] == ["{"] * len(value)


@given(value=st.dictionaries(st.text(max_size=5), objects), chunk=st.integers(1, 40))
@settings(deadline=None)
def test_an_object_is_read_as_json_reads_it_whatever_the_chunks(tmp_path_factory, value, chunk):
    path = put(tmp_path_factory.mktemp("json") / "o.json", value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        read = {element.key: json.loads(element.text) for element in elements(path)}
    assert read == value


@given(value=st.lists(objects, min_size=1), keep=st.floats(0, 1, exclude_max=True))
@settings(deadline=None)
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path_factory, value, keep):
    path = tmp_path_factory.mktemp("json") / "cut.json"
    whole = json.dumps(value)
    path.write_text(whole[: int(keep * len(whole))], encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"cut\.json is damaged at "):
        [*elements(path)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!DOCTYPE html>", "line 1: it starts as no JSON array or object does"),
        ("", "line 1: it starts as no JSON array"),
        ('[{"a": 1},\n {"a": oops}]', "record 2, line 2: it is no JSON, or cut off .Expecting value"),
        ('[{"a": 1}\n {"a": 2}]', "record 1, line 2: there is no ',' or ']' behind it"),
        ('[{"a": 1}, 7]', "record 2, line 1: it is no object or array"),
        ('{"a" [1]}', "record 1, line 1: there is no ':' behind its name"),
        ("{3: [1]}", "record 1, line 1: it has no name"),
        ("[{}] [", "record 1, line 1: the file goes on behind its end"),
    ],
)
def test_what_is_damaged_is_named_by_record_and_line(tmp_path, text, said):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=said):
        [*elements(path)]


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "bad.json"
    path.write_bytes(b'[{"a": "\xff"}]')
    with pytest.raises(CatalogueError, match="not UTF-8"):
        [*elements(path)]


# The folder that is written


def test_files_in_the_originals_format_and_the_generator_give_one_folder(original, tmp_path):
    prepared = prepare([original], tmp_path / "prepared")
    generated = generate(40, 5, tmp_path / "generated")
    assert (prepared.products, prepared.synthetic, prepared.human) == (
        generated.products,
        generated.synthetic,
        generated.human,
    )
    files = sorted(path.relative_to(tmp_path / "generated") for path in (tmp_path / "generated").rglob("*.*"))
    assert len(files) > 5
    for file in files:
        assert (tmp_path / "prepared" / file).read_bytes() == (tmp_path / "generated" / file).read_bytes(), (
            file
        )


def test_the_place_of_every_product_is_kept(tmp_path):
    import numpy as np

    generate(10, 0, tmp_path / "shop")
    text, offsets = (tmp_path / "shop/products.jsonl").read_bytes(), np.load(tmp_path / "shop/offsets.npy")
    lines = [json.loads(text[start:end]) for start, end in pairwise(offsets)]
    assert [line["product"] for line in lines] == [one.product for one in generator.entries(10)]


def test_files_may_be_named_instead_of_their_folder(original, tmp_path):
    named = [original / name for name in ("items_shuffle.json", "items_ins_v2.json", "nouns.json")]
    assert prepare(named, tmp_path / "shop").human == 0


def test_the_summary_says_what_was_left_out(original, tmp_path):
    change(
        original / "items_shuffle.json", lambda items: items.extend([items[3], {**items[0], "asin": "nan"}])
    )
    change(original / "items_ins_v2.json", lambda named: named.popitem())
    said = str(prepare([original], tmp_path / "shop"))
    assert "40 products" in said
    assert "1 records left out, their asin is 'nan' or longer" in said
    assert "1 records left out, their asin came before" in said
    assert "1 records without attributes" in said
    assert "record 41, line 1 repeats asin" in said


# What is refused


def refused(paths, tmp_path, said, error=UserError, **options):
    with pytest.raises(error, match=said) as raised:
        prepare(paths, tmp_path / "shop", **options)
    assert "\n" not in str(raised.value)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("shop")]


def test_absent_files_are_named_with_the_place_where_they_are_found(tmp_path):
    (tmp_path / "empty").mkdir()
    refused([tmp_path / "empty"], tmp_path, r"no items_shuffle and no items_ins_v2\*\.json in .*setup\.sh")
    refused([tmp_path / "nowhere"], tmp_path, r"nowhere does not exist; .*setup\.sh")


def test_two_files_of_one_role_are_not_guessed_between(original, tmp_path):
    (original / "items_shuffle_1000.json").write_text("[]")
    refused([original], tmp_path, "items_shuffle.json, items_shuffle_1000.json are several files of products")


def test_a_folder_that_exists_is_left_alone(original, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/precious").write_text("x")
    with pytest.raises(UserError, match="kept exists"):
        prepare([original], tmp_path / "kept")
    assert (tmp_path / "kept/precious").read_text() == "x"


@pytest.mark.parametrize("field", ["name", "full_description", "product_category", "category", "query"])
def test_a_missing_field_is_named_with_its_record(original, tmp_path, field):
    change(original / "items_shuffle.json", lambda items: items[6].pop(field))
    refused([original], tmp_path, rf"items_shuffle\.json, record 7, line 1: .*{field}")


def test_a_record_without_a_number_is_named(original, tmp_path):
    change(original / "items_shuffle.json", lambda items: items[6].pop("asin"))
    refused([original], tmp_path, r"record 7, line 1 has no 'asin'")


def test_an_option_without_a_value_is_named(original, tmp_path):
    change(
        original / "items_shuffle.json", lambda items: items[2].update(customization_options={"Size": [{}]})
    )
    refused([original], tmp_path, r"record 3, line 1: ")


def test_a_file_that_is_cut_off_leaves_nothing_behind(original, tmp_path):
    file = original / "items_shuffle.json"
    file.write_bytes(file.read_bytes()[:-2000])
    refused([original], tmp_path, r"items_shuffle\.json is damaged at record \d+, line \d+")


def test_attributes_of_another_catalogue_are_refused(original, tmp_path):
    generator.write(tmp_path / "other", 40, seed=6)
    (tmp_path / "other/items_ins_v2.json").rename(original / "items_ins_v2.json")
    refused([original], tmp_path, "knows 0 of the first 40 products")


def test_attributes_that_are_no_list_of_texts_are_named(original, tmp_path):
    asin = next(generator.entries(1, 5)).asin
    change(original / "items_ins_v2.json", lambda named: named[asin].update(attributes="soft"))
    refused([original], tmp_path, rf"items_ins_v2\.json: the value of '{asin}'")


def test_a_product_that_the_file_of_nouns_lacks_is_named(original, tmp_path):
    change(original / "nouns.json", lambda nouns: nouns.popitem())
    refused([original], tmp_path, r"nouns\.json: 'G0.*' has no list of nouns")


def test_without_nouns_and_without_spacy_the_extra_is_named(original, tmp_path, monkeypatch):
    (original / "nouns.json").unlink()
    monkeypatch.setitem(__import__("sys").modules, "spacy", None)
    monkeypatch.delitem(__import__("sys").modules, "turngym.envs.webshop.nouns", raising=False)
    refused([original], tmp_path, r"install turngym\[webshop-nouns\]", PrerequisiteError)
    assert prepare([original], tmp_path / "shop", nouns=False).products == 40


def test_an_empty_file_of_products_is_refused(original, tmp_path):
    put(original / "items_shuffle.json", [])
    refused([original], tmp_path, "has no product that the shop takes")


def test_a_catalogue_of_no_products_is_refused(tmp_path):
    with pytest.raises(UserError, match="at least one product"):
        generate(0, 0, tmp_path / "shop")


# The real files


def test_the_original_thousand_products_are_read(tmp_path):
    folder = shared("data/webshop1k")
    known = json.loads(shared("vectors/webshop.json").read_text())["products"]
    nouns = put(tmp_path / "nouns.json", {asin: product["nouns"] for asin, product in known.items()})
    files = [
        folder / f"{name}.json" for name in ("items_shuffle_1000", "items_ins_v2_1000", "items_human_ins")
    ]
    summary = prepare([*files, nouns], tmp_path / "shop")
    assert (summary.products, summary.synthetic, summary.human) == (1000, 415, 13)
    assert summary.left == originals.Left()


@pytest.mark.slow
def test_spacy_finds_the_nouns_that_the_original_found():
    spacy = pytest.importorskip("spacy")
    from turngym.envs.webshop.nouns import MODELS, title_nouns

    if not any(map(spacy.util.is_package, MODELS)):
        pytest.skip("spaCy's small English model is not installed")

    products = json.loads(shared("data/webshop1k/items_shuffle_1000.json").read_text(encoding="utf-8"))
    known = json.loads(shared("vectors/webshop.json").read_text())["products"]
    titles = [product["name"] for product in products]
    found = zip(products, title_nouns(titles), strict=True)
    wrong = [product["asin"] for product, nouns in found if nouns != known[product["asin"]]["nouns"]]
    assert not wrong
