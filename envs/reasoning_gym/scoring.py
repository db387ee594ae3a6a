"""An answer's score, without running the answer.

Some scoring functions of reasoning-gym hand the answer to `eval`, straight or through sympy. What is not a literal, or
a formula of known names, gets 0 before it comes to that; formulas are scored in a sandbox, because a short one can
keep sympy busy for ever.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import Any

import reasoning_gym

from turngym.envs.sandbox import Limits, Sandbox

LITERAL = frozenset({"binary_matrix", "n_queens", "spiral_matrix", "string_insertion"})
"""Tasks that evaluate the answer as Python."""

FORMULA = frozenset(
    {"countdown", "intermediate_integration", "polynomial_multiplication", "puzzle24", "simple_integration"}
)
"""Tasks that evaluate it with sympy."""

LONGEST = 20_000
"""Characters of an answer that are scored; a longer one gets 0."""

_PLAIN = re.compile(r"[\w\s.,:;'\"-]*")
_FORMULA = re.compile(r"(?:\d{1,12}|[A-Za-z]+|[-+*/().,\s=])*")
_SCORE = re.compile(r"\d+(?:\.\d+)?(?:e-\d+)?\s*")
_NAMES = frozenset(
    "sin cos tan exp log ln sqrt pi Abs asin acos atan sinh cosh tanh Integral".split()  # noqa: SIM905
)

_WITHOUT_POWERS = frozenset({"countdown", "puzzle24"})

_PROGRAM = """\
import reasoning_gym
data = reasoning_gym.create_dataset({task!r}, size=1, **{config!r})
print(float(data.score_answer({answer!r}, {entry!r})))
"""


def score(task: str, config: dict[str, Any], data: Any, entry: dict[str, Any], answer: str) -> float:
    """The score of an answer in [0, 1]; 0 for one that the scoring function cannot read or that is not looked at.

    Args:
        task: the name of the task; `config` its settings.
        data: the data set that `entry` is of.
    """
    if not harmless(task, answer):
        return 0.0
    if task in FORMULA:
        told = _jail().run(_PROGRAM.format(task=task, config=config, answer=answer, entry=entry)).output
        given = float(told) if _SCORE.fullmatch(told) else 0.0
    else:
        given = _asked(data, entry, answer)
    return min(max(given, 0.0), 1.0)


def harmless(task: str, answer: str) -> bool:
    """Whether scoring the answer runs no code of its own."""
    if len(answer) > LONGEST:
        return False
    if task in LITERAL:
        return bool(_PLAIN.fullmatch(answer)) or _is_literal(answer)
    if task in FORMULA:
        if task in _WITHOUT_POWERS and "**" in answer:
            return False
        words = re.findall(r"[A-Za-z]+", answer)
        return bool(_FORMULA.fullmatch(answer)) and all(len(word) == 1 or word in _NAMES for word in words)
    return True


def _asked(data: Any, entry: dict[str, Any], answer: str) -> float:
    try:
        return float(data.score_answer(answer, entry))
    except Exception:
        return 0.0


def _is_literal(answer: str) -> bool:
    try:
        ast.literal_eval(answer.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True


@functools.cache
def _jail() -> Sandbox:
    """One for the whole process: no formula leaves anything behind in it."""
    packages = str(Path(reasoning_gym.__file__).parents[1])
    limits = Limits(seconds=20, cpu_seconds=6, memory=4 << 30, processes=64, open_files=256)
    return Sandbox(limits=limits, persistent=True, folders=[packages])
