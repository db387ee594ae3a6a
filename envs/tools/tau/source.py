"""Tasks and tool schemas out of tau-bench's Python files: their syntax trees are read, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from turngym.core.errors import UserError


class SourceError(UserError, ValueError):
    """A Python file that does not hold what is looked for; the message names file and line."""


def tasks(text: str, path: Path) -> list[dict[str, Any]]:
    """The `Task(...)` calls of a file, in order, as dictionaries. Raises `SourceError`."""
    calls = [
        node for node in ast.walk(_tree(text, path)) if isinstance(node, ast.Call) and _names(node, "Task")
    ]
    found = [_fields(call, path) for call in sorted(calls, key=lambda call: call.lineno)]
    if not found:
        raise SourceError(f"{path} holds no Task(...); give a clone of tau-bench")
    return found


def tools(folder: Path, read: Callable[[Path], str]) -> Iterator[dict[str, Any]]:
    """The dictionary that each tool's `get_info` returns, in the order of the files' names."""
    for path in sorted(folder.glob("[a-z]*.py")):
        yield from (_literal(node, path) for node in _returned(_tree(read(path), path), "get_info"))


def _tree(text: str, path: Path) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SourceError(f"{path}, line {line}: no Python ({error}); clone tau-bench again") from error


def _names(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == name


def _fields(call: ast.Call, path: Path) -> dict[str, Any]:
    """A call's keyword arguments; those of an inner `Action(...)` likewise."""
    return {keyword.arg or "": _value(keyword.value, path) for keyword in call.keywords}


def _value(node: ast.expr, path: Path) -> Any:
    if isinstance(node, ast.Call) and _names(node, "Action"):
        return _fields(node, path)
    if isinstance(node, ast.List):
        return [_value(item, path) for item in node.elts]
    return _literal(node, path)


def _literal(node: ast.expr, path: Path) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError) as error:
        raise SourceError(
            f"{path}, line {node.lineno}: only plain values are read, not {ast.unparse(node)[:80]!r}; "
            "clone tau-bench again"
        ) from error


def _returned(tree: ast.Module, function: str) -> Iterator[ast.expr]:
    """What the functions of that name return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            yield from (
                part.value
                for part in ast.walk(node)
                if isinstance(part, ast.Return) and part.value is not None
            )
