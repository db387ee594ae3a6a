"""Real ranks for tests: processes that talk over gloo, as `torchrun` would start them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start(count: int, *command: str) -> list[subprocess.Popen[str]]:
    """`python COMMAND` as that many ranks."""
    environment = os.environ | {
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    return [
        subprocess.Popen(
            [sys.executable, *command],
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def run(count: int, *command: str, timeout: float = 240) -> list[str]:
    """What each rank printed; fails with the errors of the first that failed."""
    return finish(start(count, *command), timeout)


def finish(ranks: Sequence[subprocess.Popen[str]], timeout: float = 240) -> list[str]:
    """Wait for all ranks; none outlives this."""
    try:
        said = [rank.communicate(timeout=timeout) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    for number, (rank, (out, error)) in enumerate(zip(ranks, said, strict=True)):
        assert rank.returncode == 0, f"rank {number} ended with {rank.returncode}:\n{out}{error}"
    return [out for out, _ in said]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
