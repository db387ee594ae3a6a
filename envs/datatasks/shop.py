"""A small shop's books, made from a random generator: products, customers and orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")

GOODS = {
    "stationery": ("pencil", "notebook", "eraser", "ruler"),
    "kitchen": ("teapot", "ladle", "grater", "whisk"),
    "garden": ("trowel", "watering can", "seed tray", "rake"),
    "toys": ("kite", "spinning top", "puzzle", "marbles"),
}
"""What is sold, by category."""

CITIES = ("Arden", "Brook", "Calder", "Dunmore", "Elm Hill")

NAMES = ("Ada", "Bela", "Chen", "Dora", "Emil", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Luis")

OPENED = date(2023, 1, 1)
DAYS = 1000
"""The books run so long."""


@dataclass(frozen=True, slots=True)
class Product:
    """A kind of goods."""

    id: str
    name: str
    category: str
    price: int
    """In cents."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who buys."""

    id: str
    name: str
    city: str
    since: date


@dataclass(frozen=True, slots=True)
class Order:
    """Some pieces of one product, sold on one day."""

    id: str
    day: date
    customer: Customer
    product: Product
    quantity: int

    @property
    def revenue(self) -> int:
        """In cents."""
        return self.quantity * self.product.price


@dataclass(frozen=True, slots=True)
class Shop:
    """The books. Everybody in them has a name of their own; ids are dealt in no order that means anything."""

    products: tuple[Product, ...]
    customers: tuple[Customer, ...]
    orders: tuple[Order, ...]

    def files(self) -> dict[str, str]:
        """The books as CSV files."""
        return {
            "products.csv": _csv(
                "product,name,category,price",
                (f"{one.id},{one.name},{one.category},{one.price / 100:.2f}" for one in self.products),
            ),
            "customers.csv": _csv(
                "customer,name,city,since",
                (f"{one.id},{one.name},{one.city},{one.since}" for one in self.customers),
            ),
            "orders.csv": _csv(
                "order,date,customer,product,quantity",
                (
                    f"{one.id},{one.day},{one.customer.id},{one.product.id},{one.quantity}"
                    for one in self.orders
                ),
            ),
        }


def make_shop(random: Random) -> Shop:
    """A shop with 6 to 9 products, 5 to 9 customers and 15 to 40 orders in order of their days."""
    goods = [(name, category) for category, names in GOODS.items() for name in names]
    products = tuple(
        Product(f"P{number}", name, category, random.randrange(95, 6000, 5))
        for number, (name, category) in enumerate(_some(random, goods, random.randrange(6, 10)), start=1)
    )
    customers = tuple(
        Customer(f"C{number}", name, random.choice(CITIES), _day(random))
        for number, name in enumerate(_some(random, NAMES, random.randrange(5, 10)), start=1)
    )
    days = sorted(_day(random) for _ in range(random.randrange(15, 41)))
    orders = tuple(
        Order(
            f"{1000 + number}",
            day,
            random.choice(customers),
            random.choice(products),
            random.randrange(1, 13),
        )
        for number, day in enumerate(days)
    )
    return Shop(products, customers, orders)


def _day(random: Random) -> date:
    return OPENED + timedelta(days=random.randrange(DAYS))


def _some(random: Random, things: Sequence[T], count: int) -> list[T]:
    """`count` different things, in the order drawn."""
    left = list(things)
    return [left.pop(random.randrange(len(left))) for _ in range(count)]


def _csv(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, *rows, ""])
