"""A catalogue: products, prices, goals and the search engine, in memory or mapped from a folder."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from turngym.core.errors import UserError
from turngym.envs.webshop.generator import shipped
from turngym.envs.webshop.goals import KINDS, Drawn, Goals, Offer, draw
from turngym.envs.webshop.index import Builder, Index, mapped
from turngym.envs.webshop.originals import Left, checked, found, with_nouns
from turngym.envs.webshop.products import Product, parse, sold
from turngym.envs.webshop.shelf import LINES, Shelf, damaged
from turngym.envs.webshop.splits import Tasks

MOST_FOUND = 50
"""Products that a search finds at most."""

REMEMBERED = 1024
"""Searches whose results are kept, of queries shorter than as many letters."""


class Catalogue:
    """Products by row, what they cost, the goals they make, and how they are found.

    Nothing of it changes, so all environments of a process share one.
    """

    def __init__(
        self,
        products: Sequence[Product],
        prices: npt.NDArray[np.float64],  # [N] dollars
        drawn: Mapping[str, Drawn],
        index: Index,
    ) -> None:
        self.products = products
        self.prices = prices
        self.index = index
        self.goals = {kind: Goals(kind, products, goals, self._find_row) for kind, goals in drawn.items()}
        """By kind, `synthetic` and `human`, in the order that splits are cut from."""
        self.tasks = lru_cache(maxsize=16)(self._tasks)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._find)

    @classmethod
    def of(cls, products: Iterable[Product], price_seed: int = 0) -> Catalogue:
        """A catalogue in memory; products that are not `sold` are left out, of equal numbers the first stays."""
        listed: dict[str, Product] = {}
        for product in products:
            if sold(product.asin):
                listed.setdefault(product.asin, product)
        builder = Builder()
        for product in listed.values():
            builder.add(product.asin, product.document)
        prices, drawn = draw([*map(Offer.of, listed.values())], price_seed)
        return cls([*listed.values()], prices, drawn, builder.finish())

    @classmethod
    def load(cls, path: Path, price_seed: int = 0) -> Catalogue:
        """WebShop's own files in a folder, read whole.

        Without a `nouns.json` among them, a list of the title's nouns by product number, spaCy finds the nouns.
        Raises `CatalogueError` for files that cannot be read, `PrerequisiteError` where spaCy is needed and missing.
        """
        files = found([path])
        lines = checked(files, Left())
        complete = lines if "nouns" in files else with_nouns(lines)
        return cls.of((line.product for line in complete), price_seed)

    @classmethod
    def open(cls, folder: Path) -> Catalogue:
        """Map a folder that `turngym data webshop` made; products are read when they are shown.

        Raises `CatalogueError` where a file is missing or damaged.
        """
        try:
            prices = mapped(folder / "prices.npy")
            drawn = {kind: Drawn._make(_columns(folder, kind)) for kind in KINDS}
        except (EOFError, OSError, ValueError) as error:
            raise damaged(folder, str(error)) from error
        return cls(Shelf(folder), prices, drawn, Index.open(folder / "index"))

    def __len__(self) -> int:
        return len(self.products)

    def price(self, row: int) -> float:
        """What the product of a row costs, in dollars."""
        return float(self.prices[row])

    def search(self, words: str) -> tuple[int, ...]:
        """The rows of the products that fit best, at most 50, best first."""
        return self._remembered(words) if len(words) < REMEMBERED else self._find(words)

    def row(self, asin: str) -> int:
        """Where a product stands, by its number. Raises `KeyError`."""
        if (row := self._find_row(asin)) >= 0:
            return row
        raise KeyError(asin)

    def _tasks(self, goals: str, split: str, by: str) -> Tasks:
        """A split of one kind of goals."""
        return Tasks(self.goals[goals], split, by)

    def _find(self, words: str) -> tuple[int, ...]:
        return tuple(row for row, _ in self.index.search(words, MOST_FOUND))

    def _find_row(self, asin: str) -> int:
        """-1 where there is no such product."""
        place = bisect_left(range(len(self)), asin, key=self._asin)
        return int(self._order[place]) if place < len(self) and self._asin(place) == asin else -1

    def _asin(self, place: int) -> str:
        """The number that comes at this place of all of them sorted."""
        return self.products[int(self._order[place])].asin

    @cached_property
    def _order(self) -> npt.NDArray[np.int64]:
        """The rows in the order of their numbers.  # [N]"""
        return np.argsort(self.index.ranks)


def write_goals(folder: Path, offers: Sequence[Offer]) -> None:
    """Draw prices and goals with seed 0 and put them into a folder for `Catalogue.open`, `offers` by row."""
    prices, drawn = draw(offers, seed=0)
    for kind, goals in drawn.items():
        for name, column in goals._asdict().items():
            np.save(folder / f"{kind}_{name}.npy", column)
    np.save(folder / "prices.npy", prices)


def _check_seed(folder: Path, wanted: int) -> None:
    if wanted != 0:
        raise UserError(
            f"the prices of {folder} were drawn with seed 0, not {wanted}; give the original files for another seed"
        )


def _columns(folder: Path, kind: str) -> list[npt.NDArray[np.generic]]:
    return [mapped(folder / f"{kind}_{name}.npy") for name in Drawn._fields]


@lru_cache(maxsize=4)
def catalogue(data: Path | None, price_seed: int = 0) -> Catalogue:
    """The catalogue at a path, read once a process: the one that comes with turngym if `None`, a folder that
    `turngym data webshop` made, or a folder of WebShop's files.

    Raises `UserError` for files that are missing or cannot be read, and for a folder whose prices were drawn
    with another seed than the one asked for.
    """
    if data is None:
        made = (parse(one.product, one.attributes, one.human, one.nouns) for one in shipped())
        return Catalogue.of(made, price_seed)
    if (data / LINES).is_file():
        _check_seed(data, price_seed)
        return Catalogue.open(data)
    return Catalogue.load(data, price_seed)
