"""A page of the shop as a list of nodes, and its two texts: the observations `text` and `text_rich`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

SEARCH = "Search"
BACK = "Back to Search"
NEXT = "Next >"
PREVIOUS = "< Prev"
BUY = "Buy Now"
SUB_PAGES = ("Description", "Features", "Reviews")

_BLANK = " \t\n\f\r"


class Text(NamedTuple):
    """Words that nothing happens to."""

    text: str
    tag: str = "p"
    """The HTML element they stand in."""

    def rich(self) -> str:
        return self.text


class Button(NamedTuple):
    text: str

    def rich(self) -> str:
        return f"[button] {self.text} [button_]"


class Option(NamedTuple):
    """One value to choose."""

    text: str
    name: str
    chosen: bool

    def rich(self) -> str:
        mark = "clicked button" if self.chosen else "button"
        return f"  [{mark}] {self.text} [{mark}_]"


class Link(NamedTuple):
    """The way to a product, by its number."""

    text: str
    row: int
    visited: bool

    def rich(self) -> str:
        mark = "clicked button" if self.visited else "button"
        return f"\n[{mark}] {self.text} [{mark}_]"


class SearchBox(NamedTuple):
    """Where a person types; it says nothing."""


class Picture(NamedTuple):
    """A product's image; it says nothing."""

    address: str


Node = Text | Button | Option | Link | SearchBox | Picture
Clickable = Button | Option | Link
_SILENT = (SearchBox, Picture)


@dataclass(frozen=True)
class Page:
    """What a customer sees."""

    nodes: tuple[Node, ...]

    @cached_property
    def text(self) -> str:
        """Every text on the page, stripped, joined by ` [SEP] `."""
        return " [SEP] ".join([node.text.strip() for node in self._said])

    @cached_property
    def text_rich(self) -> str:
        """A line for every text, buttons marked; what was chosen is said first, the last on the page foremost."""
        chosen = [node.text for node in self.nodes if isinstance(node, Option) and node.chosen]
        told = "".join(f"You have clicked {value}.\n" for value in reversed(chosen))
        return told + "".join([f"{node.rich()}\n" for node in self._said])

    @property
    def has_search_bar(self) -> bool:
        """Whether a search box is shown; a search works on every page."""
        return any(isinstance(node, SearchBox) for node in self.nodes)

    @cached_property
    def labels(self) -> dict[str, Clickable]:
        """What can be clicked by its label: buttons, products and options, each in the order of the page.

        Of equal labels the last is meant, in the place of the first.
        """
        buttons = {node.text.lower(): node for node in self.nodes if isinstance(node, Button)}
        links = {node.text.lower(): node for node in self.nodes if isinstance(node, Link)}
        options = {node.text: node for node in self.nodes if isinstance(node, Option)}
        return {**buttons, **links, **options}

    @cached_property
    def _said(self) -> list[Text | Clickable]:
        """The nodes with a text; of a blank one a space remains, and nothing where a line ends in it."""
        said = [node for node in self.nodes if not isinstance(node, _SILENT)]
        if all(node.text.strip(_BLANK) for node in said):
            return said
        return [
            node if node.text.strip(_BLANK) else node._replace(text=" ")
            for node in said
            if node.text.strip(_BLANK) or (node.text and "\n" not in node.text)
        ]


def index(instruction: str) -> Page:
    """Where an episode starts."""
    shown = (Text("WebShop", "h1"), Text("Instruction: ", "h4"), Text(instruction, "h4"))
    return Page((*shown, SearchBox(), Button(SEARCH)))


def results(
    instruction: str, number: int, total: int, products: Iterable[tuple[Link, Picture, str, str]]
) -> Page:
    """A page of search results, ten of them at most: link, image, title and price of each."""
    before = (Button(PREVIOUS),) if number > 1 else ()
    count = Text(f"Page {number} (Total results: {total})", "h3")
    shown = [node for product in products for node in _listed(*product)]
    return Page((*_head(instruction), count, *before, Button(NEXT), *shown))


def _listed(link: Link, picture: Picture, title: str, price: str) -> tuple[Node, ...]:
    return picture, link, Text(title, "h4"), Text(price, "h5")


def item(
    instruction: str, title: str, price: str, picture: Picture, options: Iterable[tuple[str, list[Option]]]
) -> Page:
    """A product with its options."""
    choices = [node for name, values in options for node in _choice(name, values)]
    about = (Text(title, "h2"), Text(f"Price: {price}", "h4"), Text("Rating: N.A.", "h4"))
    buttons = map(Button, (*SUB_PAGES, BUY))
    return Page((*_head(instruction), Button(PREVIOUS), *choices, picture, *about, *buttons))


def _choice(name: str, values: list[Option]) -> tuple[Node, ...]:
    return Text(name, "h4"), *values


def sub_page(instruction: str, lines: Iterable[str], tag: str) -> Page:
    """A product's description, features or reviews."""
    return Page((*_head(instruction), Button(PREVIOUS), *(Text(line, tag) for line in lines)))


def done(asin: str, options: str, reward: float) -> Page:
    """The end, with what was bought, its options as JSON, and the reward."""
    nothing = Text("None")
    return Page(
        (
            *(Text("Thank you for shopping with us!", "h1"), Text("Your code: ", "h3"), nothing),
            *(Text(" (Paste it in your MTurk interface.)", "h3"), Text("Purchased", "h3")),
            *(Text("asin", "h4"), Text(asin), Text("options", "h4"), Text(options)),
            *(node for name in _UNTOLD for node in (Text(name, "h4"), nothing)),
            *(Text("Target", "h3"), *(Text(name, "h4") for name in _TARGET), Text("Goal ", "h3"), nothing),
            *(Text("Reward", "h3"), Text("Your score (min 0.0, max 1.0)", "h3"), Text(str(reward), "pre")),
            *(Text("Reward Details ", "h3"), nothing),
        )
    )


# Headings under which the text environment shows nothing; the spelling is the original's.
_UNTOLD = ("attrs", "category", "query", "product category")
_TARGET = (
    *("asin", "options", "attrs", "price upper", "instuction text", "category", "product category", "query"),
)


def _head(instruction: str) -> tuple[Node, ...]:
    return (Text("Instruction:", "h4"), Text(instruction, "h4"), Button(BACK))
