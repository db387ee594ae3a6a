"""The quick start's claim, measured: credit methods from the same warm starts, under the same budget.

    python -m turngym.benchmarks.quickstart --out runs/comparison --jobs 2

Every seed clones the expert once; every method then goes on from that very checkpoint. Writes `table.md`, `curves.png`
and a run folder per method and seed; what is there already is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

CONTROL = "shuffled hgpo (control)"
METHODS: dict[str, list[str]] = {
    "hgpo": [],
    "gigpo": ['credit={name="gigpo", gamma=0.95}'],
    "grpo": ['credit={name="grpo"}'],
    CONTROL: ['credit={name="shuffled", base={name="hgpo", depth=2, gamma=0.95}}'],
}
RECIPE = "quickstart"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, then write table and picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/comparison"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--control-seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one core each")
    chosen = parser.parse_args(arguments)
    with ThreadPoolExecutor(chosen.jobs) as pool:
        list(pool.map(lambda seed: warm_start(chosen.out, seed), chosen.seeds))
        plan = {method: chosen.control_seeds if method == CONTROL else chosen.seeds for method in METHODS}
        pairs = [(method, seed) for method, seeds in plan.items() for seed in seeds]
        list(pool.map(lambda pair: train(chosen.out, *pair), pairs))
    table = markdown(chosen.out, plan)
    (chosen.out / "table.md").write_text(table, encoding="utf-8")
    draw(chosen.out, plan, chosen.out / "curves.png")
    print(table)


def folder(out: Path, method: str, seed: int) -> Path:
    """Where one run lies."""
    return out / f"{method.split()[0]}-{seed}"


def warm_start(out: Path, seed: int) -> None:
    """Clone the expert, and nothing else."""
    _turngym(out / f"warm-{seed}", seed, ["loop.steps=0"])


def train(out: Path, method: str, seed: int) -> None:
    """Go on from the seed's warm start with one method."""
    place = folder(out, method, seed)
    if not place.exists():
        shutil.copytree(out / f"warm-{seed}", place)
        (place / "summary.json").unlink()
    _turngym(place, seed, [*METHODS[method], "--resume"])


def _turngym(out: Path, seed: int, overrides: list[str]) -> None:
    if (out / "summary.json").exists():
        return
    command = [
        sys.executable,
        "-m",
        "turngym.core.cli",
        "train",
        RECIPE,
        f"seed={seed}",
        f"out={out}",
        *overrides,
    ]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "log.txt").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})


def summary(out: Path, method: str, seed: int) -> dict[str, Any]:
    """What a run said at its end."""
    said: dict[str, Any] = json.loads(
        (folder(out, method, seed) / "summary.json").read_text(encoding="utf-8")
    )
    return said


def markdown(out: Path, plan: Mapping[str, Sequence[int]]) -> str:
    """A row per method: sampled and greedy success before and after, the gain per seed, seconds."""
    head = "| credit | sampled: warm start | final | gain per seed | mean gain | greedy: warm start | final | seconds |"
    rows = [
        _row(method, [summary(out, method, seed) for seed in seeds])
        for method, seeds in plan.items()
        if seeds
    ]
    return "\n".join([head, "|---" * 8 + "|", *rows, ""])


def _row(method: str, runs: Sequence[dict[str, Any]]) -> str:
    gains = [run["final"]["success"] - run["warm_start"]["success"] for run in runs]
    cells = [
        method,
        _percent(run["warm_start"]["success"] for run in runs),
        _percent(run["final"]["success"] for run in runs),
        ", ".join(f"{100 * gain:+.1f}" for gain in gains),
        f"**{100 * fmean(gains):+.1f}**",
        _percent(run["warm_start"]["greedy_success"] for run in runs),
        _percent(run["final"]["greedy_success"] for run in runs),
        f"{fmean(run['seconds'] for run in runs):.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _percent(rates: Any) -> str:
    return f"{100 * fmean(rates):.1f} %"


def draw(out: Path, plan: Mapping[str, Sequence[int]], picture: Path) -> None:
    """Held-out success over steps: a thin line per seed, a thick one for their mean."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for number, (method, seeds) in enumerate(plan.items()):
        curves = [_curve(folder(out, method, seed) / "metrics.jsonl") for seed in seeds]
        for curve in curves:
            axes.plot(*zip(*curve, strict=True), color=f"C{number}", alpha=0.3, linewidth=1)
        mean = [(points[0][0], fmean(rate for _, rate in points)) for points in zip(*curves, strict=True)]
        if mean:
            axes.plot(*zip(*mean, strict=True), color=f"C{number}", linewidth=2.5, marker="o", label=method)
    axes.set(xlabel="training step", ylabel="success on 256 held-out tasks, sampled", ylim=(0, 1))
    axes.set_title("turngym train quickstart: thin lines are seeds, thick ones their mean")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(picture)


def _curve(metrics: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    return sorted({row["step"]: row["success"] for row in rows if row["stage"] == "eval"}.items())


if __name__ == "__main__":
    main()
