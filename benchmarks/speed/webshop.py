"""How fast WebShop is: `python -m turngym.benchmarks.speed.webshop [--data FOLDER]`.

Plays the same kind of episode for many goals, reset to purchase, and prints processor time by kind of step, with
the time to load the catalogue and the memory that it takes.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from turngym.envs.webshop.env import WebShop

ORIGINAL = {
    "reset": 3.7,
    "search": 39.0,
    "item": 22.0,
    "option": 14.0,
    "sub-page": 8.0,
    "back": 11.0,
    "buy": 23.0,
}
"""Milliseconds of the original engine on the 1,000 products, measured once on one core like ours."""

Times = dict[str, list[float]]
"""Seconds of each step by its kind."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m turngym.benchmarks.speed.webshop", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of a catalogue; default: the one of turngym")
    parser.add_argument("--episodes", type=int, default=500)
    given = parser.parse_args(arguments)
    before, begun = _memory(), time.process_time()
    env = WebShop(given.data)
    loaded, memory = time.process_time() - begun, _memory() - before
    times = measure(env, given.episodes)
    console = Console(soft_wrap=True)
    console.print(table(times, f"WebShop, {len(env.shop.catalogue):,} products, {len(env.tasks):,} goals"))
    console.print(f"loaded in {loaded:.2f} s of processor time, {memory:,.0f} MB")


def measure(env: WebShop, episodes: int) -> Times:
    """Processor time of each step; every episode is of another goal, as far as there are any."""
    times: Times = defaultdict(list)
    for episode in range(episodes):
        _play(env, episode % len(env.tasks), times)
    return times


def table(times: Times, title: str) -> Table:
    """A row for each kind of step, and one for all."""
    columns = ("step", "times", "ms", "original, ms", "steps a second")
    shown = Table(*columns, title=title)
    for kind, each in times.items():
        mean = 1000 * sum(each) / len(each)
        original = f"{ORIGINAL[kind]:.1f}" if kind in ORIGINAL else ""
        shown.add_row(kind, f"{len(each)}", f"{mean:.4f}", original, f"{1000 / mean:,.0f}")
    every = [seconds for each in times.values() for seconds in each]
    mean = 1000 * sum(every) / len(every)
    shown.add_row("all", f"{len(every)}", f"{mean:.4f}", f"{1000 / 58:.1f}", f"{1000 / mean:,.0f}")
    return shown


def _play(env: WebShop, task: int, times: Times) -> None:
    """Search, look at a product, choose, read, go back, find it again and buy it."""
    with _timed(times, "reset"):
        env.reset(options={"task": task})
    words, wanted = env.goal.instruction, env.goal.product
    _step(env, "search", f"search[{words}]", times)
    _step(env, "next page", "click[next >]", times)
    _step(env, "back", "click[< prev]", times)
    _step(env, "search", f"search[{wanted.title}]", times)
    _step(env, "item", _first_product(env), times)
    for value in [values[-1] for values in wanted.options.values() if values]:
        _step(env, "option", f"click[{value}]", times)
    for name in ("description", "features"):
        _step(env, "sub-page", f"click[{name}]", times)
        _step(env, "back", "click[< prev]", times)
    _step(env, "back", "click[back to search]", times)
    _step(env, "search again", f"search[{wanted.title}]", times)
    _step(env, "item", _first_product(env), times)
    _step(env, "buy", "click[buy now]", times)


def _first_product(env: WebShop) -> str:
    """The click on the first search result; the way back where nothing was found."""
    buttons = ("back to search", "< prev", "next >")
    return f"click[{next((label for label in env.session.page.labels if label not in buttons), buttons[0])}]"


def _step(env: WebShop, kind: str, action: str, times: Times) -> None:
    with _timed(times, kind):
        env.step(action)


@contextmanager
def _timed(times: Times, kind: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    times[kind].append(time.process_time() - begun)


def _memory() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
