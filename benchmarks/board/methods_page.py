"""The board of methods as Markdown and as a page with learning curves. The page needs the extra `board`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from turngym.benchmarks.board import site
from turngym.benchmarks.board.columns import number, percent, signed
from turngym.benchmarks.board.entries import Refused
from turngym.benchmarks.board.markdown import table
from turngym.benchmarks.board.methods import Method
from turngym.benchmarks.board.plots import Axis, Point, path, spread

WIDTH, HEIGHT, RIGHT = 640, 360, 140
"""Of the plot, and of the room for the names of its lines, in pixels."""
NOTE = (
    "Success on held-out tasks after training, a mean over seeds. Interval and comparisons draw both seeds and "
    "tasks again (Owen 2007); with few seeds they are somewhat too narrow. Rank: one more than the number of methods "
    "that beat it on the same seeds and tasks at 95 %, each pair by itself; `=` marks a method that the episodes do "
    "not tell from another."
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A method's learning curve, as paths of SVG."""

    name: str
    mean: str
    seeds: Sequence[str]
    label: float
    """Height of its name, at the right."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Success over training steps."""

    width: int
    height: int
    x: Axis
    y: Axis
    steps: Sequence[int]
    """Where the horizontal axis is marked."""
    lines: Sequence[Line]


def page(ranked: Sequence[Method], refused: Sequence[Refused], *, title: str) -> str:
    """The board as one HTML page."""
    template = site.environment().get_template("methods.html")
    return template.render(
        title=title,
        methods=ranked,
        refused=refused,
        note=NOTE.replace("`", ""),
        chart=chart(ranked),
        scale=site.widest(duel for method in ranked for duel in method.against.values()),
        budget=_by_section(ranked[0]) if ranked else {},
    )


def chart(ranked: Sequence[Method]) -> Chart | None:
    """The learning curves; `None` where no method has one."""
    drawn = [method for method in ranked if method.curve]
    steps = sorted({int(step) for method in drawn for step, _ in method.curve})
    if not steps:
        return None
    x = Axis(low=steps[0], high=steps[-1], start=44, end=WIDTH - RIGHT)
    y = Axis(low=0.0, high=1.0, start=HEIGHT - 46, end=14)
    ends = spread({method.name: y.at(method.curve[-1][1]) for method in drawn}, gap=16)
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        x=x,
        y=y,
        steps=steps,
        lines=[_line(method, x, y, ends[method.name]) for method in drawn],
    )


def _line(method: Method, x: Axis, y: Axis, label: float) -> Line:
    seeds: list[list[Point]] = [sorted(run.curve.items()) for run in method.runs]
    return Line(
        name=method.name,
        mean=path(method.curve, x, y),
        seeds=[path(points, x, y) for points in seeds] if len(seeds) > 1 else [],
        label=label,
    )


def _by_section(method: Method) -> dict[str, dict[str, object]]:
    grouped: dict[str, dict[str, object]] = {}
    for key, value in method.runs[0].budget.items():
        section, _, name = key.partition(".")
        grouped.setdefault(section, {})[name or "digest"] = value
    return grouped


def markdown(ranked: Sequence[Method], refused: Sequence[Refused]) -> str:
    """The board as Markdown."""
    head = [
        "rank",
        "method",
        "settings",
        "seeds",
        "start",
        "final",
        "gain by seed",
        "greedy",
        "tokens",
        "seconds",
    ]
    parts = [
        "# Credit methods",
        NOTE,
        table(head, map(_cells, ranked), numeric=set(head) - {"method", "settings"}),
    ]
    apart = [(method.name, method.apart or "") for method in ranked if method.apart]
    if apart:
        parts += ["Not ranked:", table(["method", "why"], apart)]
    if refused:
        parts += ["## Refused", table(["folder", "reason"], [(one.folder, one.reason) for one in refused])]
    return "\n\n".join(parts) + "\n"


def _cells(method: Method) -> list[str]:
    low, high = method.interval
    return [
        "–" if method.rank is None else f"{'=' if method.ties else ''}{method.rank}",
        method.name,
        method.settings,
        str(len(method.runs)),
        percent(method.start),
        f"{percent(method.final)} ({100 * low:.1f} to {100 * high:.1f})",
        ", ".join(signed(100 * gain) for gain in method.gains),
        percent(method.greedy),
        number(fmean(run.tokens for run in method.runs)),
        number(fmean(run.seconds for run in method.runs)),
    ]
