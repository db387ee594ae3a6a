"""Seconds and memory of one process, on a CPU that others use too or on a GPU."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one piece of work took, and what it gave."""

    seconds: float
    """Of this process's CPU time, which other processes hardly change; of wall time where a GPU computes."""
    wall: float
    gave: Any


def spent(work: Callable[[], Any], device: str = "cpu") -> Spent:
    """Do the work and tell what it took."""
    _wait(device)
    wall, cpu = time.perf_counter(), time.process_time()
    gave = work()
    _wait(device)
    took, used = time.perf_counter() - wall, time.process_time() - cpu
    return Spent(seconds=used if device == "cpu" else took, wall=took, gave=gave)


def peak_memory() -> float:
    """The most memory that this process has held, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if sys.platform == "darwin" else 1024)


def _wait(device: str) -> None:
    if device != "cpu":
        import torch

        torch.cuda.synchronize()


def matmul_rate(device: str, dtype: str, shape: tuple[int, int, int] = (2048, 576, 1536)) -> float:
    """Billions of floating-point operations per second that one matmul of `shape` (rows, inputs, outputs) reaches."""
    import torch

    rows, inputs, outputs = shape
    x, weight = (
        torch.randn(size, inputs, device=device, dtype=getattr(torch, dtype)) for size in (rows, outputs)
    )

    def often(times: int) -> None:
        for _ in range(times):
            torch.nn.functional.linear(x, weight)

    often(3)
    times = max(3, int(2e11 / (2 * rows * inputs * outputs)))
    best = min(spent(lambda: often(times), device).seconds for _ in range(3))
    return 2 * rows * inputs * outputs * times / best / 1e9
