"""From names to a played benchmark: the player of its tasks, the files it leaves, the table it prints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from turngym import agents, envs
from turngym.agents import Agent
from turngym.agents.llm import Chat, Engine
from turngym.agents.rollout import Sampler
from turngym.benchmarks import Benchmark
from turngym.benchmarks.score import Result, run
from turngym.core import config
from turngym.core.episodes import write_episodes
from turngym.core.errors import ConfigError
from turngym.core.types import Group


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
    arguments = _arguments(benchmark.env) | dict(info or {})
    config.construct(envs.factory(benchmark.env["name"], **arguments), "env").close()
    given: dict[str, Any] = {"agent": _agent(sections["agent"]), "engine": engine, "renderer": renderer}
    given["max_turns"] = benchmark.max_turns
    limits = config.bind(Sampler, sections["sampler"], "sampler", given=[*given, "pool"])
    options = config.bind(envs.Pool, sections["pool"], "pool", given=["env", "kwargs"])
    with envs.Pool(benchmark.env["name"], **options, **arguments) as pool:
        yield Sampler(pool=pool, **given, **limits)


def _agent(section: config.Table) -> Callable[[], Agent]:
    factory = agents.registry.get(config.plugin_name(section, "agent"))
    agent = partial(factory, **config.bind(factory, _arguments(section), "agent"))
    config.construct(agent, "agent")  # a wrong value is told before the first episode
    return agent


def _arguments(section: Mapping[str, Any]) -> config.Table:
    return {key: value for key, value in section.items() if key != "name"}


def play(
    benchmark: Benchmark,
    sampler: Sampler,
    entrant: Mapping[str, Any],
    *,
    seed: int = 0,
    out: Path | None = None,
) -> Result:
    """Play with a progress display. With `out`, leave `episodes.jsonl` and `result.json` there.

    Episodes are written as they end. Raises `ConfigError` where `out` holds a result already.
    """
    if out is not None:
        _claim(out)
    with _progress() as progress:
        bar = progress.add_task(benchmark.name, total=len(benchmark.tasks))

        def finished(group: Group) -> None:
            progress.advance(bar)
            if out is not None:
                write_episodes(out / "episodes.jsonl", [*group.trajectories, *group.failed], append=True)

        result = asyncio.run(run(benchmark, sampler, entrant, seed, finished))
    if out is not None:
        (out / "result.json").write_text(result.to_json(), encoding="utf-8")
    return result


def _claim(out: Path) -> None:
    if (out / "episodes.jsonl").exists():
        raise ConfigError(f"{out} already holds episodes; choose another folder")
    out.mkdir(parents=True, exist_ok=True)


def _progress() -> Progress:
    shown = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} tasks"),
    )
    return Progress(*shown, TimeElapsedColumn(), console=Console(stderr=True), transient=True)


def table(result: Result) -> Table:
    """The result as a person reads it."""
    low, high = result.interval
    success = "not told by the environment" if result.success is None else f"{result.success:.1%}"
    rows = {
        "success": f"{success}  (95 % interval {low:.1%} to {high:.1%})",
        "episodes": f"{result.episodes} count, {result.failed} attempts failed, {result.lost} episodes lost",
        "reward": _number(result.reward),
        "turns": _number(result.turns),
        "sampled tokens": _number(result.tokens),
        "seconds": f"{result.seconds:.1f}",
        "digest": result.digest[:16],
    }
    shown = Table(
        title=f"{result.benchmark}, seed {result.seed}", title_justify="left", show_header=False, box=None
    )
    for name, value in rows.items():
        shown.add_row(f"[bold]{name}[/]", value)
    for error, count in result.errors.items():
        shown.add_row("[bold red]failed[/]", f"{count} x {escape(error.splitlines()[0])}")
    return shown


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
