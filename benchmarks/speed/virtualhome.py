"""Time VirtualHome's engines side by side: `python -m turngym.benchmarks.speed.virtualhome`.

Processor time of the same walks through the same flats: the person's program, then random actions that can be done.
Needs the extra `virtualhome`. Two tables: the bare engines, and environments with everything that they tell (text,
admissible actions, fingerprint, score), against a plain wrapper that writes out the simulator's graph for each
observation and each check of the goal. The last line is the memory of many environments at once.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from turngym.envs.virtualhome.engine import Engine, Fast
from turngym.envs.virtualhome.env import VirtualHome
from turngym.envs.virtualhome.glance import Glance
from turngym.envs.virtualhome.original import Original
from turngym.envs.virtualhome.splits import SPLITS
from turngym.envs.virtualhome.tasks import Task, load
from turngym.envs.virtualhome.words import Command

SPLIT = "train"


class Cost(NamedTuple):
    """Mean processor time in milliseconds."""

    reset: float
    step: float


class Plain:
    """The simulator as one would wrap it first: nothing kept between steps but its state."""

    def __init__(self, task: Task) -> None:
        self.task, self.flat = task, Original(task.home)

    def step(self, command: Command) -> tuple[str, bool]:
        """Do an action; what is close, and whether the goal is reached."""
        self.flat.execute(*command)
        return self.observation(), self.done()

    def observation(self) -> str:
        """The states of close things, and what is on and in them."""
        graph, me = self.flat.state.to_dict(), self.task.home.character
        names = {node["id"]: node["class_name"] for node in graph["nodes"]}
        close = {
            edge["to_id"]
            for edge in graph["edges"]
            if edge["relation_type"] == "CLOSE" and edge["from_id"] == me
        }
        facts = [
            f"{node['class_name']} is {node['states']}" for node in graph["nodes"] if node["id"] in close
        ]
        facts += [
            f"{names[edge['from_id']]} {edge['relation_type']} {names[edge['to_id']]}"
            for edge in graph["edges"]
            if edge["relation_type"] in ("ON", "INSIDE") and edge["to_id"] in close
        ]
        return ", ".join(sorted(facts))

    def done(self) -> bool:
        """Whether all that has to be so is so."""
        graph, goal = self.flat.state.to_dict(), self.task.goal
        states = {node["id"]: frozenset(node["states"]) for node in graph["nodes"]}
        edges = {(edge["from_id"], edge["relation_type"], edge["to_id"]) for edge in graph["edges"]}
        return (
            all(states[id] == wanted for id, wanted in goal.states)
            and edges.issuperset(goal.come)
            and edges.isdisjoint(goal.gone)
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=12, help="tasks, evenly spread over the split")
    parser.add_argument("--steps", type=int, default=40, help="steps a task")
    parser.add_argument("--many", type=int, default=128, help="environments at once")
    options = parser.parse_args()
    tasks = [load(id) for id in SPLITS[SPLIT][:: len(SPLITS[SPLIT]) // options.tasks]]
    walks = [walk(task, options.steps) for task in tasks]
    console = Console()
    bare = {
        "our rules": timed(tasks, walks, lambda task: Fast(task.home), do),
        "simulator": timed(tasks, walks, lambda task: Original(task.home), do),
    }
    console.print(table("the engine alone", bare))
    whole = {
        "fast": timed(tasks, walks, environment("fast"), say),
        "original": timed(tasks, walks, environment("original"), say),
        "plain wrapper": timed(tasks, walks, Plain, lambda plain, task, command: plain.step(command)),
    }
    console.print(table("with all that an environment tells", whole))
    console.print(crowd(options.many))


def walk(task: Task, steps: int) -> list[Command]:
    """The program without its end, where an episode would stop, and random actions that do not end it either."""
    flat, draw, commands = Fast(task.home), random.Random(task.id), []
    for command in [*task.program, *[None] * steps]:
        chosen = command or task.names.understand(
            draw.choice(task.options.listed(Glance(flat.graph), task.names.told))
        )
        ahead = Fast(task.home)
        ahead.graph = flat.graph.copy()
        if chosen and ahead.execute(*chosen) and task.goal.reached(ahead.graph) < len(task.goal):
            flat.execute(*chosen)
            commands.append(chosen)
    return commands[:steps]


def do(flat: Engine, task: Task, command: Command) -> None:
    """A step of a bare engine."""
    flat.execute(*command)


def say(env: VirtualHome, task: Task, command: Command) -> None:
    """A step of an environment."""
    env.step(task.names.say(*command))


def environment(engine: str) -> Callable[[Task], VirtualHome]:
    """What resets an environment to a task."""
    env = VirtualHome(split=SPLIT, engine=engine)

    def start(task: Task) -> VirtualHome:
        env.reset(options={"task": task.id})
        return env

    return start


def timed(
    tasks: Iterable[Task],
    walks: Iterable[list[Command]],
    start: Callable[[Task], Any],
    step: Callable[[Any, Task, Command], Any],
) -> Cost:
    """Start each task, after once to warm up, and walk."""
    resets, steps, count, number = 0.0, 0.0, 0, 0
    for task, commands in zip(tasks, walks, strict=True):
        start(task)
        begun = time.process_time()
        playing = start(task)
        started = time.process_time()
        for command in commands:
            step(playing, task, command)
        steps += time.process_time() - started
        resets += started - begun
        count, number = count + len(commands), number + 1
    return Cost(1000 * resets / number, 1000 * steps / count)


def table(title: str, costs: dict[str, Cost]) -> Table:
    """A row for each way, the fastest first."""
    shown = Table("", "reset, ms", "step, ms", "steps a second", "times the first", title=title)
    first = next(iter(costs.values()))
    for name, cost in costs.items():
        ratio = cost.step / first.step
        shown.add_row(
            name, f"{cost.reset:.2f}", f"{cost.step:.3f}", f"{1000 / cost.step:,.0f}", f"{ratio:.1f}"
        )
    return shown


def crowd(number: int) -> str:
    """So many environments at once, each in the middle of a task of its own."""
    before = _peak()
    crowd = [VirtualHome(split=SPLIT) for _ in range(number)]
    begun = time.process_time()
    for seed, env in enumerate(crowd):
        info = env.reset(options={"task": seed % len(SPLITS[SPLIT])})[1]
        for _ in range(5):
            info = env.step(info["admissible"][-1])[4] if info["admissible"] else info
    taken = time.process_time() - begun
    return f"{number} environments at once: {taken:.1f} s to start, {_peak() - before} MB more, {_peak()} MB in all"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


if __name__ == "__main__":
    main()
