"""From names to a played benchmark: the player of its tasks, the result it leaves, the table it prints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from turngym import agents
from turngym.agents import Agent
from turngym.agents.llm import Chat, Engine
from turngym.agents.rollout import Sampler
from turngym.benchmarks import Benchmark, arguments, entrant
from turngym.benchmarks.journal import Journal, finished
from turngym.benchmarks.result import Record, Stored, contents, write_result
from turngym.benchmarks.score import aggregate, check_limits
from turngym.benchmarks.trace import trace
from turngym.core import config
from turngym.core.types import Task, Trajectory
from turngym.envs import executors


@contextmanager
def player(
    benchmark: Benchmark,
    sections: Mapping[str, config.Table],
    engine: Engine | None = None,
    renderer: Chat | None = None,
    *,
    info: Mapping[str, Any] | None = None,
) -> Iterator[Sampler]:
    """What plays the benchmark as the sections `agent`, `pool` and `sampler` say; its processes end with it.

    `info` are arguments of the environment that change what it tells and not how it plays (`expert`). Raises
    a `UserError` for what the sections get wrong or what the environment needs and lacks.
    """
    made_with = arguments(benchmark.env) | dict(info or {})
    given: dict[str, Any] = {"agent": _agent(sections["agent"]), "engine": engine, "renderer": renderer}
    given["max_turns"] = benchmark.max_turns
    limits = config.bind(Sampler, sections["sampler"], "sampler", given=[*given, "pool"])
    with executors.pool(sections["pool"], benchmark.env["name"], made_with) as pool:
        yield Sampler(pool=pool, **given, **limits)


def _agent(section: config.Table) -> Callable[[], Agent]:
    factory = agents.registry.get(config.plugin_name(section, "agent"))
    given = {key: value for key, value in section.items() if key != "name"}
    agent = partial(factory, **config.bind(factory, given, "agent"))
    config.construct(agent, "agent")  # a wrong value is told before the first episode
    return agent


def play(
    benchmark: Benchmark, sampler: Sampler, plan: Mapping[str, Any], *, out: Path | None = None
) -> Stored:
    """Play what is missing, with a progress display, and give the result, which `out` then holds.

    `plan` is that of `turngym.benchmarks.entrant.plan`. A folder with a part of this run goes on from there, and
    with a result that lost episodes plays those again. Raises `ConfigError` where it holds another run.
    """
    check_limits(benchmark, sampler)
    with TemporaryDirectory() as elsewhere:
        folder = out or Path(elsewhere)
        return finished(folder, plan) or _play(benchmark, sampler, plan, folder)


def _play(benchmark: Benchmark, sampler: Sampler, plan: Mapping[str, Any], folder: Path) -> Stored:
    with closing(Journal(folder, plan)) as journal:
        missing = journal.missing(benchmark)
        _say_what_is_there(journal, len(missing), benchmark)
        _fill(journal, missing, benchmark, sampler, plan["seed"])
        stored = conclude(journal, benchmark)
    journal.remove()
    return stored


def _say_what_is_there(journal: Journal, missing: int, benchmark: Benchmark) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if journal.dropped:
        console.print(f"[yellow]dropped a half-written last line of {journal.dropped} bytes[/]")
    if journal.rows:
        planned = len(benchmark.tasks) * benchmark.samples
        console.print(f"{planned - missing} of {planned} episodes are there; playing {missing}")


def _fill(
    journal: Journal, missing: list[tuple[Task, int]], benchmark: Benchmark, sampler: Sampler, seed: int
) -> None:
    """Play the missing episodes and keep every attempt as it ends."""
    tokenizer = getattr(sampler.renderer, "tokenizer", None)
    planned = len(benchmark.tasks) * benchmark.samples
    with _progress() as progress:
        bar = progress.add_task(benchmark.name, total=planned, completed=planned - len(missing))

        def ended(attempt: Trajectory) -> None:
            journal.add(trace(attempt, tokenizer), getattr(sampler.engine, "cost", None))
            progress.advance(bar, 0 if attempt.status.failed else 1)

        asyncio.run(sampler.play(missing, seed, ended))


def conclude(journal: Journal, benchmark: Benchmark) -> Stored:
    """Write the result of a journal."""
    rows, traces = journal.ordered(benchmark)
    plan = journal.plan
    told = contents(plan["panel"]["digest"], plan["env"]["data"], rows)
    record: Record = {
        **plan,
        "panel": {**plan["panel"], "contents": told},
        **aggregate(rows, len(benchmark.tasks), benchmark.samples),
        "cost": journal.cost,
        "seconds": journal.seconds,
        **entrant.origin(),
    }
    return write_result(journal.folder, record, rows, traces)


def _progress() -> Progress:
    shown = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} episodes"),
    )
    return Progress(*shown, TimeElapsedColumn(), console=Console(stderr=True), transient=True)


def table(record: Record) -> Table:
    """The result as a person reads it."""
    metrics, counts, panel = record["metrics"], record["counts"], record["panel"]
    lost, planned = counts["lost"], counts["episodes"]
    rows = {
        "success": _percent(metrics["success"]),
        "score": _number(metrics["score"]),
        "reward": _number(metrics["reward"]),
        "turns": _number(metrics["turns"]),
        "sampled tokens": _number(metrics["tokens"]),
        "episodes": f"{planned}, of which {lost} lost; {counts['failed']} attempts failed",
        "seconds": f"{record['seconds']:.1f}",
        "panel": panel["digest"][:16],
        "result": record["id"][:16],
    }
    rows |= {f"pass@{k}": f"{x:.1%}" for k, x in metrics["pass_at"].items() if k != "1"}
    rows |= {f"pass^{k}": f"{x:.1%}" for k, x in metrics["pass_hat"].items() if k != "1"}
    title = f"{record['agent']['name']} on {panel['name']}, seed {record['seed']}"
    shown = Table(title=title, title_justify="left", show_header=False, box=None)
    for name, value in rows.items():
        shown.add_row(f"[bold]{name}[/]", value)
    for cause, count in record["failures"].items():
        shown.add_row("[bold red]failed[/]", f"{count} x {escape(cause)}")
    return shown


def _percent(metric: Record | None) -> str:
    if metric is None:
        return "not told by the environment"
    return f"{metric['mean']:.1%}  (95 % interval {metric['low']:.1%} to {metric['high']:.1%})"


def _number(metric: Record | None) -> str:
    return (
        "none" if metric is None else f"{metric['mean']:.4g}  ({metric['low']:.4g} to {metric['high']:.4g})"
    )
