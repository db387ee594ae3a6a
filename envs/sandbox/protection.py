"""Which layers stand between the code and the machine, and whether they are enough."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from turngym.core.errors import PrerequisiteError
from turngym.envs.sandbox.limits import Limits
from turngym.envs.sandbox.process import NotConfined, Process

LADDER = (
    ("namespaces", "landlock", "seccomp"),
    ("namespaces", "seccomp"),
    ("landlock", "seccomp"),
)
"""From the strongest down; each is enforced by the kernel."""

WEAK = ("fence",)
"""Python's own audit events and nothing of the kernel's but its limits: no protection against code that means harm."""


class Unprotected(PrerequisiteError):
    """The system offers no layer that would hold."""


@dataclasses.dataclass(frozen=True, slots=True)
class Protection:
    """The layers that hold for a sandbox."""

    layers: tuple[str, ...]

    def __post_init__(self) -> None:
        known = {layer for layers in (*LADDER, WEAK) for layer in layers}
        for layer in self.layers:
            if layer not in known:
                raise ValueError(f"unknown layer {layer!r}: choose from {', '.join(sorted(known))}")

    @property
    def network(self) -> str:
        """What keeps the code from the network."""
        parts = {
            "namespaces": "a network namespace without interfaces",
            "seccomp": "seccomp refuses socket()",
            "fence": "audit events only (weak)",
        }
        return self._joined(parts)

    @property
    def files(self) -> str:
        """What keeps it from the caller's files."""
        parts = {
            "namespaces": "a file tree of its own",
            "landlock": "Landlock",
            "fence": "audit events only (weak)",
        }
        return self._joined(parts)

    @property
    def processes(self) -> str:
        """What keeps it from other processes, and its own from outliving it."""
        if "namespaces" in self.layers:
            return "a process table of its own"
        return self._joined(
            {"seccomp": "seccomp refuses fork() and kill()", "fence": "audit events only (weak)"}
        )

    def __str__(self) -> str:
        return f"network: {self.network}; files: {self.files}; processes: {self.processes}"

    def _joined(self, parts: dict[str, str]) -> str:
        return " and ".join(parts[layer] for layer in self.layers if layer in parts) or "nothing"


@functools.cache
def strongest() -> Protection:
    """The highest rung of `LADDER` that holds here, found by starting a process once.

    Raises `Unprotected` where none does.
    """
    reasons = []
    for layers in LADDER:
        try:
            Process(settings(Limits(), layers)).close()
        except NotConfined as error:
            reasons.append(f"{' + '.join(layers)}: {error}")
        else:
            return Protection(layers)
    raise Unprotected(
        f"no sandbox holds on this system ({'; '.join(reasons)}); use Linux with user namespaces or Landlock, or"
        " layers=WEAK for code that you trust"
    )


def settings(
    limits: Limits,
    layers: Sequence[str],
    *,
    files: dict[str, str] | None = None,
    folders: Sequence[str] = (),
    persistent: bool = False,
) -> dict[str, Any]:
    """What a `Process` is told at its start."""
    readable = _readable(folders)
    return {
        "layers": list(layers),
        "limits": dataclasses.asdict(limits),
        "readable": readable,
        "hidden": [path for path in _hidden() if _below(path, readable) and not _holds(path, folders)],
        "files": files or {},
        "folders": [os.path.abspath(folder) for folder in folders],
        "persistent": persistent,
    }


def _readable(folders: Sequence[str]) -> list[str]:
    """The standard library, what it is linked with, time zones, and the folders that were asked for."""
    prefix = sys.base_prefix
    standard = [
        sysconfig.get_path("stdlib"),
        f"{prefix}/lib",
        f"{prefix}/lib64",
        sys.base_exec_prefix + "/lib",
    ]
    system = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo"]
    wanted = sorted({*standard, *system, *map(os.path.abspath, folders)}, key=lambda path: (len(path), path))
    return [path for path in wanted if os.path.exists(path)]


def _hidden() -> list[str]:
    """Where installed packages lie within the standard library's folders."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefixes = dict.fromkeys((sys.base_prefix, "/usr", "/usr/local"))
    names = (f"{version}/site-packages", f"{version}/dist-packages", "python3/dist-packages")
    paths = [f"{prefix}/lib/{name}" for prefix in prefixes for name in names]
    return [path for path in paths if os.path.isdir(path)]


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def _holds(path: str, folders: Sequence[str]) -> bool:
    return any(f"{os.path.abspath(folder)}/".startswith(f"{path}/") for folder in folders)
