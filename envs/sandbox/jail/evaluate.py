"""Python as in a notebook: run the code, show its last expression, tell an error in a few lines."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any

NAME = "<python>"

FRAMES = 6
"""The innermost so many calls are told."""

WIDTH = 300
"""Characters of a source line or of an error's message."""


def evaluate(code: str, namespace: dict[str, Any]) -> str | None:
    """Run `code` in `namespace`; print the value of a last expression; a short traceback where it raised."""
    try:
        _run(code, namespace)
    except SystemExit as end:
        return None if end.code in (None, 0) else f"SystemExit: {_said(end)}"
    except BaseException as error:
        return _told(error, code)
    return None


def _run(code: str, namespace: dict[str, Any]) -> None:
    tree = ast.parse(code, NAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NAME, "exec"), namespace)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), NAME, "eval"), namespace)
        if value is not None:
            print(repr(value))


def _told(error: BaseException, code: str) -> str:
    try:
        lines = [*_where(error, code.split("\n")), f"{type(error).__name__}: {_said(error)}".rstrip(": ")]
    except MemoryError:
        return "MemoryError"
    return "\n".join(lines)


def _where(error: BaseException, source: list[str]) -> list[str]:
    if isinstance(error, SyntaxError) and error.filename == NAME:
        return [_line(error.lineno or 0, "", source)]
    last = deque(_calls(error.__traceback__), maxlen=FRAMES)
    return [_line(number, place, source) for number, place in last]


def _calls(trace: TracebackType | None) -> Iterator[tuple[int, str]]:
    """Line and function of the calls in the code itself, the innermost last."""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME:
            function = trace.tb_frame.f_code.co_name
            yield trace.tb_lineno, "" if function == "<module>" else f", in {function}"
        trace = trace.tb_next


def _line(number: int, place: str, source: list[str]) -> str:
    text = source[number - 1].strip()[:WIDTH] if 0 < number <= len(source) else ""
    return f"line {number}{place}: {text}".rstrip(": ")


def _said(error: BaseException) -> str:
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:
        return "(its message cannot be shown)"
    return message if len(message) <= WIDTH else f"{message[:WIDTH]}..."
