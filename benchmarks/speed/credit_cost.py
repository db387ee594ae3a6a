"""What credit costs: CPU seconds of a training step and peak memory, method by method, from one warm start.

    python -m turngym.benchmarks.speed.credit_cost --out runs/cost

Every method trains one step and then four from the same clone of the expert; the difference, over three, is a step. CPU
seconds count all processes, so that a shared machine changes them little; the rollout and the update are in them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from turngym.benchmarks.quickstart import METHODS, PAPER

LIMITS = ("loop.tasks_per_step=32", "eval.tasks=8", "eval.greedy=false", "eval.every=1000")
STEPS = (1, 4)
BASE = "grpo"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one method."""

    method: str
    seconds: float
    """CPU, per step."""
    memory: float
    """Peak of the training process, in MiB."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a Markdown table with ratios to GRPO."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/cost"))
    parser.add_argument("--methods", nargs="+", default=[name for name in METHODS if name != PAPER])
    chosen = parser.parse_args(arguments)
    warm = chosen.out / "warm"
    if not (warm / "summary.json").exists():
        spent(["quickstart", *LIMITS, "loop.steps=0", f"out={warm}"])
    costs = [cost(chosen.out, method) for method in dict.fromkeys([BASE, *chosen.methods])]
    print(table(costs))


def cost(out: Path, method: str) -> Cost:
    """What a method needs, from the warm start in `out`."""
    runs = []
    for steps in STEPS:
        place = out / f"{method}-{steps}"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(out / "warm", place)
        runs.append(spent([*METHODS[method], *LIMITS, f"loop.steps={steps}", f"out={place}", "--resume"]))
    seconds = (runs[1][0] - runs[0][0]) / (STEPS[1] - STEPS[0])
    return Cost(method=method, seconds=seconds, memory=runs[1][1])


def spent(words: Sequence[str]) -> tuple[float, float]:
    """CPU seconds of a training run with its processes, and the peak memory of the largest, in MiB."""
    command = [sys.executable, "-m", "turngym.core.cli", "train", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} failed; run it to see why")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def table(costs: Sequence[Cost]) -> str:
    """A row per method."""
    base = costs[0]
    head = f"| credit | CPU s a step | to {base.method} | peak memory | to {base.method} |"
    rows = [
        f"| {one.method} | {one.seconds:.1f} | {one.seconds / base.seconds:.2f} | {one.memory:.0f} MiB "
        f"| {one.memory / base.memory:.2f} |"
        for one in costs
    ]
    return "\n".join([head, "|---" * 5 + "|", *rows, ""])


if __name__ == "__main__":
    main()
