"""Products as the shop knows them, read from WebShop's own records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turngym.core.errors import UserError

NO_PRICE = 100.0
"""Dollars that a product without a price costs."""

ATTRIBUTE_UNKNOWN = ("DUMMY_ATTR",)
"""The attributes of a product that the attribute file does not have."""


class CatalogueError(UserError, ValueError):
    """A catalogue's file that cannot be read as what it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HumanGoal:
    """What somebody wrote who looked at a product."""

    instruction: str
    attributes: tuple[str, ...]
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One product, its texts as they are shown and the words by which purchases are judged."""

    asin: str
    title: str
    description: str
    bullets: tuple[str, ...]
    """The lines of the page "Features"."""
    prices: tuple[float, ...]
    """One, or the two ends of a range, in dollars."""
    category: str
    """One of the shop's few departments."""
    query: str
    """The search by which the product was once found: its kind, in lower case."""
    product_category: str
    """The path in the shop's tree, its names joined by ` › `."""
    options: Mapping[str, tuple[str, ...]]
    """The values to choose from by option name, all in lower case, in the order of the page."""
    images: Mapping[str, str]
    """Image address by option value; the product's own under the empty string."""
    attributes: tuple[str, ...]
    instruction: str | None
    """The opening of this product's synthetic goals; `None` where it has none."""
    instruction_attributes: tuple[str, ...]
    human: tuple[HumanGoal, ...]
    nouns: tuple[str, ...]
    """The nouns of the title in lower case, in order, with repeats."""

    @property
    def price_tag(self) -> str:
        """What the pages show for a price: `$9.99` or `$9.99 to $14.99`."""
        return " to ".join(f"${price}" for price in self.prices)

    @property
    def document(self) -> str:
        """What the search engine reads: title, description, first bullet and options, in lower case."""
        options = ", and ".join(f"{name}: {', '.join(values)}" for name, values in self.options.items())
        first = self.bullets[0] if self.bullets else ""
        return f"{self.title} {self.description} {first} {options}".lower()


def parse(
    record: Mapping[str, Any],
    attributes: Mapping[str, Any] | None,
    human: Sequence[Mapping[str, Any]] = (),
    nouns: Sequence[str] = (),
) -> Product:
    """A product from one record of `items_shuffle*.json`, its value in `items_ins_v2*.json`, and the goals of
    people in `items_human_ins.json`.

    Raises `CatalogueError`, which names the product and the field.
    """
    known = attributes or {}
    return Product(
        asin=_text(record, "asin"),
        title=_text(record, "name"),
        description=_text(record, "full_description"),
        bullets=_bullets(record),
        prices=_prices(record),
        category=_text(record, "category"),
        query=_text(record, "query").lower().strip(),
        product_category=_text(record, "product_category"),
        options=_options(record),
        images=_images(record),
        attributes=tuple(known.get("attributes", ATTRIBUTE_UNKNOWN)),
        instruction=known.get("instruction"),
        instruction_attributes=tuple(known.get("instruction_attributes") or ()),
        human=tuple(_human(goal, _text(record, "asin")) for goal in human),
        nouns=tuple(nouns),
    )


def sold(asin: str) -> bool:
    """Whether the shop takes a record of this number at all."""
    return asin != "nan" and len(asin) <= 10


def _text(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if isinstance(value, str):
        return value
    raise _wrong(record, field, value, "a text")


def _bullets(record: Mapping[str, Any]) -> tuple[str, ...]:
    lines = record.get("small_description")
    if isinstance(lines, str):
        return (lines,)
    if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
        return tuple(lines)
    raise _wrong(record, "small_description", lines, "a list of texts")


def _prices(record: Mapping[str, Any]) -> tuple[float, ...]:
    pricing = record.get("pricing")
    if not pricing:
        return (NO_PRICE,)
    try:
        prices = tuple(float(re.sub(r"[^\d.]", "", part)) for part in pricing.split("$")[1:])
    except (AttributeError, ValueError):
        prices = ()
    if not prices:
        raise _wrong(record, "pricing", pricing, "'$9.99', '$9.99 - $14.99' or ''")
    return prices[:2]


def _options(record: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(value for value, _ in choices) for name, choices in _choices(record)}


def _images(record: Mapping[str, Any]) -> dict[str, str]:
    own = [("", image) for image in (record.get("images") or [])[:1]]
    each = [choice for _, choices in _choices(record) for choice in choices if choice[0]]
    return {value: image for value, image in own + each if isinstance(image, str)}


def _choices(record: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """By option name its values, each with its image or something else."""
    options = record.get("customization_options") or {}
    try:
        return [
            (name.lower(), [(_value(choice["value"]), choice.get("image")) for choice in choices])
            for name, choices in options.items()
            if choices is not None
        ]
    except (AttributeError, KeyError, TypeError):
        raise _wrong(record, "customization_options", options, "lists of values by name, or ''") from None


def _value(text: str) -> str:
    return text.strip().replace("/", " | ").lower()


def _human(goal: Mapping[str, Any], asin: str) -> HumanGoal:
    try:
        return HumanGoal(
            instruction=goal["instruction"],
            attributes=tuple(goal["instruction_attributes"]),
            options=tuple(goal["instruction_options"]),
        )
    except (KeyError, TypeError) as error:
        raise CatalogueError(f"a human goal of product {asin!r} is not complete: {error!r}") from error


def _wrong(record: Mapping[str, Any], field: str, value: object, wanted: str) -> CatalogueError:
    asin = record.get("asin")
    return CatalogueError(
        f"product {asin!r}: {field!r} is {str(value)[:80]!r}, but must be {wanted}; correct the file"
    )
