"""Made games on disk: each is made once, whatever number of processes asks for it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PARTIAL = "partial-"
STALE = 3600.0
"""Seconds after which a folder that was never finished is taken for abandoned."""

CONTENT = "sha256"
"""The file that names the digest of the others."""


def cache_folder() -> Path:
    """`$TURNGYM_CACHE`, or `turngym` in the user's cache folder."""
    chosen = os.environ.get("TURNGYM_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "turngym"


def stored(root: Path, key: str, make: Callable[[Path], None]) -> Path:
    """The folder `root/key`, filled by `make` unless it is there whole.

    It is written under another name and renamed, so no process sees half of it; of two processes that make
    it at once the second keeps the first one's. A folder whose files were changed or cut off is made anew.
    """
    folder = root / key
    if not _is_whole(folder):
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=root))
        try:
            make(partial)
            (partial / CONTENT).write_text(_content(partial), encoding="utf-8")
            _put(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def _put(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not _is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)


def _is_whole(folder: Path) -> bool:
    try:
        return (folder / CONTENT).read_text(encoding="utf-8") == _content(folder)
    except (OSError, ValueError):
        return False


def _content(folder: Path) -> str:
    """SHA-256 over names and bytes of the files."""
    total = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.name != CONTENT:
            total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _sweep(root: Path) -> None:
    """Remove what processes that died left behind."""
    for partial in root.glob(f"{PARTIAL}*"):
        with suppress(OSError):
            if time.time() - partial.stat().st_mtime > STALE:
                shutil.rmtree(partial)
