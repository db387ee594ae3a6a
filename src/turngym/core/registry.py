"""Names for plug-ins: one open registry per kind, targets imported only when asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

Target = str | Callable[..., Any]


class UnknownName(LookupError):
    """A name that no plug-in of its kind carries; the message suggests the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


class MissingExtra(ImportError):
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
            raise ValueError(f"{self.kind} {name!r} is already registered as {self._targets[name]!r}; choose another name")
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

    def _installed(self) -> list[EntryPoint]:
        return list(entry_points(group=f"turngym.{self.kind}"))

    def _entry_point(self, name: str) -> str:
        found = {point.value: point for point in self._installed() if point.name == name}
        if not found:
            raise UnknownName(self._unknown(name))
        if len(found) > 1:
            owners = " and ".join(sorted(found))
            raise ValueError(f"{self.kind} {name!r} is offered by {owners}; uninstall one of the packages")
        return next(iter(found))

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names(), n=1, cutoff=0.5)
        advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self.names()) or 'none'}"
        return f"no {self.kind} plug-in is called {name!r}; {advice}"

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
