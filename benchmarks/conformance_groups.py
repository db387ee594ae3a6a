"""Recompute recorded advantages of group-based credit with our code.

A case holds the turns of one batch, row by row (`group`, `traj`, `obs`, `reward`, `invalid`, `tokens`), its
`gamma` and `penalty`, and under `out` what a reference answered: the estimator, its settings, and `adv`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from turngym.benchmarks.agreement import TOLERANCE, Row
from turngym.credit import Credit
from turngym.credit.anchor import HGPO, GiGPO
from turngym.credit.group import GRPO, RLOO
from turngym.credit.reinforce import ReinforcePP, ReinforcePPBaseline
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Floats, Ints, Steps, number
from turngym.credit.toolbox import code

Case = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CopiedSteps(Steps):
    """A table whose last rows repeat others, copied after the returns were known, as GiGPO's trainer does."""

    original: Steps
    rows: Ints  # [N] which row of the original each row repeats

    def score(self) -> Floats:
        return np.asarray(self.original.score()[self.rows] - self.penalty)

    def returns(self, gamma: float) -> Floats:
        return np.asarray(self.original.returns(gamma)[self.rows] - self.penalty)


def check_groups(cases: Iterable[Case]) -> list[Row]:
    """One row per kind of output, in the order in which the kinds first appear."""
    errors: dict[str, list[float]] = {}
    for case in cases:
        for kind, error in _errors(case):
            errors.setdefault(kind, []).append(error)
    return [_row(kind, found) for kind, found in errors.items()]


def method(out: Mapping[str, Any], case: Case) -> Credit:
    """Our credit method with the settings of one recorded output."""
    penalty, scale = case["penalty"], out.get("mode") == "mean_std_norm"
    match out["est"]:
        case "grpo":
            return GRPO(scale=out["std"], cross_steps=out["cross_steps"], penalty=penalty)
        case "rloo":
            return RLOO(cross_steps=out["cross_steps"], penalty=penalty)
        case "reinforce_pp":
            return ReinforcePP(token_gamma=out["token_gamma"], penalty=penalty)
        case "reinforce_pp_baseline":
            return ReinforcePPBaseline(penalty=penalty)
        case "gigpo":
            settings = {"weight": out["w"], "similarity": out.get("similarity")}
            return GiGPO(gamma=case["gamma"], scale=scale, penalty=penalty, **settings)
        case "hgpo":
            settings = {"depth": out["K"], "alpha": out["alpha"], "base": out["base"]}
            return HGPO(gamma=case["gamma"], scale=scale, penalty=penalty, **settings)
        case unknown:
            raise ValueError(f"output {unknown!r} is of no kind known here; update turngym or remove it")


def table(case: Case) -> Steps:
    """The turns of a case, copies included."""
    states = [case["text"][state] for state in case["obs"]] if "text" in case else case["obs"]
    traj = code(np.array(case["group"]), np.array(case["traj"]))
    steps = Steps(
        group=code(np.array(case["group"])),
        traj=traj,
        t=np.zeros_like(traj),
        reward=np.array(case["reward"], dtype=np.float64),
        state=code(np.array(case["obs"])),
        valid=~np.array(case["invalid"], dtype=np.bool_),
        tokens=np.array(case["tokens"], dtype=np.int64),
        bootstrap=np.zeros(len(traj), dtype=np.bool_),
        texts=tuple(states),
    )
    return _with_copies(steps, case["copied"]) if case.get("copied") else steps


def _row(kind: str, errors: list[float]) -> Row:
    missed = sum(error > TOLERANCE for error in errors)
    return Row(kind=kind, cases=len(errors), largest_relative_error=max(errors), mismatches=missed)


def _with_copies(steps: Steps, copied: Sequence[int]) -> CopiedSteps:
    rows = np.append(np.arange(len(steps)), np.array(copied, dtype=np.int64))
    columns = ("group", "traj", "t", "reward", "state", "valid", "tokens", "bootstrap")
    repeated = {name: getattr(steps, name)[rows] for name in columns}
    texts = tuple(steps.texts[row] for row in rows)
    return CopiedSteps(original=steps, rows=rows, texts=texts, **repeated)


def _errors(case: Case) -> Iterable[tuple[str, float]]:
    steps = table(case)
    charged = invalid_penalty(steps, case["penalty"])
    recorded = len(case["return"])
    yield "return", _error(steps.returns(case["gamma"])[:recorded], case["return"])
    yield "step_reward", _error(charged.returns(case["gamma"]), case["step_reward"])
    yield "score", _error(charged.score(), case["score"])
    for out in case["out"]:
        credit = method(out, case)
        kind = out["est"] + (" by similarity" if "similarity" in out else "")
        yield kind, _error(credit(steps).advantages, _expected(out))
        if isinstance(credit, GiGPO) and "bucket" in out:
            yield "similarity bucket", _error(_relabel(credit.anchor(steps)), _relabel(out["bucket"]))


def _expected(out: Mapping[str, Any]) -> Floats:
    """The recorded numbers, with exact ones where the reference's are rounding noise."""
    expected = np.array(out["adv"], dtype=np.float64)
    for row, value in out.get("float32_noise", ()):
        expected[row] = value
    return expected


def _error(ours: Floats, theirs: npt.ArrayLike) -> float:
    expected = np.asarray(theirs, dtype=np.float64)
    if ours.shape != expected.shape or not np.isfinite(ours).all():
        return float("inf")
    return float(np.max(np.abs(ours - expected) / np.maximum(1, np.abs(expected)), initial=0.0))


def _relabel(bucket: npt.ArrayLike) -> Floats:
    """The same buckets, numbered by first appearance."""
    return number(np.asarray(bucket).tolist()).astype(np.float64)
