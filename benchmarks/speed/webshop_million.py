"""WebShop with as many products as the original: `python -m turngym.benchmarks.speed.webshop_million`.

    python -m turngym.benchmarks.speed.webshop_million [PRODUCTS [FOLDER]]

Generates products (1,000,000 unless told) with seed 0, indexes them into the folder (one that is removed
again, unless told; one that is there is taken as it is), opens it in a fresh process, searches and plays. Times
are processor time of one process, so that others who work on the machine do not count; memory is the most that
a process held, mapped files included.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from turngym.envs.webshop import data, generator
from turngym.envs.webshop.env import WebShop

Rows = dict[str, str]

QUERIES, EPISODES = 200, 200


def main(products: int = 1_000_000, folder: str | None = None) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as beside:
        place = Path(folder or beside) / f"webshop-{products}"
        table = Table(f"{products:,} products", "")
        for part in (generating, indexing, opening, searching, playing, winning):
            for name, value in _alone(part, products, place).items():
                table.add_row(name, value)
        Console().print(table)


def generating(products: int, place: Path) -> Rows:
    """Products alone, kept nowhere."""
    _, seconds = _timed(lambda: sum(1 for _ in generator.entries(products)))
    return {"generate, written nowhere": f"{seconds:,.0f} s, {_peak()}"}


def indexing(products: int, place: Path) -> Rows:
    """Generate, write and index."""
    if place.exists():
        return {}
    summary, seconds = _timed(lambda: data.generate(products, 0, place))
    return {
        "generate, write and index": f"{seconds:,.0f} s, {_peak()}",
        "folder": f"{summary.bytes / 1e9:.2f} GB",
        "products with synthetic goals, human goals": f"{summary.synthetic:,}, {summary.human:,}",
    }


def opening(products: int, place: Path) -> Rows:
    """The environment in a fresh process, and its first episode."""
    before = _peak()
    env, opened = _timed(lambda: WebShop(place, goals="human", split="train"))
    _, reset = _timed(lambda: env.reset(seed=0))
    return {"open": f"{opened:.2f} s, {_peak()} ({before} before)", "first reset": f"{1000 * reset:.1f} ms"}


def searching(products: int, place: Path) -> Rows:
    """Each query once, so that nothing is remembered."""
    env = WebShop(place, goals="human", split="train")
    goals = [env.tasks.goal(number) for number in range(QUERIES)]
    catalogue = env.shop.catalogue
    catalogue.search("warm")
    rows: Rows = {}
    for name, queries in {
        "search for a title": [goal.product.title for goal in goals],
        "search for a whole instruction": [goal.instruction for goal in goals],
    }.items():
        spent = [1000 * _timed(partial(catalogue.search, query))[1] for query in queries]
        rows[name] = f"{median(spent):.1f} ms (95 %: {quantiles(spent, n=20)[-1]:.1f} ms)"
    return rows


def playing(products: int, place: Path) -> Rows:
    """Episodes of five turns: a search for the instruction, the first product, its features, back, the purchase."""
    env = WebShop(place, goals="human", split="train")
    turns, seconds = _timed(lambda: sum(_visit(env, task) for task in range(EPISODES)))
    return {
        f"{EPISODES} episodes of {turns / EPISODES:g} turns": f"{turns / seconds:,.0f} turns/s, {_peak()}"
    }


def winning(products: int, place: Path) -> Rows:
    """Whether the expert finds what is wanted among so many."""
    env = WebShop(place, goals="human", split="train", expert=True)
    won = sum(_expert(env, task) for task in range(EPISODES))
    return {"score 1 for the expert": f"{won} of {EPISODES} episodes"}


def _visit(env: WebShop, task: int) -> int:
    _, info = env.reset(options={"task": task})
    env.step(info["admissible"][0])
    first = next(label for label in env.session.page.labels if label.startswith("g0"))
    rest = [f"click[{first}]", "click[features]", "click[< prev]", "click[buy now]"]
    for action in rest:
        env.step(action)
    assert env.session.done, "the script ends with a purchase"
    return 1 + len(rest)


def _expert(env: WebShop, task: int) -> bool:
    _, info = env.reset(options={"task": task})
    done = False
    while not done:
        _, _, done, _, info = env.step(info["expert"])
    return bool(info["success"])


def _alone(part: Callable[[int, Path], Rows], products: int, place: Path) -> Rows:
    """The part in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(part, products, place).result()


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def _peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f} GB"


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000, next(iter(sys.argv[2:]), None))
