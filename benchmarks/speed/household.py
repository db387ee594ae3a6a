"""Time ALFWorld's engines side by side: `python -m turngym.benchmarks.speed.household [--data FOLDER]`.

Processor time of our engine, of the original (extra `alfworld`) as it comes and of the original with our
caches, over the same random walks in the same games, a few of each task type. A step includes its admissible
commands.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from rich.console import Console
from rich.table import Table

from turngym.envs.household import Problem, World
from turngym.envs.household.games import TASK_TYPES, PublishedGame, load_split

SPLIT = "valid_unseen"


@dataclass(kw_only=True)
class Cost:
    """Processor time of one engine over all games, in milliseconds."""

    first: float = 0.0
    """To take up the games for the first time, up to the first observation."""
    again: float = 0.0
    """To reset each of them once more."""
    steps: float = 0.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("ALFWORLD_DATA"), help="folder of the games")
    parser.add_argument("--games", type=int, default=2, help="games of each task type")
    parser.add_argument("--steps", type=int, default=50, help="steps a game")
    options = parser.parse_args()
    if options.data is None:
        parser.error("the games are needed: give --data FOLDER or set ALFWORLD_DATA")
    games = chosen(load_split(SPLIT, options.data).games, options.games)
    walks = [walk(game, options.steps) for game in games]
    costs = {"ours": measure(ours, games, walks)}
    if find_spec("fast_downward"):
        for name, cached in (("original, cached", True), ("original", False)):
            costs[name] = measure(original(cached=cached), games, walks)
    Console().print(table(costs, len(games), options.steps))


def chosen(games: Iterable[PublishedGame], count: int) -> list[PublishedGame]:
    """The first `count` games of each task type."""
    by_type = {kind: [game for game in games if game.task_type == kind] for kind in TASK_TYPES}
    return [game for some in by_type.values() for game in some[:count]]


def walk(game: PublishedGame, steps: int) -> list[str]:
    """Commands drawn from the admissible ones, the same in every run."""
    world, draw, commands = World(Problem.parse(game.pddl_problem), game.task), random.Random(game.id), []
    for _ in range(steps):
        commands.append(draw.choice(world.admissible))
        world.step(commands[-1])
    return commands


def ours(game: PublishedGame) -> World:
    """Our engine with a game that it has not seen before."""
    return World(Problem.parse(game.pddl_problem), game.task)


def original(*, cached: bool) -> Callable[[PublishedGame], Any]:
    """What loads a game into the original; one environment plays them all."""
    from turngym.envs.textworld_engine import TextWorldEngine, packaged_logic

    engine, (domain, grammar) = TextWorldEngine(cached=cached), packaged_logic()

    def load(game: PublishedGame) -> TextWorldEngine:
        engine.load(domain, grammar.replace("UNKNOWN GOAL", game.task), game.pddl_problem)
        return engine

    return load


def measure(load: Callable[[PublishedGame], Any], games: list[PublishedGame], walks: list[list[str]]) -> Cost:
    """Load each game, reset it, reset it again and walk."""
    cost = Cost()
    for game, commands in zip(games, walks, strict=True):
        begun = time.process_time()
        playing = load(game)
        playing.reset()
        loaded = time.process_time()
        playing.reset()
        reset = time.process_time()
        for command in commands:
            playing.step(command)
            playing.admissible  # noqa: B018 (computed when asked for)
        walked = time.process_time()
        cost.first += 1000 * (loaded - begun)
        cost.again += 1000 * (reset - loaded)
        cost.steps += 1000 * (walked - reset)
    return cost


def table(costs: dict[str, Cost], games: int, steps: int) -> Table:
    """A row for each engine."""
    title = f"ALFWorld, {games} games of {SPLIT}, {steps} steps each, processor time"
    columns = (
        "engine",
        "first reset, ms",
        "reset again, ms",
        "step, ms",
        "steps a second",
        "times the original",
    )
    shown = Table(*columns, title=title)
    slowest = costs.get("original")
    for name, cost in costs.items():
        shown.add_row(
            name,
            f"{cost.first / games:.2f}",
            f"{cost.again / games:.3f}",
            f"{cost.steps / games / steps:.4f}",
            f"{1000 * games * steps / cost.steps:,.0f}",
            f"{slowest.steps / cost.steps:,.0f}" if slowest else "not installed",
        )
    return shown


if __name__ == "__main__":
    main()
