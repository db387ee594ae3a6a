"""Time the viewer on 10,000 episodes: `python -m turngym.benchmarks.speed.viewer [RUN]`.

Without a RUN, made-up episodes of twelve turns are written to a temporary folder, once as training leaves them
and once compressed with tokens and prompts as a result has them. Told is the processor time to index, and the median of
each answer that a page asks for.
"""

from __future__ import annotations

import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from turngym.benchmarks.viewer.library import Library

EPISODES, DISTINCT, MEMBERS, TURNS = 10_000, 100, 8, 12
REPLY, PROMPT = 20, 40
"""Tokens of a reply, and those that a prompt grows by with each turn."""
METHODS = ["grpo", "gigpo", "hgpo"]


def main(runs: list[Path]) -> None:
    """Print the table: a column a run."""
    with tempfile.TemporaryDirectory() as folder:
        runs = runs or [written(Path(folder) / "episodes.jsonl"), written(Path(folder) / "traces.jsonl.gz")]
        table = Table("milliseconds", *(f"{run.name}, {run.stat().st_size / 1e6:.0f} MB" for run in runs))
        columns = [measure(run) for run in runs]
    for question in columns[0]:
        table.add_row(question, *(f"{column[question]:.1f}" for column in columns))
    Console().print(table)


def measure(run: Path) -> dict[str, float]:
    """Milliseconds for each question."""
    start = time.process_time()
    library = Library([run])
    indexed = time.process_time() - start
    count = library.rows(0)["stored"]
    numbers = random.Random(0).sample(range(count), min(20, count))
    questions: dict[str, Callable[[int], Any]] = {
        "an episode": lambda n: library.episode(0, n),
        "its group": lambda n: library.group(0, n),
        f"credit of {len(METHODS)} methods": lambda n: library.credit(0, n, METHODS),
    }
    return {
        f"index of {count:,} episodes": 1000 * indexed,
        "the list, all its rows": median(lambda _: library.rows(0), [0] * 5),
        "the list, nothing new": median(lambda _: library.rows(0, after=count), [0] * 20),
        **{name: median(question, numbers) for name, question in questions.items()},
        "a search of all texts": median(lambda _: library.search(0, "brass lamp"), [0]),
    }


def median(question: Callable[[int], Any], numbers: list[int]) -> float:
    """Milliseconds to answer and to write the answer in JSON."""
    return statistics.median(_milliseconds(question, number) for number in numbers)


def _milliseconds(question: Callable[[int], Any], number: int) -> float:
    start = time.process_time()
    json.dumps(question(number))
    return 1000 * (time.process_time() - start)


def written(path: Path) -> Path:
    """A file of made-up episodes, with tokens and prompts where it is compressed."""
    chance, whole = random.Random(0), path.suffix == ".gz"
    bodies = [json.dumps(_body(chance, tokens=whole)) for _ in range(DISTINCT)]
    with gzip.open(path, "wt", compresslevel=1) if whole else path.open("w") as file:
        for number in range(EPISODES):
            head = f'{{"seed": {number // MEMBERS}, "member": {number % MEMBERS}, '
            file.write(head + bodies[number % DISTINCT][1:] + "\n")
    return path


def _body(chance: random.Random, *, tokens: bool) -> dict[str, Any]:
    """An episode but for its task's seed and its member."""
    won = chance.random() < 0.5
    turns = list(_turns(chance, won, tokens))
    return {
        "env": "made-up",
        "options": {},
        "status": "done" if won else "turn_limit",
        "success": won,
        "error": None,
        "final_obs": "The end.",
        "turns": turns,
    }


def _turns(chance: random.Random, won: bool, tokens: bool) -> Iterator[dict[str, Any]]:
    for t in range(TURNS):
        room, last = chance.randrange(20), t == TURNS - 1
        yield {
            "obs": f"You are in room {room}. You see a shelf, a drawer, a lamp and {chance.choice(THINGS)}. "
            * 2,
            "action": f"go to room {room}",
            "reward": float(won and last),
            "terminated": won and last,
            "truncated": False,
            "valid": chance.random() < 0.9,
            "state": f"room {room}",
            **({"calls": [_call(chance, t)], "admissible": ADMISSIBLE} if tokens else {}),
        }


def _call(chance: random.Random, t: int) -> dict[str, Any]:
    start = chance.randrange(len(IDS) // 2)
    ids = IDS[start : start + REPLY]
    return {
        "prompt_ids": IDS[: PROMPT * (t + 1)],
        "action_ids": ids,
        "logprobs": [-1 / each for each in ids],
        "stop": "stop",
        "version": 0,
        "prompt": "word " * PROMPT * (t + 1),
        "pieces": [f"word{each} " for each in ids],
    }


THINGS = ["a book", "a brass lamp", "a mug", "nothing else"]
IDS = random.Random(1).sample(range(1, 50_000), 2 * PROMPT * TURNS)
ADMISSIBLE = [f"go to room {n}" for n in range(20)]

if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
