"""Whether the versions of vLLM, TRL, torch and transformers that are installed belong together."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files

from turngym.core.doctor import Finding, installed

Range = tuple[str, str]
"""From a version on, and below another."""
Installed = Callable[[str], str | None]
"""The version of a package, or `None` where it is not installed."""


@dataclass(frozen=True, kw_only=True)
class VersionSet:
    """Packages that resolve together; the first is the one that the set is about."""

    name: str
    packages: dict[str, Range]
    beside: dict[str, Range] = field(default_factory=dict)
    """Ranges of packages that need not be there."""
    absent: list[str] = field(default_factory=list)
    """Packages that must not be there."""
    warning: dict[str, str] = field(default_factory=dict)
    """What to know where a package is there too."""

    @property
    def about(self) -> str:
        return next(iter(self.packages))

    def faults(self, found: Installed) -> list[str]:
        """What of the installed packages does not fit, a phrase each."""
        ranges = [
            *self.packages.items(),
            *((name, limits) for name, limits in self.beside.items() if found(name)),
        ]
        wrong = [phrase for name, limits in ranges if (phrase := _fault(name, found(name), limits))]
        return wrong + [f"{name} {found(name)} has to go" for name in self.absent if found(name)]

    def remedy(self) -> str:
        """What to type."""
        wanted = " ".join(f"'{name}>={low},<{high}'" for name, (low, high) in self.packages.items())
        away = f" && pip uninstall -y {' '.join(self.absent)}" if self.absent else ""
        return f"pip install {wanted}{away}"


def sets() -> list[VersionSet]:
    """The sets that are known to resolve, from `versions.toml` beside this file."""
    table = tomllib.loads((files("turngym.core") / "versions.toml").read_text(encoding="utf-8"))
    return [VersionSet(**entry) for entry in table["set"]]


def verdict(found: Installed = installed) -> Finding:
    """One line: which set is installed, or what keeps the nearest one from being whole."""
    near = [one for one in sets() if found(one.about)]
    if not near:
        return Finding(subject="versions", found="neither vLLM nor TRL is installed, so nothing has to agree")
    best = min(near, key=lambda one: len(one.faults(found)))
    return Finding(subject="versions", found="; ".join(_told(best, found)), remedy=_remedy(best, found))


def _told(one: VersionSet, found: Installed) -> Iterator[str]:
    there = [name for name in [*one.packages, *one.beside] if found(name)]
    listed = ", ".join(f"{name} {found(name)}" for name in there)
    faults = one.faults(found)
    yield f"{one.name}: {'not whole: ' + ', '.join(faults) if faults else listed + ' belong together'}"
    yield from (text for name, text in one.warning.items() if found(name))


def _remedy(one: VersionSet, found: Installed) -> str:
    return one.remedy() if one.faults(found) else ""


def _fault(name: str, version: str | None, limits: Range) -> str:
    low, high = limits
    if version is None:
        return f"{name} >={low},<{high} is missing"
    fits = _numbers(low) <= _numbers(version) < _numbers(high)
    return "" if fits else f"{name} {version} is not >={low},<{high}"


def _numbers(version: str) -> list[int]:
    """The release, without zeros at its end: 2.13.0+cpu is 2.13."""
    release = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in release.group().split(".")] if release else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers
