"""Buys what a goal asks for: searches for the wanted product, chooses its options and pays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from turngym.envs.webshop import pages
from turngym.envs.webshop.goals import Goal, Wish
from turngym.envs.webshop.products import Product
from turngym.envs.webshop.reward import fulfils
from turngym.envs.webshop.session import PER_PAGE, Session, Shop, parse_action

_BREAKING = frozenset("[\n")
"""What a label may not hold, mostly: a bracket opens the argument anew, a line's end ends the action."""


class Plan(NamedTuple):
    """A way to the best purchase of the wanted product."""

    words: str
    """A search that finds it."""
    number: int
    """The page of results where it stands."""
    choices: Mapping[str, str]
    """The value to choose by option name."""


def plan(shop: Shop, goal: Goal) -> Plan | None:
    """How to buy the wanted product; `None` where no search finds it among the first 50."""
    found = ((words, shop.catalogue.search(words)) for words in _searches(goal))
    places = [(rows.index(goal.row), words) for words, rows in found if goal.row in rows]
    if not places:
        return None
    place, words = min(places, key=lambda one: one[0] // PER_PAGE)
    return Plan(words, place // PER_PAGE + 1, choices(goal.product, goal.options))


def next_action(session: Session, plan: Plan, goal: Goal) -> str | None:
    """The plan's next step from wherever the customer has come; `None` when all is done."""
    if session.done:
        return None
    if session.at == "item" and session.row == goal.row:
        missing = (value for name, value in plan.choices.items() if session.options.get(name) != value)
        return f"click[{next(missing, pages.BUY.lower())}]"
    if goal.product.asin.lower() in session.page.labels:
        return f"click[{goal.product.asin.lower()}]"
    if session.at == "results" and session.words == plan.words and session.number != plan.number:
        return f"click[{(pages.NEXT if session.number < plan.number else pages.PREVIOUS).lower()}]"
    return f"search[{plan.words}]"


def choices(product: Product, wishes: Sequence[Wish]) -> dict[str, str]:
    """The values, one by option name, that fulfil the most wishes."""
    best: dict[frozenset[Wish], dict[str, str]] = {frozenset(): {}}
    for name, values in _choosable(product).items():
        for fulfilled, chosen in [*best.items()]:
            for value in values:
                more = fulfilled | {wish for wish in wishes if fulfils(value, wish)}
                best.setdefault(more, {**chosen, name: value})
    return best[max(best, key=len)]


def _choosable(product: Product) -> dict[str, list[str]]:
    """The values that a click can choose: of two equal ones the last, and none that a button is called."""
    owner = {value: name for name, values in product.options.items() for value in values}
    buttons = (pages.BACK, pages.PREVIOUS, *pages.SUB_PAGES, pages.BUY, pages.SEARCH)
    taken = {label.lower() for label in buttons}
    return {
        name: [value for value in values if owner[value] == name and value not in taken and writable(value)]
        for name, values in product.options.items()
    }


def writable(label: str) -> bool:
    """Whether `click[label]` is read as that."""
    if _BREAKING.isdisjoint(label):
        return label != "" and label == label.lower()
    return parse_action(f"click[{label}]") == ("click", label)


def _searches(goal: Goal) -> Iterator[str]:
    """What is asked for, in the goal's words, then in the product's."""
    wishes = " ".join(wish if isinstance(wish, str) else wish[1] for wish in goal.options)
    product = goal.product
    yield from map(
        one_line,
        (
            f"{product.query} {' '.join(goal.attributes)} {wishes}",
            goal.instruction,
            product.title,
            product.document,
        ),
    )


def one_line(words: str) -> str:
    """Without what would end the action early, as the shop hears it."""
    return " ".join(words.translate(dict.fromkeys(map(ord, "[]"), " ")).lower().split()) or "-"
