"""Names for plug-ins: one open registry per kind, targets imported only when asked for."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from turngym.core.errors import UserError, suggest

Target = str | Callable[..., Any]


class UnknownName(UserError, LookupError):
    """A name that no plug-in of its kind carries; the message suggests the nearest."""


class MissingExtra(UserError, ImportError):
    """A plug-in whose package is not installed; the message holds the pip line."""


class Registry:
    """Plug-ins of one kind by name. A target is a callable or `"module:attribute"`.

    A name that was not registered here is looked up among the installed entry points of the group
    `turngym.<kind>`; listing names imports nothing.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._targets: dict[str, Target] = {}
        self._extras: dict[str, str] = {}

    def register(self, name: str, target: Target, *, extra: str | None = None) -> None:
        """Give `target` a name. `extra` is the optional dependency set that it needs.

        Raises `ValueError` where the name already has another target.
        """
        if self._targets.get(name, target) != target:
            owner = self._targets[name]
            raise ValueError(f"{self.kind} {name!r} is already registered as {owner!r}; choose another name")
        self._targets[name] = target
        if extra:
            self._extras[name] = extra

    def names(self) -> list[str]:
        """All names, own and installed, sorted."""
        return sorted({*self._targets, *(point.name for point in self._installed())})

    def get(self, name: str) -> Callable[..., Any]:
        """The factory behind a name.

        Raises `UnknownName` for a name nobody has, `MissingExtra` where its package is not installed.
        """
        target = self._targets.get(name) or self._entry_point(name)
        if not isinstance(target, str):
            return target
        try:
            return load(target)
        except ModuleNotFoundError as error:
            raise self._missing(name, error) from error

    def make(self, name: str, /, **kwargs: Any) -> Any:
        """Build the plug-in with its own arguments."""
        return self.get(name)(**kwargs)

    def extra(self, name: str) -> str | None:
        """The optional dependency set that a built-in name needs."""
        return self._extras.get(name)

    def about(self, name: str) -> str:
        """The first line of the plug-in's docstring, read without importing it; empty where there is none."""
        target = self._targets.get(name) or self._entry_point(name)
        docstring = docstring_of(target) if isinstance(target, str) else target.__doc__
        return (docstring or "").strip().partition("\n")[0]

    def _installed(self) -> list[EntryPoint]:
        return list(entry_points(group=f"turngym.{self.kind}"))

    def _entry_point(self, name: str) -> str:
        found = {point.value: point for point in self._installed() if point.name == name}
        if not found:
            raise UnknownName(f"no plug-in for {self.kind} is called {name!r}; {suggest(name, self.names())}")
        if len(found) > 1:
            owners = " and ".join(sorted(found))
            raise ValueError(f"{self.kind} {name!r} is offered by {owners}; uninstall one of the packages")
        return next(iter(found))

    def _missing(self, name: str, error: ModuleNotFoundError) -> Exception:
        package = (error.name or "").split(".")[0]
        if not package or package == "turngym":
            return error
        extra = self._extras.get(name)
        remedy = f"pip install 'turngym[{extra}]'" if extra else f"pip install {package}"
        return MissingExtra(f"{name} needs the package {package!r}: {remedy}")


def load(target: str) -> Callable[..., Any]:
    """The object that `"module:attribute"` names."""
    module, _, attribute = target.partition(":")
    if not attribute:
        raise ValueError(f"target {target!r} does not name an object; write it as 'module:attribute'")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found


def docstring_of(target: str) -> str | None:
    """The docstring of the class or function that `"module:attribute"` names, from its source file."""
    module, _, attribute = target.partition(":")
    source = _source(module)
    for node in ast.parse(source.read_text(encoding="utf-8")).body if source else []:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
            return ast.get_docstring(node)
    return None


def _source(module: str) -> Path | None:
    """Where the module's source lies; packages on the way are not imported, as `find_spec` would."""
    path: Any = None
    origin: str | None = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
        if spec is None:
            return None
        path, origin = spec.submodule_search_locations, spec.origin
    return Path(origin) if origin and origin.endswith(".py") else None
