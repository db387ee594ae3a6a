"""Rules on files that a process lays on itself and cannot take back (Linux Landlock, kernel 5.13 on)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence

from turngym.envs.sandbox.jail import linux

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION, _BENEATH = 1, 1

_PROGRAM, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many kinds of access to files each version knows; 16 from version 5 on."""

_DEVICES = 1 << 6 | 1 << 11
"""Making device files."""

_TCP = 0b11
_SIGNALS_AND_ABSTRACT_SOCKETS = 0b11


def version() -> int:
    """The kernel's version of Landlock; raises `OSError` where it has none."""
    return linux.syscall("landlock_create_ruleset", _CREATE, None, 0, _ASK_VERSION)


def restrict(readable: Sequence[str], writable: Sequence[str]) -> None:
    """From here on this process and its children may read below `readable`, and also write below `writable`.

    Nothing can be executed as a program. TCP is refused from version 4 on, signals to processes outside and
    abstract sockets from version 6 on. Privileges must have been given up before.
    """
    known = version()
    handled = (1 << _BITS.get(known, 16)) - 1
    attributes = struct.pack("QQQ", handled, _TCP, _SIGNALS_AND_ABSTRACT_SOCKETS)[: _size(known)]
    rules = linux.syscall("landlock_create_ruleset", _CREATE, attributes, len(attributes), 0)
    for path in readable:
        _allow(rules, path, _READ_FILE | _READ_FOLDER)
    for path in writable:
        _allow(rules, path, handled & ~_PROGRAM & ~_DEVICES)
    linux.syscall("landlock_restrict_self", _RESTRICT, rules, 0)
    os.close(rules)


def _size(known: int) -> int:
    return 8 if known < 4 else 16 if known < 6 else 24


def _allow(rules: int, path: str, access: int) -> None:
    if not os.path.isdir(path):
        access &= _READ_FILE | _WRITE_FILE | _TRUNCATE
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = ctypes.create_string_buffer(struct.pack("=Qi", access, place))
    linux.syscall("landlock_add_rule", _ADD, rules, _BENEATH, rule, 0)
    os.close(place)
