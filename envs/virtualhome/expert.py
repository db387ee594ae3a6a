"""The way to the goal that the person took: the rest of the program that wins from here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from turngym.envs.virtualhome.goal import Goal
from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.questions import held, rests
from turngym.envs.virtualhome.rules import execute
from turngym.envs.virtualhome.words import Command


def plan(graph: Graph, goal: Goal, program: Sequence[Command], left: int) -> list[Command]:
    """A rest of the program that reaches the goal from here, without its refused actions; all is tried on copies.

    The rest of `left` commands comes first, then longer ones. Where none wins, they are tried after standing up, after
    dropping what is held, and after both. Empty where even that fails: what a program needs can be spoilt.
    """
    for first in _recoveries(graph):
        for start in range(len(program) - left, -1, -1):
            if steps := _winning(graph.copy(), goal, [*first, *program[start:]]):
                return steps
    return []


def _recoveries(graph: Graph) -> Iterator[list[Command]]:
    stand: list[Command] = [("STANDUP", ())] if rests(graph) else []
    drop: list[Command] = [("DROP", (id,)) for id in held(graph.copy(), "HOLDS_LH", "HOLDS_RH")]
    yield []
    yield from filter(None, (stand, drop))
    if stand and drop:
        yield stand + drop


def _winning(graph: Graph, goal: Goal, commands: Sequence[Command]) -> list[Command]:
    """The commands that are done, up to the one that reaches the goal; none if it is not reached."""
    done = []
    for command in commands:
        if execute(graph, *command):
            done.append(command)
            if goal.reached(graph) == len(goal):
                return done
    return []
