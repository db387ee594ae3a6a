"""Credit methods compared: the quick start's household, from the same warm starts, under the same budget.

    python -m turngym.benchmarks.quickstart --out runs/comparison --jobs 2

Every seed clones the expert once; every method then goes on from that very checkpoint, with the same tasks, episodes
per step and limits. Writes `table.md`, `cost.md`, `curves.png` and a run folder per method and seed; what is there
already is not run again. `--methods hgpo grpo` chooses some.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

from turngym.benchmarks.stats import bootstrap
from turngym.core.episodes import read_episodes

CONTROL, PAPER = "shuffled", "spa-paper"
METHODS: dict[str, tuple[str, ...]] = {
    "hgpo": ("quickstart",),
    "gigpo": ("quickstart", 'credit={name="gigpo", gamma=0.95}'),
    "grpo": ("quickstart", 'credit={name="grpo"}'),
    "rloo": ("quickstart", 'credit={name="rloo"}'),
    "ppo": ("quickstart-ppo",),
    "spa": ("quickstart-spa",),
    PAPER: ("quickstart-spa", "credit.regress=episode"),
    "oprl": ("quickstart-oprl",),
    CONTROL: ("quickstart", 'credit={name="shuffled", base={name="hgpo", depth=2, gamma=0.95}}'),
}
"""Recipe and overrides of each method. `spa-paper` regresses whole episodes, as published; the control deals HGPO's
advantages to random turns."""
Plan = Mapping[str, Sequence[int]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, then write tables and picture."""
    chosen = _parse(arguments)
    plan = {name: chosen.control_seeds if name == CONTROL else chosen.seeds for name in chosen.methods}
    with ThreadPoolExecutor(chosen.jobs) as pool:
        list(pool.map(lambda seed: warm_start(chosen.out, seed), chosen.seeds))
        pairs = [(method, seed) for method, seeds in plan.items() for seed in seeds]
        list(pool.map(lambda pair: train(chosen.out, *pair), pairs))
    tables = {"table.md": success_table(chosen.out, plan), "cost.md": cost_table(chosen.out, plan)}
    for name, table in tables.items():
        (chosen.out / name).write_text(table, encoding="utf-8")
        print(table)
    draw(chosen.out, plan, chosen.out / "curves.png")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/comparison"))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--control-seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one core each")
    return parser.parse_args(arguments)


def folder(out: Path, method: str, seed: int) -> Path:
    """Where one run lies."""
    return out / f"{method}-{seed}"


def warm_start(out: Path, seed: int) -> None:
    """Clone the expert, and nothing else."""
    _turngym(out / f"warm-{seed}", seed, ["quickstart", "loop.steps=0"])


def train(out: Path, method: str, seed: int) -> None:
    """Go on from the seed's warm start with one method."""
    place = folder(out, method, seed)
    if not place.exists():
        shutil.copytree(out / f"warm-{seed}", place)
        (place / "summary.json").unlink()
    _turngym(place, seed, [*METHODS[method], "--resume"])


def _turngym(out: Path, seed: int, words: Sequence[str]) -> None:
    if (out / "summary.json").exists():
        return
    command = [sys.executable, "-m", "turngym.core.cli", "train", *words, f"seed={seed}", f"out={out}"]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "log.txt").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})


def summaries(out: Path, method: str, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """What each of a method's runs said at its end."""
    paths = [folder(out, method, seed) / "summary.json" for seed in seeds]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def success_table(out: Path, plan: Plan) -> str:
    """A row per method: success on the held-out panel before and after, with the final one's interval over tasks."""
    head = "| credit | sampled: warm start | final | 95 % | gain per seed | mean gain | greedy: warm start | final |"
    rows = [_success_row(out, method, seeds) for method, seeds in plan.items() if seeds]
    return "\n".join([head, "|---" * 8 + "|", *rows, ""])


def _success_row(out: Path, method: str, seeds: Sequence[int]) -> str:
    runs = summaries(out, method, seeds)
    gains = [run["final"]["success"] - run["warm_start"]["success"] for run in runs]
    low, high = bootstrap(_per_task(out, method, seeds), seed=0)
    cells = [
        method,
        _percent(run["warm_start"]["success"] for run in runs),
        _percent(run["final"]["success"] for run in runs),
        f"{100 * low:.1f} to {100 * high:.1f}",
        ", ".join(f"{100 * gain:+.1f}" for gain in gains),
        f"**{100 * fmean(gains):+.1f}**",
        _percent(run["warm_start"]["greedy_success"] for run in runs),
        _percent(run["final"]["greedy_success"] for run in runs),
    ]
    return "| " + " | ".join(cells) + " |"


def _per_task(out: Path, method: str, seeds: Sequence[int]) -> list[list[float]]:
    """For every task of the panel, whether each seed's policy won it at the end."""
    won: dict[str, list[float]] = {}
    for seed in seeds:
        episodes, _ = read_episodes(folder(out, method, seed) / "episodes.jsonl")
        for episode in episodes:
            won.setdefault(episode.task.id, []).append(float(bool(episode.success)))
    return list(won.values())


def cost_table(out: Path, plan: Plan) -> str:
    """A row per method: mean wall seconds of the parts of a training step."""
    parts = ("rollout", "score", "credit", "update")
    head = f"| credit | {' | '.join(parts)} | step |"
    rows = []
    for method, seeds in plan.items():
        steps = [row for seed in seeds for row in _stage(folder(out, method, seed), "train")]
        spent = [fmean(row[f"seconds_{part}"] for row in steps) for part in parts] if steps else []
        cells = [method, *(f"{seconds:.2f}" for seconds in [*spent, sum(spent)])]
        rows += ["| " + " | ".join(cells) + " |"] if steps else []
    return "\n".join([head, "|---" * 6 + "|", *rows, ""])


def _percent(rates: Iterable[float]) -> str:
    return f"{100 * fmean(rates):.1f} %"


def draw(out: Path, plan: Plan, picture: Path) -> None:
    """Held-out success over steps: a thin line per seed, a thick one for their mean."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for number, (method, seeds) in enumerate(plan.items()):
        curves = [_curve(folder(out, method, seed)) for seed in seeds]
        for curve in curves:
            axes.plot(*zip(*curve, strict=True), color=f"C{number}", alpha=0.3, linewidth=1)
        mean = [(points[0][0], fmean(rate for _, rate in points)) for points in zip(*curves, strict=True)]
        if mean:
            axes.plot(*zip(*mean, strict=True), color=f"C{number}", linewidth=2.5, marker="o", label=method)
    axes.set(xlabel="training step", ylabel="success on 256 held-out tasks, sampled", ylim=(0, 1))
    axes.set_title("thin lines are seeds, thick ones their mean")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(picture)


def _curve(run: Path) -> list[tuple[int, float]]:
    return sorted({row["step"]: row["success"] for row in _stage(run, "eval")}.items())


def _stage(run: Path, stage: str) -> list[dict[str, Any]]:
    """The lines that a run wrote about one stage."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["stage"] == stage]


if __name__ == "__main__":
    main()
