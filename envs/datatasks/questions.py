"""Questions, each with its answer and a program that finds it; answers are computed here, not by the program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from textwrap import dedent

from turngym.envs.datatasks.shop import Customer, Order, Shop, make_shop

CENT = Fraction(1, 100)
"""A number asked for with two decimals is right within this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked and what is right."""

    text: str
    answer: str | Fraction
    program: str
    """Prints the answer."""
    tolerance: Fraction = Fraction(0)
    """How far from `answer` a number may be."""
    files: dict[str, str] = field(default_factory=dict)
    """Name and text of the tables."""


Kind = Callable[[Random], Question]

_TABLES = """\
import csv

def table(name):
    with open(name, newline="") as file:
        return list(csv.DictReader(file))

orders, products, customers = table("orders.csv"), table("products.csv"), table("customers.csv")
product = {row["product"]: row for row in products}
customer = {row["customer"]: row for row in customers}

def revenue(order):
    return int(order["quantity"]) * float(product[order["product"]]["price"])

"""


def arithmetic(random: Random) -> Question:
    """A sum without tables."""
    return random.choice((_bill, _savings, _remainder))(random)


def _bill(random: Random) -> Question:
    net, tip, people = random.randrange(2000, 90000), random.randrange(5, 26), random.randrange(3, 14)
    return Question(
        text=f"A bill of {net / 100:.2f} is paid with a tip of {tip} percent on top and split evenly among"
        f" {people} people. How much does each pay? Give two decimals.",
        answer=Fraction(net, 100) * (100 + tip) / 100 / people,
        program=f"print(round({net / 100:.2f} * {100 + tip} / 100 / {people}, 2))",
        tolerance=CENT,
    )


def _savings(random: Random) -> Question:
    start, rate, years = random.randrange(100, 5000), random.randrange(5, 60), random.randrange(3, 20)
    return Question(
        text=f"{start} are put away at {rate / 10} percent interest a year, which is added at the end of every year."
        f" How much is there after {years} years? Give two decimals.",
        answer=start * (1 + Fraction(rate, 1000)) ** years,
        program=f"print(round({start} * (1 + {rate / 10} / 100) ** {years}, 2))",
        tolerance=CENT,
    )


def _remainder(random: Random) -> Question:
    base, power, divisor = random.randrange(13, 99), random.randrange(17, 60), random.randrange(101, 999)
    return Question(
        text=f"What is the remainder of {base} to the power of {power}, divided by {divisor}?",
        answer=Fraction(pow(base, power, divisor)),
        program=f"print({base} ** {power} % {divisor})",
    )


def total(random: Random) -> Question:
    """How many pieces of a product were sold."""
    shop = make_shop(random)
    sold = random.choice(shop.orders).product
    return _of_the_books(
        shop,
        text=f"How many pieces of {sold.name!r} were sold in all orders together?",
        answer=Fraction(sum(order.quantity for order in shop.orders if order.product == sold)),
        program=f"""
            wanted = [row for row in orders if product[row["product"]]["name"] == {sold.name!r}]
            print(sum(int(row["quantity"]) for row in wanted))
        """,
    )


def count(random: Random) -> Question:
    """How many orders of some size fall between two days."""
    shop = make_shop(random)
    first, last = sorted((random.choice(shop.orders).day, random.choice(shop.orders).day))
    least = random.randrange(3, 9)
    matching = [order for order in shop.orders if first <= order.day <= last and order.quantity >= least]
    return _of_the_books(
        shop,
        text=f"How many orders from {first} to {last}, both days included, are of {least} pieces or more?",
        answer=Fraction(len(matching)),
        program=f"""
            print(sum("{first}" <= row["date"] <= "{last}" and int(row["quantity"]) >= {least} for row in orders))
        """,
    )


def group(random: Random) -> Question:
    """Which city spent most; another shop is made where two are first."""
    shop = make_shop(random)
    spent: dict[str, int] = defaultdict(int)
    for order in shop.orders:
        spent[order.customer.city] += order.revenue
    best = [city for city in spent if spent[city] == max(spent.values())]
    if len(best) > 1:
        return group(random)
    return _of_the_books(
        shop,
        text="The customers of which city spent the most in total? (An order costs quantity times price.)",
        answer=best[0],
        program="""
            spent = {}
            for row in orders:
                city = customer[row["customer"]]["city"]
                spent[city] = spent.get(city, 0) + revenue(row)
            print(max(spent, key=spent.get))
        """,
    )


def join(random: Random) -> Question:
    """What one city spent on one category."""
    shop = make_shop(random)
    one = random.choice(shop.orders)
    city, category = one.customer.city, one.product.category
    wanted = [row for row in shop.orders if (row.customer.city, row.product.category) == (city, category)]
    return _of_the_books(
        shop,
        text=f"How much did customers from {city} spend on products of the category {category!r}? (An order costs"
        " quantity times price.) Give two decimals.",
        answer=_money(wanted),
        program=f"""
            wanted = [
                row for row in orders
                if customer[row["customer"]]["city"] == {city!r}
                and product[row["product"]]["category"] == {category!r}
            ]
            print(round(sum(map(revenue, wanted)), 2))
        """,
        tolerance=CENT,
    )


def dates(random: Random) -> Question:
    """A matter of the calendar."""
    return random.choice((_span, _weekend))(random)


def _span(random: Random) -> Question:
    shop = make_shop(random)
    buyer = _busiest(shop)
    days = [order.day for order in shop.orders if order.customer == buyer]
    return _of_the_books(
        shop,
        text=f"How many days after the first order of {buyer.name} was the last order of {buyer.name}?",
        answer=Fraction((max(days) - min(days)).days),
        program=f"""
            from datetime import date
            days = [
                date.fromisoformat(row["date"]) for row in orders
                if customer[row["customer"]]["name"] == {buyer.name!r}
            ]
            print((max(days) - min(days)).days)
        """,
    )


def _weekend(random: Random) -> Question:
    shop = make_shop(random)
    return _of_the_books(
        shop,
        text="How many orders were placed on a Saturday or a Sunday?",
        answer=Fraction(sum(order.day.weekday() >= 5 for order in shop.orders)),
        program="""
            from datetime import date
            print(sum(date.fromisoformat(row["date"]).weekday() >= 5 for row in orders))
        """,
    )


def percentage(random: Random) -> Question:
    """Which share of the revenue one category made."""
    shop = make_shop(random)
    category = random.choice(shop.orders).product.category
    wanted = [order for order in shop.orders if order.product.category == category]
    return _of_the_books(
        shop,
        text=f"What percentage of the revenue of all orders came from products of the category {category!r}? (An"
        " order brings quantity times price.) Give two decimals.",
        answer=100 * _money(wanted) / _money(shop.orders),
        program=f"""
            wanted = [row for row in orders if product[row["product"]]["category"] == {category!r}]
            print(round(100 * sum(map(revenue, wanted)) / sum(map(revenue, orders)), 2))
        """,
        tolerance=CENT,
    )


def average(random: Random) -> Question:
    """What an order of the customers who joined early brings on average."""
    shop = make_shop(random)
    newest = random.choice(shop.orders).customer.since
    wanted = [order for order in shop.orders if order.customer.since <= newest]
    return _of_the_books(
        shop,
        text=f"Of the orders of customers who joined on or before {newest}, what is the average revenue? (An order"
        " brings quantity times price.) Give two decimals.",
        answer=_money(wanted) / len(wanted),
        program=f"""
            wanted = [row for row in orders if customer[row["customer"]]["since"] <= "{newest}"]
            print(round(sum(map(revenue, wanted)) / len(wanted), 2))
        """,
        tolerance=CENT,
    )


KINDS: dict[str, Kind] = {
    kind.__name__: kind for kind in (arithmetic, average, count, dates, group, join, percentage, total)
}


def _of_the_books(
    shop: Shop, *, text: str, answer: str | Fraction, program: str, tolerance: Fraction = Fraction(0)
) -> Question:
    return Question(
        text=text,
        answer=answer,
        program=_TABLES + dedent(program).strip(),
        tolerance=tolerance,
        files=shop.files(),
    )


def _money(orders: tuple[Order, ...] | list[Order]) -> Fraction:
    return Fraction(sum(order.revenue for order in orders), 100)


def _busiest(shop: Shop) -> Customer:
    """Who ordered most often; the earlier in the books of two."""
    return max(shop.customers, key=lambda one: sum(order.customer == one for order in shop.orders))
