"""Per-turn credit as a picture: a row of bars per episode, a column per method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from turngym.benchmarks.credit_table import Comparison
from turngym.core.types import Trajectory
from turngym.credit.steps import Bools, Floats

GOOD, BAD = "#2a7f62", "#c0392b"
LONGEST_NAME = 28
"""Characters of a method's name above its column."""


def draw(compared: Comparison, path: Path, *, limit: int = 16) -> None:
    """Write the picture: bars up and green are praise, down and red are blame, hatched turns were invalid.

    A column has one scale, so that its episodes compare; methods have scales of their own. The first `limit`
    episodes are shown.
    """
    shown = compared.steps.trajectories[:limit]
    figure = Figure(
        figsize=(2 + 3 * len(compared.credit), 0.6 + 1.1 * len(shown)), dpi=110, layout="constrained"
    )
    grid = figure.subplots(len(shown), len(compared.credit), squeeze=False, sharex=True, sharey="col")
    for number, (method, credit) in enumerate(compared.credit.items()):
        grid[0][number].set_title(
            method if len(method) <= LONGEST_NAME else method[:LONGEST_NAME] + "…", fontsize=9
        )
        grid[-1][number].set_xlabel("turn", fontsize=8)
        for traj, trajectory in enumerate(shown):
            rows = compared.steps.traj == traj
            _bars(grid[traj][number], credit[rows], compared.steps.valid[rows])
            if number == 0:
                grid[traj][0].set_ylabel(_label(trajectory), fontsize=7)
    figure.savefig(path)


def _bars(axes: Any, credit: Floats, valid: Bools) -> None:
    bars = axes.bar(np.arange(len(credit)), credit, color=np.where(credit >= 0, GOOD, BAD))
    for bar, usual in zip(bars, valid, strict=True):
        bar.set_hatch("" if usual else "////")
    axes.axhline(0, color="0.4", linewidth=0.6)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _label(trajectory: Trajectory) -> str:
    end = {True: "won", False: "lost", None: "not told"}[trajectory.success]
    return f"task {trajectory.task.seed}\nmember {trajectory.member}\n{end}"
