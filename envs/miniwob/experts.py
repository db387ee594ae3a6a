"""The next action in some simple tasks, read from what is asked and what the page shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from turngym.envs.miniwob.page import Element

Expert = Callable[[str, Sequence[Element]], str | None]
"""From the question and the page to an action, `None` where none is known."""


def _quoted(said: str) -> list[str]:
    return re.findall(r'"([^"]*)"', said)


def _click(page: Sequence[Element], text: str, tags: tuple[str, ...] = ()) -> str | None:
    """Click the first element of that text."""
    for one in page:
        if one.text.lower() == text.lower() and (not tags or one.tag in tags):
            return f"click[{one.number}]"
    return None


def _only_button(said: str, page: Sequence[Element]) -> str | None:
    return next((f"click[{one.number}]" for one in page if one.tag == "button"), None)


def _named_button(said: str, page: Sequence[Element]) -> str | None:
    names = _quoted(said) or re.findall(r"button (\w+)", said)
    return _click(page, names[0], ("button",)) if names else None


def _link(said: str, page: Sequence[Element]) -> str | None:
    return _click(page, _quoted(said)[0])


def _tab(said: str, page: Sequence[Element]) -> str | None:
    return _click(page, f"Tab #{re.sub(r'[^0-9]', '', said)}")


def _fields(said: str, page: Sequence[Element]) -> str | None:
    """Put the quoted words into the fields one after another, then press the button."""
    inputs = [one for one in page if one.tag in ("input_text", "input_password")]
    for field, word in zip(inputs, _quoted(said), strict=False):
        if field.value != word:
            return f"type[{field.number}, {word}]"
    return _only_button(said, page)


def _twice(said: str, page: Sequence[Element]) -> str | None:
    return _fields(f"{said} {said}", page)


def _focus(said: str, page: Sequence[Element]) -> str | None:
    number = re.search(r"(\d)(?:st|nd|rd|th)", said)
    inputs = [one for one in page if one.tag == "input_text"]
    return f"click[{inputs[int(number[1]) - 1 if number else 0].number}]"


EXPERTS: dict[str, Expert] = {
    "click-test": _only_button,
    "click-test-2": _named_button,
    "click-button": _named_button,
    "click-link": _link,
    "click-tab": _tab,
    "enter-text": _fields,
    "enter-password": _twice,
    "login-user": _fields,
    "focus-text": _focus,
    "focus-text-2": _focus,
}
"""By the task's name."""
