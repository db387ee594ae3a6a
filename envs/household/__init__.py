"""Text households: a pure-Python engine of ALFWorld's rules, equal to the original text for text.

`Problem.parse` reads a game's `pddl_problem`, `World` plays it, `expert.next_command` wins it.
"""

from __future__ import annotations

from turngym.envs.household.problem import Problem, ProblemError
from turngym.envs.household.world import World

__all__ = ["Problem", "ProblemError", "World"]
