"""What is installed and what the machine offers, each with the remedy for what is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the report."""

    subject: str
    found: str
    remedy: str = ""
    """What to type where something is missing; empty where all is well."""


def findings() -> Iterator[Finding]:
    """The report on this machine: Python, packages, extras, processors, accelerator, disk."""
    yield Finding(subject="python", found=f"{platform.python_version()} on {platform.platform()}")
    yield _packages("turngym", ["turngym", *needed_by(None)])
    yield from (_packages(f"extra {extra}", needed_by(extra), extra) for extra in extras())
    yield Finding(subject="processors", found=str(os.cpu_count()))
    yield from _torch()
    yield Finding(subject="disk", found=f"{shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB free here")


def extras() -> list[str]:
    """The optional dependency sets that turngym's own metadata names, in their order there."""
    return list(dict.fromkeys(extra for _, extra in _requirements() if extra))


def needed_by(extra: str | None) -> list[str]:
    """The packages of an extra; of turngym itself for `None`."""
    return [package for package, owner in _requirements() if owner == extra]


def missing(extra: str) -> list[str]:
    """The packages of an extra that are not installed."""
    return [package for package in needed_by(extra) if installed(package) is None]


def installed(package: str) -> str | None:
    """The version of an installed package, or `None`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _requirements() -> list[tuple[str, str | None]]:
    """(package, extra or `None`) of every requirement; none where turngym runs without being installed."""
    try:
        lines = requires("turngym") or []
    except PackageNotFoundError:
        return []
    return [(_first_word(line), _extra_of(line)) for line in lines]


def _first_word(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found.group() if found else requirement


def _extra_of(requirement: str) -> str | None:
    found = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", requirement)
    return found.group(1) if found else None


def _packages(subject: str, packages: list[str], extra: str | None = None) -> Finding:
    absent = [package for package in packages if installed(package) is None]
    present = ", ".join(f"{package} {installed(package)}" for package in packages if package not in absent)
    lack = f"missing {', '.join(absent)}" if absent else ""
    remedy = f"pip install 'turngym[{extra}]'" if extra else "pip install turngym"
    return Finding(
        subject=subject, found="; ".join(filter(None, [present, lack])), remedy=remedy if absent else ""
    )


def _torch() -> Iterator[Finding]:
    if installed("torch") is None:
        return
    import torch

    yield Finding(subject="torch", found=f"{torch.get_num_threads()} threads")
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    yield Finding(subject="CUDA", found=", ".join(names) or "no device: turngym runs on the processors")
