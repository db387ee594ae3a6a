"""What the word lists say about one kind of thing on sale.

A phrase marks its nouns with brackets, `"for [winter walks]"`, so the nouns of every title are known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOUNS = re.compile(r"\[([^]]*)\]")
_ROLES = ("with ", "for ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of product: what it is called, what may be true of it and what the buyer chooses."""

    category: str
    """One of WebShop's five: fashion, grocery, electronics, beauty, garden."""
    path: str
    """Category path; names are separated by ` › `."""
    query: str
    """What people type to find it."""
    name: str
    """Singular head of the title."""
    forms: tuple[str, ...]
    """Varieties; one goes before the name."""
    traits: tuple[tuple[str, ...], ...]
    """Groups of rivals: a product has at most one trait of each group.
    A trait that starts with "with" or "for" follows the name, any other precedes it."""
    uses: tuple[str, ...]
    """What it is good for; without the "for"."""
    options: dict[str, tuple[str, ...]]
    """Values to choose from, by option name; a product offers some of them."""
    price: tuple[int, int]
    """Least and most, in dollars."""


def plain(phrase: str) -> str:
    """The phrase without the brackets that mark its nouns."""
    return phrase.replace("[", "").replace("]", "")


def nouns(phrase: str) -> list[str]:
    """The marked nouns in order, lower-cased, with repeats."""
    return [word for group in _NOUNS.findall(phrase.lower()) for word in group.split()]


def attribute(trait: str) -> str:
    """The trait as an attribute names it: `"with [rubber sole]"` is "rubber sole"."""
    bare = plain(trait)
    return next((bare.removeprefix(role) for role in _ROLES if bare.startswith(role)), bare)


def role(trait: str) -> str:
    """Where the trait stands in a sentence: "with" or "for" behind the name, "" before it."""
    return next((role.strip() for role in _ROLES if trait.startswith(role)), "")
