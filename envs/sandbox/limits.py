"""How much a sandboxed program may use."""

from __future__ import annotations

from dataclasses import dataclass, fields

MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of one sandbox; each is at least 1.

    Raises `ValueError` for one that is less.
    """

    seconds: float = 10.0
    """Wall-clock time of one call, after which every process of the sandbox is killed."""
    cpu_seconds: int = 5
    """Processor time of one call, in each process."""
    memory: int = 512 * MEGABYTE
    """Bytes of address space of each process; the interpreter itself takes about 20 MB of them."""
    processes: int = 8
    """Processes and threads at once, the program's own included. Without namespaces it cannot start processes at all,
    and threads are limited by memory alone."""
    file_size: int = 16 * MEGABYTE
    """Bytes of one file."""
    disk: int = 64 * MEGABYTE
    """Bytes of all files together. Not limited without namespaces."""
    files: int = 1000
    """Files and folders. Not limited without namespaces."""
    open_files: int = 64
    """Files, pipes and so on that a process holds open."""
    output: int = 10_000
    """Bytes of output that are handed back; the rest is counted and dropped."""
    code: int = 2 * MEGABYTE
    """Bytes of code that are looked at."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value >= (least := 0.01 if field.name == "seconds" else 1):
                raise ValueError(f"the limit {field.name}={value!r} leaves nothing; give at least {least}")
