"""A visit to the shop, action by action, by the rules of WebShop's text environment.

`search[words]` works on every page; `click[label]` works for what the page shows, its case ignored. Anything
else, and `click[search]`, changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turngym.envs.webshop import pages
from turngym.envs.webshop.goals import Goal
from turngym.envs.webshop.pages import Button, Link, Option, Page, Picture
from turngym.envs.webshop.products import Product
from turngym.envs.webshop.reward import Purchase, judge
from turngym.envs.webshop.store import Catalogue

PER_PAGE = 10
"""Products on a page of search results."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Where a customer is, and what led there."""

    goal: Goal
    page: Page
    """What is seen."""
    at: str = "index"
    """`index`, `results`, `item`, `description`, `features`, `reviews` or `done`."""
    words: str = ""
    """The last search."""
    number: int = 1
    """The page of its results, from 1."""
    row: int | None = None
    """The product that is looked at."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The values chosen for it, by option name, in the order of choice."""
    visited: frozenset[str] = frozenset()
    """Products looked at since the start or the last return to it."""
    purchase: Purchase | None = None

    @property
    def done(self) -> bool:
        """Whether something was bought."""
        return self.purchase is not None


class Shop:
    """A catalogue open for business."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def start(self, goal: Goal) -> Session:
        """The first page of an episode."""
        return Session(goal=goal, page=pages.index(goal.instruction))

    def act(self, session: Session, action: str) -> Session:
        """What follows; `session` itself where the action does nothing or all is done."""
        name, argument = parse_action(action)
        if session.done or not argument:
            return session
        if name == "search":
            return self._results(replace(session, words=argument.lower(), number=1))
        return self._click(session, argument.lower()) if name == "click" else session

    def _click(self, session: Session, label: str) -> Session:
        """Labels go before what they stand on: an option whose value is `buy now` buys."""
        clicked, place = session.page.labels.get(label), _place(session)
        sub_pages = {name.lower(): name for name in pages.SUB_PAGES}
        if clicked is None or label == pages.SEARCH.lower():
            return session
        if label == pages.BUY.lower():
            return self._done(session)
        if label == pages.BACK.lower():
            return self.start(session.goal)
        if label == pages.NEXT.lower() and place == "search_results":
            return self._results(replace(session, number=session.number + 1))
        if label == pages.PREVIOUS.lower() and place == "search_results":
            return self._results(replace(session, number=session.number - 1))
        if label == pages.PREVIOUS.lower() and place == "item_page":
            return self._results(session)
        if label in sub_pages:
            return self._sub_page(session, label)
        return self._item(_chosen(session, clicked))

    def _results(self, session: Session) -> Session:
        found, goal = self.catalogue.search(session.words), session.goal
        shown = found[(session.number - 1) * PER_PAGE : session.number * PER_PAGE]
        products = [self._listed(row, session.visited) for row in shown]
        page = pages.results(goal.instruction, session.number, len(found), products)
        return replace(session, at="results", row=None, options={}, page=page)

    def _listed(self, row: int, visited: frozenset[str]) -> tuple[Link, Picture, str, str]:
        product = self.catalogue.products[row]
        link = Link(product.asin, row, product.asin in visited)
        return link, _picture(product), product.title, product.price_tag

    def _item(self, session: Session) -> Session:
        product = self._product(session)
        # The original marks a value as chosen where it finds it, in quotes, in the page's address.
        address = _address(session)
        options = [
            (name, [Option(value, name, f'"{value}"' in address) for value in values])
            for name, values in product.options.items()
        ]
        page = pages.item(
            session.goal.instruction, product.title, product.price_tag, _picture(product), options
        )
        return replace(session, at="item", page=page)

    def _sub_page(self, session: Session, name: str) -> Session:
        product = self._product(session)
        lines = {
            "description": [product.description],
            "features": [f" {bullet}" for bullet in product.bullets],
            "reviews": [],
        }
        page = pages.sub_page(session.goal.instruction, lines[name], "li" if name == "features" else "p")
        return replace(session, at=name, page=page)

    def _done(self, session: Session) -> Session:
        product, price = self._product(session), self.catalogue.price(session.row or 0)
        purchase = judge(product, price, session.options, session.goal)
        page = pages.done(product.asin, _json(session.options), purchase.reward)
        return replace(session, at="done", page=page, purchase=purchase)

    def _product(self, session: Session) -> Product:
        assert session.row is not None, "only pages of a product lead here"
        return self.catalogue.products[session.row]


def parse_action(action: str) -> tuple[str, str]:
    """Name and argument of `name[argument]`, both empty where it is not written so.

    The last `[` that a `]` follows on the first line opens the argument, the last `]` closes it. At least one
    character stands before, and one within.
    """
    line = action.partition("\n")[0]
    end = line.rfind("]")
    start = line.rfind("[", 1, max(end - 1, 1))
    return (line[:start], line[start + 1 : end]) if start > 0 else ("", "")


def _chosen(session: Session, clicked: pages.Clickable) -> Session:
    """With the product or the option that was clicked; the way back from a sub-page changes neither."""
    match clicked:
        case Link():
            return replace(session, row=clicked.row, visited=session.visited | {clicked.text})
        case Option():
            return replace(session, options={**session.options, clicked.name.lower(): clicked.text})
        case Button():
            return session


def _picture(product: Product) -> Picture:
    return Picture(product.images.get("", ""))


def _address(session: Session) -> str:
    """The part of a page's address that the original reads: its kind, the search, and the options on an item's."""
    if session.at == "index":
        return ""
    words = session.words.replace(" ", "+")
    kind = {"results": "search_results", "item": "item_page"}.get(session.at, "item_sub_page")
    chosen = json.dumps(session.options) if kind != "search_results" else ""
    return f"{kind}/{words}/{session.number}/{chosen}"


def _place(session: Session) -> str:
    """Where the original takes the customer to be: the first name of a page that the address contains.

    A customer who searches for `search_results` is on a page of results ever after.
    """
    address = _address(session)
    return next((name for name in ("search_results", "item_page", "item_sub_page") if name in address), "")


def _json(options: Mapping[str, str]) -> str:
    """As the original's templates write it: sorted, plain ASCII, nothing that HTML would read."""
    text = json.dumps(options, sort_keys=True)
    return text.translate({ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&'"})
