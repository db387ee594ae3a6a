"""The weakest layer: Python's audit events. It stops accidents, not an attacker, who has `ctypes` and bugs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

_REFUSED = (
    "ctypes.", "fcntl.", "os.chmod", "os.chown", "os.exec", "os.fork", "os.kill", "os.link", "os.posix_spawn",
    "os.spawn", "os.startfile", "os.symlink", "os.system", "pty.", "shutil.chown", "signal.pthread_kill", "socket.",
    "subprocess.", "syslog.",
)  # fmt: skip

_OF_PATHS = (
    "open",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "os.truncate",
)


def restrict(readable: Sequence[str], writable: Sequence[str]) -> None:
    """From here on what reaches out of the process through Python's own functions raises `PermissionError`."""
    outer, inner = tuple(map(_folder, readable)), tuple(map(_folder, writable))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(_REFUSED):
            raise PermissionError(f"{event} is not allowed here")
        if event in _OF_PATHS and not isinstance(arguments[0], int):
            _check(os.fsdecode(arguments[0] or "."), inner if _writes(event, arguments) else outer + inner)

    sys.addaudithook(watch)


def _writes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        return any(letter in (mode or "") for letter in "wax+") or bool(flags & (os.O_WRONLY | os.O_RDWR))
    return event not in ("os.listdir", "os.scandir")


def _check(path: str, folders: tuple[str, ...]) -> None:
    if not _folder(path).startswith(folders):
        raise PermissionError(f"{path} is out of bounds here")


def _folder(path: str) -> str:
    return os.path.join(os.path.realpath(path), "")
