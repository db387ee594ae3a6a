"""Time credit on one core: `python -m turngym.benchmarks.speed.credit`.

Processor time, in milliseconds, of a table of turns and its advantages, at the size of the published runs (16
groups of 8 episodes of 50 turns, states that are texts of 300 characters, about 40 distinct ones per group) and
at ten times as many groups. The reference code takes 870 ms and 43,800 ms for returns, penalty and HGPO.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Credit
from turngym.credit.anchor import HGPO, GiGPO
from turngym.credit.group import GRPO
from turngym.credit.steps import Steps

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


def measure(groups: int) -> dict[str, float]:
    """Milliseconds for each part, the best of five."""
    batch = [episodes(number) for number in range(groups)]
    steps = Steps.of(batch)
    parts = {"table of turns (texts to numbers)": best(lambda: Steps.of(batch))}
    parts |= {name: best(lambda method=method: method(steps)) for name, method in METHODS.items()}
    parts["table, returns, penalty and HGPO, depth 2"] = best(
        lambda: METHODS["HGPO, depth 2"](Steps.of(batch))
    )
    return parts


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """The least processor time of several runs, in milliseconds."""
    return min(_once(work) for _ in range(repeats))


def episodes(number: int) -> Group:
    """A group of made-up episodes that walk at random over the group's states, every text a string of its own."""
    generator = np.random.default_rng(number)
    task = Task(env="speed", seed=number)
    visits = generator.integers(STATES, size=(MEMBERS, TURNS))
    valid = generator.random((MEMBERS, TURNS)) > 0.1
    won = generator.random(MEMBERS) < 0.5
    trajectories = [
        Trajectory(task=task, member=member, turns=_turns(number, visits[member], valid[member], won[member]))
        for member in range(MEMBERS)
    ]
    return Group(task=task, trajectories=trajectories)


def _turns(group: int, visits: np.ndarray, valid: np.ndarray, won: bool) -> list[Turn]:
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


def _once(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
