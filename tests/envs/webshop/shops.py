"""Products written by hand, and the shop that sells them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

from tests.shared import shared

from turngym.envs.webshop.goals import Goal
from turngym.envs.webshop.originals import Left, checked, found
from turngym.envs.webshop.products import HumanGoal, Product
from turngym.envs.webshop.session import Session, Shop
from turngym.envs.webshop.store import Catalogue

SHIRT = Product(
    asin="B000SHIRT1",
    title="Cotton Shirt",
    description="A shirt for every day.",
    bullets=("machine wash ", "slim fit "),
    prices=(12.0, 18.0),
    category="fashion",
    query="men's shirts",
    product_category="Clothing › Men › Shirts",
    options={"size": ("small", "large"), "color": ("red", "deep blue")},
    images={"": "https://example.org/shirt.jpg"},
    attributes=("machine wash", "slim fit"),
    instruction="Find me slim fit men's shirts",
    instruction_attributes=("slim fit",),
    human=(HumanGoal(instruction="a red shirt.", attributes=("slim fit",), options=("red",)),),
    nouns=("cotton", "shirt"),
)
LAMP = replace(
    SHIRT,
    asin="B000LAMP01",
    title="Desk Lamp",
    description="",
    bullets=("",),
    prices=(100.0,),
    query="lamps",
    product_category="Home › Lighting › Lamps",
    options={},
    attributes=("easy install",),
    instruction=None,
    instruction_attributes=(),
    human=(),
    nouns=("desk", "lamp"),
)


def shop(*products: Product) -> Shop:
    """A shop with these products."""
    return Shop(Catalogue.of(products))


def goal(of: Shop, index: int = 0, kind: str = "synthetic") -> Goal:
    """One of its goals."""
    return of.catalogue.goals[kind][index]


def visit(of: Shop, *actions: str, wanted: Goal | None = None) -> Session:
    """Where these actions lead from the first page."""
    session = of.start(wanted or goal(of))
    for action in actions:
        session = of.act(session, action)
    return session


@cache
def vectors() -> Any:
    """What the original engine answered on the 1,000 products."""
    return json.loads(shared("vectors/webshop.json").read_text())


@cache
def original() -> Catalogue:
    """The 1,000 products, with the nouns that the original found."""
    folder, products = shared("data/webshop1k"), vectors()["products"]
    read = (line.product for line in checked(found([folder]), Left()))
    return Catalogue.of(replace(one, nouns=tuple(products[one.asin]["nouns"])) for one in read)
