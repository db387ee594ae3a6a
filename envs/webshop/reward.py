"""How well a purchase fits a goal, from 0 to 1: WebShop's reward and what it is made of (Yao et al., 2022, 4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turngym.envs.webshop.colours import colour_in
from turngym.envs.webshop.fuzzy import token_set_ratio
from turngym.envs.webshop.goals import Goal, Wish
from turngym.envs.webshop.products import Product

ALIKE = 85
"""Phrases whose token-set ratio is above this are the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """Whether the purchase is the kind of thing that was wanted."""

    query_match: bool
    """Both were found by the same search."""
    category_match: bool
    """Both stand under at least two categories of the same names."""
    title_score: float
    """Nouns that the titles share, by the number of nouns in the wanted one; 0.2 where that has none."""

    @property
    def score(self) -> float:
        """0, 0.1, 0.5 or 1."""
        if self.title_score == 0:
            return 0.0
        if self.title_score < 0.1:
            return 0.1
        return 1.0 if self.query_match or self.category_match or self.title_score > 0.2 else 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """A purchase as it was judged. Each share is of what the goal asks for."""

    kind: Kind
    attributes: int
    """How many of the wanted attributes it has."""
    options: int
    """How many of the wanted options were chosen."""
    price: bool
    """Whether it costs no more than the limit."""
    attributes_wanted: int
    options_wanted: int

    @property
    def reward(self) -> float:
        """The share of wishes that came true, the price limit being one, times the score of the kind."""
        return (self.attributes + self.options + self.price) / self.wishes * self.kind.score

    def parts(self) -> dict[str, float | None]:
        """The reward and its shares under the published names; `r_option` is `None` where no option is wanted."""
        return {
            "reward": self.reward,
            "r_type": self.kind.score,
            "r_att": self.attributes / self.attributes_wanted if self.attributes_wanted else None,
            "r_option": self.options / self.options_wanted if self.options_wanted else None,
            "r_price": float(self.price),
            "w_att": self.attributes_wanted / self.wishes,
            "w_option": self.options_wanted / self.wishes,
            "w_price": 1 / self.wishes,
        }

    @property
    def wishes(self) -> int:
        """Attributes, options and the price limit."""
        return self.attributes_wanted + self.options_wanted + 1


def judge(product: Product, price: float, chosen: Mapping[str, str], goal: Goal) -> Purchase:
    """Judge the purchase of a product at a price, with one value chosen for some of its options by name."""
    return Purchase(
        kind=judge_kind(product, goal.product),
        attributes=sum(has_attribute(product, wanted) for wanted in goal.attributes),
        options=count_options(chosen.values(), goal.options),
        price=price <= goal.price_upper,
        attributes_wanted=len(goal.attributes),
        options_wanted=len(goal.options),
    )


def judge_kind(product: Product, wanted: Product) -> Kind:
    """Compare two products by their searches, categories and titles."""
    shared = len({*product.nouns} & {*wanted.nouns})
    return Kind(
        query_match=product.query == wanted.query,
        category_match=len(_categories(product) & _categories(wanted)) >= 2,
        title_score=shared / len(wanted.nouns) if wanted.nouns else 0.2,
    )


def has_attribute(product: Product, wanted: str) -> bool:
    """Whether an attribute is alike to one of the product's, or stands in one of its texts."""
    if any(token_set_ratio(attribute, wanted) > ALIKE for attribute in product.attributes):
        return True
    texts = (product.title, " ".join(product.bullets), product.description)
    return any(wanted in text.lower() for text in texts)


def count_options(chosen: Iterable[str], wanted: Iterable[Wish]) -> int:
    """How many wishes some chosen value fulfils."""
    values = [*chosen]
    return sum(any(fulfils(value, wish) for value in values) for wish in wanted)


def fulfils(value: str, wish: Wish) -> bool:
    """Whether a chosen value is alike to a wanted one, after each became the first colour it contains.

    A synthetic goal's wish is the pair of name and value: it becomes a colour only where the value is one,
    and is otherwise compared as the text that Python writes for it, the name taking part.
    """
    return token_set_ratio(colour_in(value) or value, colour_in(wish) or str(wish)) > ALIKE


def _categories(product: Product) -> set[str]:
    return {name.strip() for name in product.product_category.split("›")}
