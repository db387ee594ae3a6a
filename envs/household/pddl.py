"""The PDDL text of a problem as nested lists of small-letter words."""

from __future__ import annotations

import re
from collections.abc import Iterator

Expr = str | list["Expr"]

_COMMENT = re.compile(r";[^\n]*")
_TOKEN = re.compile(r"[()]|[^\s()]+")


class ProblemError(ValueError):
    """The text is no household problem; the message says where and why."""


def read(text: str) -> list[Expr]:
    """Read one parenthesised expression. PDDL knows no capitals, so every word comes in small letters.

    Raises `ProblemError` unless `text` is exactly one balanced expression.
    """
    root: list[Expr] = []
    open_lists = [root]
    for token in _TOKEN.findall(_COMMENT.sub("", text).lower()):
        if token == "(":
            inner: list[Expr] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif token == ")":
            open_lists.pop()
            if not open_lists:
                raise ProblemError("PDDL text has a ')' too many; is the file complete?")
        else:
            open_lists[-1].append(token)
    if len(open_lists) > 1:
        raise ProblemError(f"PDDL text ends with {len(open_lists) - 1} '(' still open; is the file complete?")
    if len(root) != 1 or isinstance(root[0], str):
        raise ProblemError(
            f"expected one PDDL expression, found {text.strip()[:40]!r}; is this a PDDL problem?"
        )
    return root[0]


def typed(words: list[Expr]) -> Iterator[tuple[str, str]]:
    """Pairs (name, type) of a typed list `a b - t c - u d`; a name without a type is an `object`."""
    waiting: list[str] = []
    names = iter(words)
    for name in names:
        if not isinstance(name, str):
            raise ProblemError(f"expected a name in a typed list, found {name!r}")
        if name != "-":
            waiting.append(name)
            continue
        kind = next(names, None)
        if not isinstance(kind, str):
            raise ProblemError(f"expected one type after {' '.join(waiting)!r} -, found {kind!r}")
        yield from ((one, kind) for one in waiting)
        waiting = []
    yield from ((one, "object") for one in waiting)
