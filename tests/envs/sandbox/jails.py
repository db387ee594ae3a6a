"""The layers that the tests attack, and a look at what is left of a sandbox."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from turngym.envs.sandbox import Limits, NotConfined, Sandbox, Unprotected, run

LAYERS = [
    pytest.param(("namespaces", "landlock", "seccomp"), id="namespaces"),
    pytest.param(("landlock", "seccomp"), id="landlock"),
]

QUICK = Limits(seconds=60, cpu_seconds=20, memory=256 << 20, processes=4, file_size=1 << 20, disk=4 << 20)


def sandbox(layers: tuple[str, ...] | None = None, *, limits: Limits = QUICK, **arguments: object) -> Sandbox:
    """A sandbox behind `layers`; the test is skipped where the system does not have them."""
    if missing := lack(layers):
        pytest.skip(missing)
    return Sandbox(limits=limits, layers=layers, **arguments)  # type: ignore[arg-type]


@functools.cache
def lack(layers: tuple[str, ...] | None) -> str:
    """Why the system cannot have these layers; empty where it can."""
    try:
        run("", layers=layers)
    except (NotConfined, Unprotected) as missing:
        return str(missing)
    return ""


def processes_of(box: str) -> list[str]:
    """The numbers of all processes on this machine that were started for the sandbox with this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told, status = (process / "cmdline").read_bytes(), (process / "status").read_text()
        except OSError:
            continue
        if box.encode() in told.split(b"\0") and "State:\tZ" not in status:
            found.append(process.name)
    return found
