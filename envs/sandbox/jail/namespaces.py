"""A network, a process table, a user and a file tree of one's own (Linux namespaces(7))."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from turngym.envs.sandbox.jail import linux

INSIDE = 1000
"""The user's number within."""

NOBODY = 65534
"""What a caller who is root becomes: root's processes are not counted, and root's files are open to it."""

BOX = "/box"
"""The working folder within."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")

_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x4_0000
_NO_SETUID, _NO_DEVICES, _NO_PROGRAMS = 0x2, 0x4, 0x8
_DETACH = 2
_PIVOT_ROOT = (155, 41)
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_ATTR_READ_ONLY, _ATTR_NO_SETUID = 0x1, 0x2


def leave() -> None:
    """Step out of the caller's network, process table, host name and IPC; the next child has number 1.

    Anybody but root needs a user namespace for that. The network has no interface that is up.
    """
    user, group = os.geteuid(), os.getegid()
    apart = linux.NEW_PIDS | linux.NEW_NETWORK | linux.NEW_IPC | linux.NEW_HOST_NAME
    if user == 0:
        return linux.unshare(apart)
    linux.unshare(apart | linux.NEW_USERS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {group} 1")
    return None


def move(root: str, readable: Sequence[str], hidden: Sequence[str], size: int, files: int) -> None:
    """Make `root`, an empty folder, the file tree: `readable` (read-only), four devices and `BOX`.

    Args:
        hidden: folders below a readable one that appear empty.
        size: bytes that the working folder holds, all files together.
        files: files and folders that it holds.
    """
    linux.unshare(linux.NEW_MOUNTS)
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    _tmpfs(root, "size=1m,nr_inodes=4k,mode=755")
    for path in readable:
        _show(path, root)
    for path in hidden:
        _tmpfs(root + path, "size=4k,nr_inodes=1,mode=555")
    for path in DEVICES:
        _touch(root + path)
        _mount(path, root + path, None, _BIND)
    os.mkdir(root + BOX)
    _tmpfs(root + BOX, f"size={size},nr_inodes={files},mode=777", _NO_PROGRAMS)
    _protect(root)
    _enter(root)


def become_nobody() -> int:
    """Give up root, where the caller was it, and every capability.

    Returns how many processes beside the program's own the limit on processes counts: the first one and, where it
    is of the same user namespace, the watch.
    """
    root = os.geteuid() == 0
    if root:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # In a user namespace of its own the limit on processes counts this sandbox and no other.
        linux.unshare(linux.NEW_USERS)
    linux.drop_capabilities()
    return 1 if root else 2


def _show(path: str, root: str) -> None:
    place = Path(root + path)
    if place.exists() or place.is_symlink():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.islink(path):
        place.symlink_to(os.readlink(path))
        return
    place.mkdir()
    _mount(path, str(place), None, _BIND | _RECURSIVE)
    _protect(str(place), _AT_RECURSIVE)


def _touch(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()


def _enter(root: str) -> None:
    """Put the new root over the old one and take the old one away from below it: pivot_root(2), its notes."""
    os.chdir(root)
    linux.syscall("pivot_root", _PIVOT_ROOT[linux.processor()], b".", b".")
    linux.call("umount2", b".", _DETACH)
    os.chdir(BOX)


def _tmpfs(path: str, options: str, flags: int = 0) -> None:
    _mount("tmpfs", path, "tmpfs", _NO_SETUID | _NO_DEVICES | flags, options)


def _protect(path: str, flags: int = 0) -> None:
    attributes = (ctypes.c_uint64 * 4)(_ATTR_READ_ONLY | _ATTR_NO_SETUID, 0, 0, 0)
    linux.syscall("mount_setattr", _MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, attributes, 32)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    linux.call("mount", *texts, ctypes.c_ulong(flags), options.encode())
