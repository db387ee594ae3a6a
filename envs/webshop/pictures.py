"""What a product looks like where there is no photograph: a shape by its kind, a colour by its name or number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from turngym.envs.webshop.colours import colour_in
from turngym.envs.webshop.products import Product

# The first shape of which some word is in the search that finds the product.
_SHAPES = {
    "shoe": ("shoe", "boot", "loafer", "sandal", "sneaker", "pump", "slipper"),
    "trousers": ("jeans", "shorts", "leggings", "pants", "trousers"),
    "dress": ("dresses", "skirt", "gown"),
    "shirt": ("shirt", "sweater", "jacket", "coat", "hoodie", "blouse", "top"),
    "chair": ("chair", "sofa", "couch", "ottoman", "bench"),
    "bed": ("bed", "mattress", "blanket", "pillow", "rug"),
    "lamp": ("lamp", "light", "candle", "sconce", "bulb"),
    "table": ("table", "desk", "nightstand", "shelf", "vanit", "mirror"),
    "camera": ("camera", "projector", "lens", "binocular"),
    "sound": ("headphone", "earbud", "speaker", "audio"),
    "device": ("phone", "tablet", "watch", "keyboard", "charger", "cable", "computer"),
    "cup": ("tea", "coffee", "drink", "beverage", "shake"),
    "tube": ("toothpaste", "lipstick", "mask", "scrub", "toothbrush", "palette"),
}
_CATEGORIES = {
    "fashion": "shirt",
    "grocery": "bag",
    "electronics": "device",
    "beauty": "bottle",
    "garden": "table",
}
_INKS = {
    "aqua": "#7fd6d6", "beige": "#d8c5a3", "black": "#2f3437", "blue": "#3b6ea8", "brown": "#8a5a3b",
    "burgundy": "#7a2438", "camel": "#c19a6b", "champagne": "#ead9b5", "charcoal": "#4a5056", "chocolate": "#5c3a28",
    "copper": "#b5713f", "coral": "#f0806a", "cream": "#efe3c6", "espresso": "#4a3328", "gold": "#c9a23f",
    "gray": "#8b9298", "green": "#4d8b5c", "grey": "#8b9298", "ivory": "#ece4d0", "khaki": "#a79a6c",
    "lavender": "#b09ad1", "midnight": "#27355a", "mint": "#96d1b5", "mustard": "#d3a32b", "natural": "#cfb085",
    "navy": "#2c3e66", "nude": "#dcb59d", "olive": "#7c8046", "orange": "#e0813a", "peach": "#f2b492",
    "pink": "#df8aa6", "plum": "#77436c", "purple": "#7d5aa6", "red": "#b8403f", "rose": "#d48a92",
    "rust": "#ae5a32", "silver": "#b7bec4", "slate": "#66727d", "tan": "#c6a27a", "teal": "#2f8286",
    "turquoise": "#42b5b0", "walnut": "#76523a", "white": "#e9eaec", "wine": "#75293f", "yellow": "#e3c044",
}  # fmt: skip
_PLAIN = ("#6f8faf", "#a98467", "#7a9e7e", "#b5838d", "#8d86c9", "#c2956b", "#5f9ea0", "#9a8c98")


class Picture(NamedTuple):
    """A drawing."""

    shape: str
    ink: str
    """Its colour, as CSS writes it."""


def draw(product: Product, chosen: Iterable[str] = ()) -> Picture:
    """The product in the first colour that a chosen value names, else in that of its title, else in one of its own."""
    inks = (*map(ink, chosen), *map(_INKS.get, product.title.lower().split()))
    named = next(filter(None, inks), None)
    number = hashlib.sha256(product.asin.encode()).digest()[0]
    return Picture(_shape(product), named or _PLAIN[number % len(_PLAIN)])


def ink(words: str) -> str | None:
    """The colour that the words name, where it is a known one."""
    return _INKS.get(colour_in(words) or "")


def _shape(product: Product) -> str:
    known = (shape for shape, words in _SHAPES.items() if any(word in product.query for word in words))
    return next(known, _CATEGORIES.get(product.category, "bag"))
