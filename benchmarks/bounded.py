"""Lines of a file that a stranger wrote: plain or gzip, in bounded memory whatever the file holds."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

MOST_BYTES = 8 << 30
"""Of a whole file, unpacked."""
MOST_LINE = 256 << 20
"""Of one line: an episode with its tokens and the texts of its prompts."""


class TooLarge(ValueError):
    """A file or a line beyond the limit; the message says which and how to raise it."""


def lines(path: Path, *, most_line: int = MOST_LINE, most_bytes: int = MOST_BYTES) -> Iterator[bytes]:
    """The lines of a file without their ends; empty lines too. No more than one line is in memory.

    Raises `TooLarge`, `OSError`, and `EOFError` or `OSError` where a gzip file is cut short or damaged.
    """
    with cast(IO[bytes], gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
        number, total = 0, 0
        while line := file.readline(most_line + 1):
            number, total = number + 1, total + len(line)
            if len(line) > most_line:
                raise TooLarge(f"{path.name} line {number} is longer than the {most_line:,} bytes allowed")
            if total > most_bytes:
                raise TooLarge(f"{path.name} holds more than the {most_bytes:,} bytes allowed, unpacked")
            yield line.rstrip(b"\n")
