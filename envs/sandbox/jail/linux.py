"""Linux calls that Python has no name for."""

from __future__ import annotations

import ctypes
import os
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)

PROCESSORS = ("x86_64", "aarch64")
"""System calls have other numbers on each."""

NEW_MOUNTS, NEW_HOST_NAME, NEW_IPC = 0x0002_0000, 0x0400_0000, 0x0800_0000
NEW_USERS, NEW_PIDS, NEW_NETWORK = 0x1000_0000, 0x2000_0000, 0x4000_0000

_PARENT_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38
_CAPABILITY_VERSION_3 = 0x2008_0522


def call(name: str, *arguments: Any) -> int:
    """A function of the C library; raises `OSError` that names it where it answers -1."""
    function = getattr(_libc, name, None)
    if function is None:
        raise OSError(f"{name}: not on this system")
    return _checked(name, function(*arguments))


def syscall(name: str, number: int, *arguments: Any) -> int:
    """A system call by its number; integers are passed with 64 bits."""
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(name, _libc.syscall(ctypes.c_long(number), *wide))


def unshare(flags: int) -> None:
    """Leave the namespaces that the flags name for new ones."""
    call("unshare", ctypes.c_int(flags))


def die_with_parent() -> None:
    """Be killed when the thread that made this process ends."""
    call("prctl", _PARENT_DEATH_SIGNAL, ctypes.c_ulong(9), *_zeros(3))


def gain_no_privileges() -> None:
    """No program started from here on gets more rights than this process has."""
    call("prctl", _NO_NEW_PRIVILEGES, ctypes.c_ulong(1), *_zeros(3))


def drop_capabilities() -> None:
    """Give up every capability."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())


def processor() -> int:
    """The column of this machine's processor in tables of system calls; raises `OSError` for any other."""
    machine = os.uname().machine
    if machine not in PROCESSORS:
        raise OSError(f"the numbers of system calls on {machine} are not known here")
    return PROCESSORS.index(machine)


def _zeros(count: int) -> list[ctypes.c_ulong]:
    return [ctypes.c_ulong(0)] * count


def _checked(name: str, result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
