"""The texts of a generated product: title, description, features, and the sentences that ask for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from turngym.envs.draw import Draw
from turngym.envs.webshop.vocabulary.kind import Kind, attribute, nouns, plain, role
from turngym.envs.webshop.vocabulary.phrases import (
    ABOUT,
    BENEFITS,
    BRAND_ENDS,
    BRAND_MIDDLES,
    BRAND_STARTS,
    CLOSERS,
    MORE,
    OPENERS,
    OPTION_PHRASES,
    PROMISES,
)

_POSSESSIVE = re.compile(r"^(\S+'s )?")
_WORD = re.compile(r"[^\s-]+")
_UPPER = frozenset({"bpa", "gmo", "hd", "hdmi", "led", "usb"})
_SMALL = frozenset({"and", "by", "for", "in", "of", "on", "the", "to", "with", "under", "after", "before"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a product is, before anything is said about it."""

    kind: Kind
    form: str
    use: str
    traits: tuple[str, ...]
    options: dict[str, tuple[str, ...]]
    price: int
    """Cents."""
    span: int
    """Cents between the least and the highest price; 0 where there is one price."""
    listed: bool
    """Whether the shop shows a price at all."""


def brand(draw: Draw) -> str:
    """A maker's name, of syllables."""
    return draw.one(BRAND_STARTS) + draw.one(BRAND_MIDDLES) + draw.one(BRAND_ENDS)


def title(plan: Plan, maker: str, draw: Draw) -> tuple[str, list[str]]:
    """The title, and its nouns in lower case, in order and with repeats.

    It tells at most two of the traits: who wants to be sure of the others has to open the product.
    """
    before, after = (draw.some(group, 1) for group in _by_place(plan.traits))
    head, maker, use = _head(plan), f"[{maker}]", f"for {plan.use}"
    pattern = draw.below(4)
    if pattern == 0:
        parts = [" ".join([maker, *before, head, *after]), use]
    elif pattern == 1:
        parts = [" ".join([maker, head]), *before, *after]
    elif pattern == 2:
        parts = [" ".join([head, "by", maker]), *before, use]
    else:
        parts = [" ".join([maker, head, use]), *after]
    marked = ", ".join(parts)
    return _capitalised(plain(marked)), nouns(marked)


def description(plan: Plan, maker: str, draw: Draw) -> str:
    """Two or three sentences that give away none of the traits."""
    lines = [draw.one(ABOUT), *draw.some(MORE[plan.kind.category], 1 + draw.below(2))]
    return _filled(" ".join(lines), plan, maker)


def features(plan: Plan, maker: str, draw: Draw) -> list[str]:
    """A point for every trait, and one or two about the shop."""
    traits = [
        f"{attribute(trait).upper()}: {benefit}."
        for trait, benefit in zip(plan.traits, draw.some(BENEFITS, len(plan.traits)), strict=True)
    ]
    points = traits + draw.some(PROMISES, 1 + draw.below(2))
    return [_filled(point, plan, maker) for point in points]


def instruction(plan: Plan, traits: Sequence[str]) -> str:
    """The sentence of a synthetic goal, to which the shop adds options and price."""
    before, after = _by_place(traits)
    asked = f"{', '.join(attribute(trait) for trait in before)} {plan.kind.query}".strip()
    return f"Find me {_with_phrases(asked, after)}"


def request(plan: Plan, traits: Sequence[str], options: dict[str, str], draw: Draw) -> str:
    """What a person might write who wants these traits and options."""
    before, after = _by_place(traits)
    asked = " ".join([*(attribute(trait) for trait in before), plan.kind.query])
    wishes = [draw.one(OPTION_PHRASES[name.lower()]).format(value.lower()) for name, value in options.items()]
    phrases = [_with_phrases(asked, after), *wishes]
    joint = draw.one((", ", " ", " and ")) if len(phrases) == 2 else ", "
    return f"{draw.one(OPENERS)} {joint.join(phrases)}{draw.one(CLOSERS)}."


def _by_place(traits: Sequence[str]) -> tuple[list[str], list[str]]:
    """The traits that stand before the name of the thing, and those behind it."""
    return [trait for trait in traits if not role(trait)], [trait for trait in traits if role(trait)]


def _with_phrases(asked: str, after: Sequence[str]) -> str:
    for word in ("with", "for"):
        named = [attribute(trait) for trait in after if role(trait) == word]
        asked += f" {word} {', '.join(named)}" if named else ""
    return asked


def _head(plan: Plan) -> str:
    """`"[women]'s chelsea [ankle boots]"`: the form goes behind whose they are."""
    return _POSSESSIVE.sub(lambda whose: f"{whose[0]}{plan.form} ", plan.kind.name, count=1)


def _capitalised(text: str) -> str:
    return _WORD.sub(lambda match: _capital(match[0]), text)


def _capital(word: str) -> str:
    if word in _SMALL:
        return word
    return word.upper() if word in _UPPER else word[0].upper() + word[1:]


def _filled(text: str, plan: Plan, maker: str) -> str:
    return text.format(thing=plain(_head(plan)), use=plain(plan.use), brand=maker)
