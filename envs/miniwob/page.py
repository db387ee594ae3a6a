"""A page in words: one line for each element that says or does something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_ACTIVE = (
    "a",
    "button",
    "input",
    "label",
    "option",
    "select",
    "svg",
    "textarea",
    "circle",
    "rect",
    "polygon",
    "text",
)
"""Tags that are listed even without a text of their own."""


@dataclass(frozen=True, slots=True)
class Element:
    """What one line shows."""

    number: int
    """By which actions name it."""
    ref: int
    """By which the page's own script knows it."""
    tag: str
    """In small letters; an input with its type, `input_text`."""
    text: str
    value: str | bool | None
    """Of an input: its text, or whether it is checked."""
    focused: bool

    def __str__(self) -> str:
        """`[3] <button> "Ok"`."""
        text = f' "{self.text}"' if self.text else ""
        return f"[{self.number}] <{self.tag}>{text}{self._held()}{' (focused)' if self.focused else ''}"

    def _held(self) -> str:
        if isinstance(self.value, str):
            return f' (holds "{self.value}")'
        return " (checked)" if self.value else ""


def elements(body: dict[str, Any] | None) -> list[Element]:
    """The elements below `body`, as `core.getDOMInfo` of the page tells it, numbered from 1 in the page's order."""
    told = [] if body is None else list(_told(body))
    return [
        Element(
            number, one["ref"], one["tag"].lower(), _text(one), one.get("value"), bool(one.get("focused"))
        )
        for number, one in enumerate(told, start=1)
    ]


def _told(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node["ref"] > 0 and (_text(node) or node["tag"].lower().startswith(_ACTIVE)):
        yield node
    for child in node["children"]:
        yield from _told(child)


def _text(node: dict[str, Any]) -> str:
    """The element's own words, and those that stand between its children."""
    own = [node.get("text") or "", *(child["text"] for child in node["children"] if child["tag"] == "t")]
    return " ".join(" ".join(own).split())
