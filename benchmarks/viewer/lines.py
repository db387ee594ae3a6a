"""The lines of a file that may grow, be replaced or be cut off while somebody reads it."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from turngym.core.errors import ConfigError

BLOCK = 1 << 20
GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a line lies."""

    number: int
    """From 1."""
    offset: int
    """In bytes, after decompression."""
    length: int
    """In bytes, with the line's end."""


class Lines:
    """The lines of a file, each read once by `new` and again by its `Place`.

    A compressed file (`.gz`) is unpacked into a temporary file, anew where it changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None
        """What is wrong with the file as a whole."""
        self.ended = True
        """False while the last line is still being written."""
        self._unpacked: IO[bytes] | None = None
        self.restart()

    def restart(self) -> None:
        """Forget what was read."""
        self._end, self._count = 0, 0
        self._last: tuple[Place, bytes] | None = None
        self._before: tuple[Place, bytes] | None = None
        self.damage = None
        self._identity = _identity(self.path)
        if self.path.suffix == ".gz":
            self._unpacked, self.damage = _unpack(self.path)

    def replaced(self) -> bool:
        """Whether lines that were read are no longer what the file holds."""
        identity = _identity(self.path)
        if self._unpacked is not None:
            return identity != self._identity
        if identity[:2] != self._identity[:2] or identity[2] < self._end:
            return True
        return self._last is not None and self.read(self._last[0]) != self._last[1]

    def new(self) -> Iterator[tuple[Place, bytes]]:
        """The lines since the last time. A last line without an end is among them; `unread` it if it is not whole."""
        with self._open() as file:
            file.seek(self._end)
            for line in file:
                place = Place(number=self._count + 1, offset=self._end, length=len(line))
                self.ended = True
                self._end += len(line)
                self._count += line.endswith(b"\n")
                self._before, self._last = self._last, (place, line)
                yield place, line

    def unread(self, place: Place) -> None:
        """Give the last line back: `new` yields it once more when it has grown."""
        self._end, self._last, self.ended = place.offset, self._before, False

    def read(self, place: Place) -> bytes:
        """The bytes of a line; others or fewer where the file was replaced since."""
        with self._open() as file:
            file.seek(place.offset)
            return file.read(place.length)

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        return self.path.open("rb") if self._unpacked is None else nullcontext(self._unpacked)


def _identity(path: Path) -> tuple[int, int, int, int]:
    """Device, inode, size and time of a file. Raises `ConfigError` where it is gone."""
    try:
        stat = path.stat()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _unpack(path: Path) -> tuple[IO[bytes], str | None]:
    """The content in a temporary file, up to where it is damaged, and a sentence about the damage."""
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the lines do
    damage = None
    with path.open("rb") as file:
        try:
            for block in _inflated(file):
                unpacked.write(block)
        except (zlib.error, EOFError) as error:
            damage = f"{path.name} is damaged; what comes before the damage is shown ({error})"
    return unpacked, damage


def _inflated(file: IO[bytes]) -> Iterator[bytes]:
    """The content of gzip members one after the other. Raises `zlib.error`, or `EOFError` where the end is missing."""
    member = zlib.decompressobj(GZIP)
    begun = False
    while block := file.read(BLOCK):
        while block:
            begun = True
            yield member.decompress(block)
            block = member.unused_data
            if member.eof:
                member, begun = zlib.decompressobj(GZIP), False
    if begun:
        raise EOFError("it ends before its content does")
