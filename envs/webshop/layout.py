"""The nodes of a page in the groups in which a browser shows them; their order stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

from turngym.envs.webshop import pages, pictures
from turngym.envs.webshop.pages import Button, Link, Node, Option, Text
from turngym.envs.webshop.session import Session
from turngym.envs.webshop.store import Catalogue

Nodes = Sequence[Node]


class Card(NamedTuple):
    """One product among the results."""

    drawing: pictures.Picture
    link: Link
    texts: list[Text]


class Choice(NamedTuple):
    """An option with its values, each with the colour that it names, if any."""

    name: Text
    values: list[tuple[Option, str | None]]


def layout(session: Session, catalogue: Catalogue) -> dict[str, Any]:
    """What the template of the page shows: the kind of page, the instruction and groups of what follows."""
    nodes = session.page.nodes
    if session.done:
        return {"at": "done", "texts": nodes}
    told = [*takewhile(lambda node: isinstance(node, Text), nodes)]
    rest = nodes[len(told) :]
    return {"at": session.at, "told": told, **_groups(session, rest, catalogue)}


def _groups(session: Session, nodes: Nodes, catalogue: Catalogue) -> dict[str, Any]:
    if session.at == "index":
        return {}
    if session.at == "results":
        first = next(_places(nodes), len(nodes))
        return {"way": nodes[:first], "cards": [*_cards(nodes, catalogue)]}
    if session.at == "item":
        return _item(session, nodes, catalogue)
    return {"way": [node for node in nodes if isinstance(node, Button)], "lines": [*_texts(nodes)]}


def _item(session: Session, nodes: Nodes, catalogue: Catalogue) -> dict[str, Any]:
    """Ways back, options, picture, what it is, and what to do; in this order."""
    place = next(_places(nodes))
    before, after = nodes[:place], nodes[place + 1 :]
    assert session.row is not None, "this is a product's page"
    return {
        "way": [node for node in before if isinstance(node, Button)],
        "choices": [*_choices(before)],
        "picture": pictures.draw(catalogue.products[session.row], session.options.values()),
        "about": [*_texts(after)],
        "buttons": [node for node in after if isinstance(node, Button)],
    }


def _cards(nodes: Nodes, catalogue: Catalogue) -> Iterator[Card]:
    places = [*_places(nodes), len(nodes)]
    for start, end in pairwise(places):
        link = next(node for node in nodes[start:end] if isinstance(node, Link))
        yield Card(pictures.draw(catalogue.products[link.row]), link, [*_texts(nodes[start:end])])


def _choices(nodes: Nodes) -> Iterator[Choice]:
    choice: Choice | None = None
    for node in nodes:
        if isinstance(node, Text):
            choice = Choice(node, [])
            yield choice
        elif isinstance(node, Option) and choice:
            choice.values.append((node, pictures.ink(node.text)))


def _texts(nodes: Nodes) -> Iterator[Text]:
    return (node for node in nodes if isinstance(node, Text))


def _places(nodes: Nodes) -> Iterator[int]:
    """Where the pictures stand, each before its product's texts."""
    return (place for place, node in enumerate(nodes) if isinstance(node, pages.Picture))
