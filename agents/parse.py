"""Where in a reply the action stands: plain replies, think/action tags, ReAct lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial


class Invalid(str):
    """An action that was not written in the agreed form; `reason` says what is missing.

    It is still a string and may be sent to the environment, which will most likely do nothing; the rollout
    records the turn with `valid=False`.
    """

    reason: str

    def __new__(cls, action: str, reason: str = "malformed") -> Invalid:
        self = super().__new__(cls, action)
        self.reason = reason
        return self


Parser = Callable[[str], str]
"""Reply to action; an `Invalid` where the reply does not keep to the form. Never raises."""


def plain(reply: str) -> str:
    """The whole reply is the action."""
    action = reply.strip()
    return action or Invalid("", "the reply is empty")


def tags(
    reply: str, *, think: bool = True, lower: bool = True, tail: int = 30, allow_cjk: bool = False
) -> str:
    """`<think>...</think><action>...</action>`, by the rules of the GiGPO and HGPO code.

    The reply is lower-cased (`lower`); the action is the text between the first `<action>` and the first
    `</action>` (empty and still valid where they stand in the wrong order). Without both, the last `tail`
    characters (WebShop: 20) are sent. The form also asks for both think tags in lower case (`think`) and,
    unless `allow_cjk`, for no character from U+4E00 to U+9FFF. Only the form counts: an action that the
    environment does not know is well-formed.
    """
    text = reply.lower() if lower else reply
    opened, closed = text.find("<action>"), text.find("</action>")
    if opened < 0 or closed < 0:
        return Invalid(text[-tail:], "no <action>...</action>")
    action = text[opened + len("<action>") : closed].strip()
    if think and not ("<think>" in reply and "</think>" in reply):
        return Invalid(action, "no <think>...</think>")
    if not allow_cjk and re.search("[\u4e00-\u9fff]", reply):
        return Invalid(action, "a character between U+4E00 and U+9FFF")
    return action


_ACTION_LINE = re.compile(r"^[ \t>*]*action[ \t]*(?:\d+[ \t]*)?:[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_ACTION_INLINE = re.compile(r"\baction[ \t]*(?:\d+[ \t]*)?:[ \t]*(.*)", re.IGNORECASE)


def react(reply: str, *, tail: int = 30) -> str:
    """`Thought: ... Action: ...` (Yao et al. 2023): what follows the first `Action:`, up to the line's end.

    An `Action:` that begins a line comes before one inside a line.
    """
    found = _ACTION_LINE.search(reply) or _ACTION_INLINE.search(reply)
    if found is None:
        return Invalid(reply.strip()[-tail:], "no 'Action:'")
    action = found.group(1).strip()
    return action or Invalid("", "nothing follows 'Action:'")


PARSERS: dict[str, Parser] = {
    "plain": plain,
    "tags": tags,
    "cased_tags": partial(tags, lower=False, allow_cjk=True),
    "react": react,
}


def parser(reply: str) -> Parser:
    """The parser of a reply form by name. Raises `ValueError` for a form that does not exist."""
    if reply not in PARSERS:
        raise ValueError(f"reply form {reply!r} does not exist; choose one of {', '.join(PARSERS)}")
    return PARSERS[reply]
