"""What a run shows and keeps: a progress display, `metrics.jsonl`, TensorBoard on request, `curve.png`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SHOWN = ("success", "reward", "turns", "valid", "approx_kl", "cloning_loss")


class Report:
    """Receives metrics as they come; a line of `metrics.jsonl` holds `stage`, `step` and one stage's numbers."""

    def __init__(self, out: Path, *, tensorboard: bool = False, console: Console | None = None) -> None:
        self.console = console or Console()
        self.path = out / "metrics.jsonl"
        self._writer = _tensorboard(out) if tensorboard else None
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=self.console,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if self._writer is not None:
            self._writer.close()

    def say(self, text: str, style: str = "") -> None:
        """A line above the progress bars."""
        self.console.print(text, style=style, markup=False, highlight=False)

    def record(self, stage: str, step: int, metrics: Mapping[str, float], total: int | None = None) -> None:
        """Keep one step's numbers; with `total`, show how far the stage is."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": stage, "step": step, **metrics}) + "\n")
        if self._writer is not None:
            for name, number in metrics.items():
                self._writer.add_scalar(f"{stage}/{name}", number, step)
        if total is not None:
            self._advance(stage, step, metrics, total)

    def _advance(self, stage: str, step: int, metrics: Mapping[str, float], total: int) -> None:
        numbers = "  ".join(f"{name} {metrics[name]:.3f}" for name in SHOWN if name in metrics)
        if stage not in self._bars:
            self._bars[stage] = self._progress.add_task(stage, total=total, numbers="")
        self._progress.update(self._bars[stage], completed=step, numbers=numbers)


class Silence(Report):
    """The report of a rank that does not lead: it says and keeps nothing."""

    def __enter__(self) -> Self:
        return self

    def say(self, text: str, style: str = "") -> None:
        """Nothing."""

    def record(self, stage: str, step: int, metrics: Mapping[str, float], total: int | None = None) -> None:
        """Nothing."""


def _tensorboard(out: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(out / "tensorboard"))


def forget_after(path: Path, step: int) -> None:
    """Drop the lines of a metrics file that lie after a step: a resumed run writes them again."""
    if not path.exists():
        return
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["step"] <= step
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_metrics(path: Path, stage: str) -> list[dict[str, Any]]:
    """The lines of one stage, in order."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["stage"] == stage]


def plot_curve(metrics: Path, picture: Path, title: str) -> None:
    """Success on the held-out panel with its 95 % interval, and training success, over steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    training, panel = (
        [row for row in read_metrics(metrics, stage) if "success" in row] for stage in ("train", "eval")
    )
    axes.plot(*_xy(training), color="0.7", linewidth=1, label="training episodes")
    below = [row["success"] - row["low"] for row in panel]
    above = [row["high"] - row["success"] for row in panel]
    style: dict[str, Any] = {"marker": "o", "markersize": 4, "capsize": 3}
    axes.errorbar(*_xy(panel), yerr=[below, above], label="held-out tasks, sampled", **style)
    axes.set(xlabel="training step", ylabel="success rate", ylim=(0, 1), title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(picture)


def _xy(rows: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    return [row["step"] for row in rows], [row["success"] for row in rows]
