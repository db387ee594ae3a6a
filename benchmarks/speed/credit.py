"""Time credit on one core: `python -m turngym.benchmarks.speed.credit`.

Processor time to make the table of turns from episodes, and to turn it into advantages, returns and penalty
included: at the size of the published runs, 16 groups of 8 episodes of 50 turns, and at ten times that.
States are texts of 300 characters, 40 distinct ones in a group. For returns, penalty and HGPO the reference
code took 870 ms and 43,800 ms (one thread of an AMD EPYC).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from rich.console import Console
from rich.table import Table

from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Credit
from turngym.credit.anchor import HGPO, GiGPO
from turngym.credit.group import GRPO
from turngym.credit.steps import Bools, Ints, Steps

METHODS: dict[str, Credit] = {
    "HGPO, depth 2": HGPO(depth=2, penalty=0.1),
    "HGPO, depth 4": HGPO(depth=4, penalty=0.1),
    "GiGPO": GiGPO(penalty=0.1),
    "GRPO": GRPO(penalty=0.1),
}
MEMBERS, TURNS, STATES, LETTERS, RESPONSE = 8, 50, 40, 300, 64
CALL = Call(prompt_ids=[], action_ids=[1] * RESPONSE, logprobs=[0.0] * RESPONSE)


def main() -> None:
    """Print the table."""
    table = Table("milliseconds of processor time", "6,400 turns", "64,000 turns")
    columns = [measure(16), measure(160)]
    for name in columns[0]:
        table.add_row(name, *(f"{column[name]:.1f}" for column in columns))
    Console().print(table)


def measure(groups: int, repeats: int = 5) -> dict[str, float]:
    """Milliseconds for each part, the least of several runs."""
    runs = [run(groups) for _ in range(repeats)]
    return {part: min(each[part] for each in runs) for part in runs[0]}


def run(groups: int) -> dict[str, float]:
    """One run over fresh episodes: Python keeps the hash of a text that it has seen before."""
    batch = [episodes(number) for number in range(groups)]
    parts = {"table of turns, texts to numbers": milliseconds(lambda: Steps.of(batch))}
    steps = Steps.of(batch)
    for name, method in METHODS.items():
        parts[name] = milliseconds(partial(method, steps))
    whole = parts["table of turns, texts to numbers"] + parts["HGPO, depth 2"]
    return parts | {"table and HGPO, depth 2": whole}


def milliseconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


def episodes(number: int) -> Group:
    """A group of made-up episodes that walk at random over its states; every text is a string of its own."""
    generator = np.random.default_rng(number)
    task = Task(env="speed", seed=number)
    visits = generator.integers(STATES, size=(MEMBERS, TURNS))
    valid = generator.random((MEMBERS, TURNS)) > 0.1
    won = generator.random(MEMBERS) < 0.5
    played = [_turns(number, *each) for each in zip(visits, valid, won, strict=True)]
    trajectories = [Trajectory(task=task, member=i, turns=turns) for i, turns in enumerate(played)]
    return Group(task=task, trajectories=trajectories)


def _turns(group: int, visits: Ints, valid: Bools, won: bool) -> list[Turn]:
    turns = [
        Turn(obs=_text(group, state), action="look", reward=0.0, valid=bool(ok), calls=[CALL])
        for state, ok in zip(visits, valid, strict=True)
    ]
    turns[-1].reward = 10.0 * won
    return turns


def _text(group: int, state: int) -> str:
    return f"In group {group} you are in room {state}. You see a shelf, a drawer and a lamp. ".ljust(
        LETTERS, "."
    )


if __name__ == "__main__":
    main()
