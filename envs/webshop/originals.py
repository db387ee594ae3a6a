"""WebShop's files, found and checked against each other, a product at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs.webshop.json_stream import Element, elements
from turngym.envs.webshop.products import CatalogueError, Product, parse, sold

WHERE = (
    "the files are named in setup.sh of the WebShop repository (princeton-nlp/WebShop on GitHub): "
    "items_shuffle.json, items_ins_v2.json and items_human_ins.json, or the first two with _1000 in their names"
)

_ROLES = {
    "products": "items_shuffle",
    "attributes": "items_ins_v2",
    "human": "items_human_ins",
    "nouns": "nouns",
}
_NEEDED = ("products", "attributes")
_FITS = 0.5
"""Share of the products that the attribute file must know; the original's knows all."""
_BATCH = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A product as an indexed folder keeps it, and as the shop sees it."""

    raw: Mapping[str, Any]
    """The record, its attributes, what people asked, and its nouns: product, attributes, human, nouns."""
    product: Product


@dataclass(kw_only=True, slots=True)
class Left:
    """What was left out, as the original does, or is missing."""

    no_asin: int = 0
    """Records whose number is 'nan' or longer than ten characters."""
    repeated: int = 0
    """Records whose number an earlier one has."""
    no_attributes: int = 0
    """Products that the attribute file does not know."""
    notes: list[str] = field(default_factory=list)
    """A sentence on each of the first few repetitions."""

    def sentences(self) -> list[str]:
        counts = {
            "left out, their asin is 'nan' or longer than ten characters": self.no_asin,
            "left out, their asin came before": self.repeated,
            "without attributes in the attribute file": self.no_attributes,
        }
        return [f"{count:,} records {what}" for what, count in counts.items() if count] + self.notes


def line(raw: Mapping[str, Any]) -> Line:
    """Raises `CatalogueError` where a field is not what it must be."""
    product = parse(raw["product"], raw["attributes"], raw["human"], raw["nouns"])
    return Line(raw=raw, product=product)


def found(paths: list[Path]) -> dict[str, Path]:
    """The file of each role: products, attributes, and where there are any human goals and nouns.

    Raises:
        UserError: a path or a needed file does not exist, or several files have one role.
    """
    files = [file for path in paths for file in _files(path)]
    fitting = {role: _one(role, files) for role in _ROLES}
    if missing := [_ROLES[role] for role in _NEEDED if fitting[role] is None]:
        looked = ", ".join(map(str, paths)) or "no path"
        raise UserError(f"there is no {' and no '.join(missing)}*.json in {looked}: {WHERE}")
    return {role: path for role, path in fitting.items() if path is not None}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.json"))
    if path.is_file():
        return [path]
    raise UserError(f"{path} does not exist; {WHERE}")


def _one(role: str, files: list[Path]) -> Path | None:
    fitting = [file for file in files if file.name.startswith(_ROLES[role])]
    if len(fitting) > 1:
        named = ", ".join(file.name for file in fitting)
        raise UserError(f"{named} are several files of {role}: name the ones to use instead of their folder")
    return fitting[0] if fitting else None


def checked(found: Mapping[str, Path], left: Left) -> Iterator[Line]:
    """The products that the shop takes, in the file's order; counts the others in `left`.

    Raises:
        UserError: a file is damaged, a product is not complete, or the files do not belong together.
    """
    attributes = _texts(found["attributes"])
    human = _texts(found["human"]) if "human" in found else {}
    nouns = _texts(found["nouns"]) if "nouns" in found else {}
    seen: set[str] = set()
    for record in elements(found["products"]):
        asin = _asin(record)
        if _left_out(asin, record, seen, left):
            continue
        seen.add(asin)
        left.no_attributes += asin not in attributes
        _check_fit(len(seen), left, found)
        raw = {
            "product": record.value,
            "attributes": _attributes(asin, attributes, found),
            "human": json.loads(human.get(asin, "[]")),
            "nouns": _nouns(asin, nouns, found),
        }
        yield _parsed(raw, record)
    _check_all(len(seen), left, found)


def _texts(path: Path) -> dict[str, str]:
    """The members of an object by name, as text, which takes a third of the memory of what they mean."""
    return {element.key: element.text for element in elements(path)}


def _asin(record: Element) -> str:
    asin = record.value.get("asin") if isinstance(record.value, dict) else None
    if isinstance(asin, str) and asin:
        return asin
    raise CatalogueError(f"{record.place} has no 'asin', which every product must have; correct the file")


def _left_out(asin: str, record: Element, seen: set[str], left: Left) -> bool:
    if not sold(asin):
        left.no_asin += 1
        return True
    if asin in seen:
        left.repeated += 1
        left.notes += [f"{record.place} repeats asin {asin!r} and is left out"] * (left.repeated <= 3)
        return True
    return False


def _attributes(asin: str, texts: Mapping[str, str], found: Mapping[str, Path]) -> dict[str, Any] | None:
    if asin not in texts:
        return None
    entry = json.loads(texts[asin])
    if isinstance(entry, dict) and _is_words(entry.get("attributes", [])):
        return entry
    raise CatalogueError(
        f"{found['attributes']}: the value of {asin!r} is {texts[asin][:80]!r}, but must be an object with a "
        "list of texts 'attributes'; correct the file"
    )


def _nouns(asin: str, texts: Mapping[str, str], found: Mapping[str, Path]) -> list[str]:
    if "nouns" not in found:
        return []
    words = json.loads(texts.get(asin, "null"))
    if _is_words(words):
        return list(words)
    raise CatalogueError(
        f"{found['nouns']}: {asin!r} has no list of nouns; add it, or take the file away and install "
        "turngym[webshop-nouns], so that they are found anew"
    )


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _parsed(raw: Mapping[str, Any], record: Element) -> Line:
    try:
        return line(raw)
    except CatalogueError as error:
        raise CatalogueError(f"{record.place}: {error}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise CatalogueError(f"{record.place}: a field has not the shape it must have: {error!r}") from error


def _check_fit(products: int, left: Left, found: Mapping[str, Path]) -> None:
    """Looks once, early, whether the two files belong together."""
    if products == _BATCH:
        _check_all(products, left, found)


def _check_all(products: int, left: Left, found: Mapping[str, Path]) -> None:
    if not products:
        raise UserError(f"{found['products']} has no product that the shop takes; {WHERE}")
    if products - left.no_attributes < _FITS * products:
        raise UserError(
            f"{found['attributes']} knows {products - left.no_attributes} of the first {products} products of "
            f"{found['products']}: give the two files that belong together (items_shuffle_1000 goes with "
            "items_ins_v2_1000)"
        )


def with_nouns(lines: Iterator[Line]) -> Iterator[Line]:
    """The same products with the nouns that spaCy finds in their titles.

    Raises:
        PrerequisiteError: spaCy is not installed.
    """
    try:
        from turngym.envs.webshop.nouns import title_nouns
    except ImportError as error:
        raise PrerequisiteError(
            "the nouns of the titles, by which a purchase of another kind is judged, are found with spaCy, which "
            "is not installed: install turngym[webshop-nouns], give a nouns.json (asin to list of nouns) among "
            "the files, or do without them (nouns=False)"
        ) from error
    while batch := list(islice(lines, _BATCH)):
        nouns = title_nouns([one.product.title for one in batch])
        yield from (line({**one.raw, "nouns": words}) for one, words in zip(batch, nouns, strict=True))
