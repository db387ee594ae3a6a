"""What a customer wants: goals made from products, or written by people, with their price limits.

The price of a product with two prices and every price limit are drawn in the order of the products from one
seeded generator; then the goals are shuffled with the seed 233. With seed 0 this gives the goals that the
original engine makes after `random.seed(0)`, in its order.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from turngym.envs.webshop.products import Product

SHUFFLE_SEED = 233
LIMITS = [10.0 * step for step in range(1, 100)]
NO_LIMIT = 1_000_000.0

Wish = str | tuple[str, str]
"""A wanted option: its value, or in synthetic goals the pair of name and value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """One task of the shop."""

    id: str
    """The wanted product's number, and which of its goals this is: `B07HP6LVRS-17`, of people `B09MW563KN-h0`."""
    row: int
    """Where the wanted product stands in the catalogue."""
    product: Product
    instruction: str
    attributes: tuple[str, ...]
    options: tuple[Wish, ...]
    price_upper: float


class Drawn(NamedTuple):
    """Goals by the places of their products."""

    rows: npt.NDArray[np.int32]  # [G] the wanted product
    numbers: npt.NDArray[np.int32]  # [G] which of its goals
    limits: npt.NDArray[np.float64]  # [G] dollars
    wishes: npt.NDArray[np.uint64]  # [G] fingerprint of what is said but for the limit


class Offer(NamedTuple):
    """What the draws need to know of a product: its prices, and of each of its goals a fingerprint of its wish."""

    prices: tuple[float, ...]
    synthetic: tuple[int, ...] | None
    """By number: one for every combination of its options; `None` where it has no instruction."""
    human: dict[int, int]
    """Likewise of the goals of people that ask for some attribute."""

    @classmethod
    def of(cls, product: Product) -> Offer:
        """The product's."""
        combinations = range(prod(map(len, product.options.values())))
        asked = (_asked(product, _combination(product, number)) for number in combinations)
        written = {number: goal for number, goal in enumerate(product.human) if goal.attributes}
        return cls(
            product.prices,
            None if product.instruction is None else tuple(map(_fingerprint, asked)),
            {number: _fingerprint(goal.instruction) for number, goal in written.items()},
        )


def draw(offers: Sequence[Offer], seed: int) -> tuple[npt.NDArray[np.float64], dict[str, Drawn]]:
    """What each product costs [N], and the goals of each kind, shuffled."""
    drawn = {}
    for kind, one in _DRAW.items():
        chance = random.Random(seed)
        prices = np.array([_price(offer.prices, chance) for offer in offers])
        drawn[kind] = _shuffled(_columns(one(offers, prices, chance)))
    return prices, drawn


def _price(prices: tuple[float, ...], chance: random.Random) -> float:
    return prices[0] if len(prices) == 1 else chance.uniform(*prices)


def _synthetic(offers: Iterable[Offer], prices: npt.NDArray[np.float64], chance: random.Random) -> _Rows:
    """Of each product with an instruction one goal for every combination of its options, under one limit.

    The limit is drawn even where an option without values leaves no combination.
    """
    for row, offer in enumerate(offers):
        if offer.synthetic is not None:
            limit = _limit(prices[row], chance)
            yield from ((row, number, limit, wish) for number, wish in enumerate(offer.synthetic))


def _human(offers: Iterable[Offer], prices: npt.NDArray[np.float64], chance: random.Random) -> _Rows:
    """Of each product the goals that people wrote, each under a limit of its own."""
    for row, offer in enumerate(offers):
        yield from ((row, number, _limit(prices[row], chance), wish) for number, wish in offer.human.items())


_Rows = Iterator[tuple[int, int, float, int]]
_DRAW = {"synthetic": _synthetic, "human": _human}
KINDS = tuple(_DRAW)


class Goals(Sequence[Goal]):
    """The goals of one kind in their shuffled order, each made when it is asked for."""

    def __init__(
        self, kind: str, products: Sequence[Product], drawn: Drawn, row: Callable[[str], int]
    ) -> None:
        """`row` tells where a product stands, by its number; -1 where it does not."""
        self._make = synthetic if kind == "synthetic" else human
        self._products = products
        self.drawn = drawn
        self.row = row

    def __len__(self) -> int:
        return len(self.drawn.rows)

    def __getitem__(self, index: int) -> Goal:  # type: ignore[override]
        """The goal of that place; no slices."""
        row, number, limit, _ = (column[index].item() for column in self.drawn)
        return self._make(self._products[row], row, number, limit)


def synthetic(product: Product, row: int, number: int, limit: float) -> Goal:
    """The product's instruction with one combination of options; the last name in the alphabet varies fastest."""
    wishes = _combination(product, number)
    return Goal(
        id=f"{product.asin}-{number}",
        row=row,
        product=product,
        instruction=_asked(product, wishes) + _told(limit),
        attributes=product.instruction_attributes,
        options=wishes,
        price_upper=limit,
    )


def human(product: Product, row: int, number: int, limit: float) -> Goal:
    """One of the goals that people wrote for the product."""
    written = product.human[number]
    return Goal(
        id=f"{product.asin}-h{number}",
        row=row,
        product=product,
        instruction=written.instruction.strip(".") + _told(limit),
        attributes=written.attributes,
        options=written.options,
        price_upper=limit,
    )


def _columns(goals: _Rows) -> Drawn:
    kinds = [("rows", np.int32), ("numbers", np.int32), ("limits", np.float64), ("wishes", np.uint64)]
    columns = np.fromiter(goals, np.dtype(kinds))
    return Drawn._make(np.ascontiguousarray(columns[name]) for name in Drawn._fields)


def _shuffled(drawn: Drawn) -> Drawn:
    """In the order that the splits are cut from."""
    order = [*range(len(drawn.rows))]
    random.Random(SHUFFLE_SEED).shuffle(order)
    return Drawn._make(column[order] for column in drawn)


def _limit(price: float, chance: random.Random) -> float:
    """The higher of two limits drawn from the next four full tens above the price."""
    above = [*islice((limit for limit in LIMITS if limit > price), 4)]
    return max(chance.sample(above, 2)) if len(above) >= 2 else NO_LIMIT


def _told(limit: float) -> str:
    return "" if limit == NO_LIMIT else f", and price lower than {limit:.2f} dollars"


def _asked(product: Product, wishes: tuple[tuple[str, str], ...]) -> str:
    told = ", and ".join(f"{name}: {value}" for name, value in wishes)
    return f"{product.instruction} with {told}" if told else f"{product.instruction}"


def _fingerprint(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _combination(product: Product, number: int) -> tuple[tuple[str, str], ...]:
    names, wishes = sorted(product.options), []
    for name in reversed(names):
        number, place = divmod(number, len(product.options[name]))
        wishes.append((name, product.options[name][place]))
    return tuple(reversed(wishes))
