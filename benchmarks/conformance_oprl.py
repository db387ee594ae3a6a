"""Recompute recorded losses, rewards and advantages of OPRL / iStar with our code.

A case holds the turns of one batch with the log-probabilities of their tokens under reward model and old policy, and
what the released functions (`ref`) and a reading of the paper's equations (`paper`) make of them. Under `ref` what
runs per device saw `shards` equal parts of the rows, and copies of a row count again; under `paper` copies count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from turngym.benchmarks.agreement import Row
from turngym.credit.implicit_reward import advantages, episode_scores, step_rewards
from turngym.credit.preference import cross_entropy, dpo, pairs
from turngym.credit.shape import invalid_penalty
from turngym.credit.steps import Bools, Floats, Ints, Steps
from turngym.credit.toolbox import code, position

Case = Mapping[str, Any]
Outputs = dict[str, Any]
BETA = 0.05
PENALTY = float(np.float32(0.1))
RELEASED: dict[str, Any] = {"form": "rloo", "scale": False, "statistics": "first_rows", "lone": "keep"}
"""The release's defaults as switches of ours."""
NOT_CREDIT = ("policy_loss_token_mean",)
"""Recorded outputs of the policy's update, which is a trainer's and no part of credit."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The rows of a batch as arrays: N turns, T tokens, M episodes."""

    steps: Steps
    ratio: Floats  # [T] beta times the log-ratio
    row: Ints  # [T]
    outcome: Floats  # [N] the return of the turn's episode

    @property
    def first(self) -> Bools:
        """[N] the first turn of each episode in the order of the batch."""
        return np.asarray(position(self.steps.traj) == 0)

    def rewards(self, **options: Any) -> Floats:
        """Step rewards. [N]"""
        return step_rewards(self.ratio, self.row, len(self.steps), **options)


def check_oprl(cases: Iterable[Case]) -> list[Row]:
    """One row per block and kind of output, in the order in which the kinds first appear."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    for case in cases:
        for block, ours in (("paper", of_paper(case)), ("ref", of_release(case))):
            for kind, recorded in case[block].items():
                if kind not in NOT_CREDIT:
                    error = _error(ours[kind], recorded)
                    found.setdefault(f"{block} {kind}", []).append((error, case["tol"], case["name"]))
    return [_row(kind, errors) for kind, errors in found.items()]


def of_paper(case: Case) -> Outputs:
    """What the paper's equations give: summed episodes, all pairs, statistics over all steps."""
    rows, copy_of = _once(case["rows"])
    tokens = batch(rows)
    threshold = 6.0 if case["kind"] == "graded" else 0.0
    reward, every = tokens.rewards(), np.ones(len(rows), dtype=np.bool_)
    loss, count = _preference(tokens, threshold, mean=False)
    nothing = np.zeros(len(rows))
    apart: dict[str, Any] = {"form": "rloo", "scale": False}
    turns = {
        "step_reward": reward,
        "AE": advantages(tokens.steps, nothing, every),
        "AS": advantages(tokens.steps, reward, every, combine="process"),
        "A": advantages(tokens.steps, reward, every),
        "AE_leave_one_out": advantages(tokens.steps, nothing, every, **apart),
        "AS_leave_one_out": advantages(tokens.steps, reward, every, combine="process", **apart),
    }
    whole = {"threshold": threshold, "n_pairs": count, "dpo_loss": loss}
    return whole | {name: values[copy_of] for name, values in turns.items()}


def of_release(case: Case) -> Outputs:
    """What the released functions give, device by device where they run so."""
    tokens = batch(case["rows"])
    shards = [batch(part) for part in _parts(case["rows"], case["shards"])]
    losses = [_preference(shard, 0.0, mean=True)[0] for shard in shards]
    raw = tokens.rewards()
    label = np.clip(tokens.outcome / 10, 0, 1)
    return {
        "raw_step_reward": raw,
        "step_reward": np.concatenate([shard.rewards(norm="max_abs") for shard in shards]),
        "step_reward_token_granularity": np.concatenate(
            [shard.rewards(norm="max_abs", granularity="token") for shard in shards]
        ),
        "dpo_loss_per_shard": losses,
        "dpo_loss": float(np.mean(losses)),
        "dloss_dq_per_shard": np.concatenate([_slope(shard) for shard in shards]),
        "prime_ce_loss": _bounded_cross_entropy(raw, label),
    } | _released_advantages(tokens, shards)


def _released_advantages(tokens: Tokens, shards: Sequence[Tokens]) -> Outputs:
    steps = invalid_penalty(tokens.steps, PENALTY)
    reward = np.concatenate([shard.rewards(norm="max_abs") for shard in shards])
    every = np.ones(len(reward), dtype=np.bool_)

    def given(x: Floats, **options: Any) -> Floats:
        return advantages(steps, x, every, **{**RELEASED, **options})

    deviating: dict[str, Any] = {"form": "grpo", "scale": True}
    return {
        "row_outcome": steps.score(),
        "AE_rloo": given(np.zeros_like(reward)),
        "AS_rloo": given(reward, combine="process"),
        "A_rloo": given(reward),
        "A_rloo_w0.3": given(reward, alpha=0.3),
        "A_rloo_process_only": given(reward, combine="process"),
        "A_merged": given(reward, combine="merged"),
        "A_grpo_mean": given(reward, form="grpo"),
        "AS_grpo_mean_std": given(reward, combine="process", **deviating),
        "A_grpo_mean_std": given(reward, **deviating),
        "A_rfpp_baseline": given(reward, form="reinforce_pp_baseline"),
    }


def batch(rows: Sequence[Mapping[str, Any]]) -> Tokens:
    """Rows in the order of the batch; an episode's return stands at the first of its rows."""
    group = code(_names(row["uid"] for row in rows))
    traj = code(group, _names(row["traj"] for row in rows))
    outcome = np.array([row["outcome"] for row in rows], dtype=np.float64)
    sizes = np.array([len(row["prm"]) for row in rows], dtype=np.int64)
    numbers = [np.array([token for row in rows for token in row[side]]) for side in ("prm", "old")]
    steps = Steps(
        group=group,
        traj=traj,
        t=np.array([row["step"] for row in rows], dtype=np.int64),
        reward=np.where(position(traj) == 0, outcome, 0.0),
        state=np.zeros(len(rows), dtype=np.int64),
        valid=np.array([not row["invalid"] for row in rows]),
        tokens=sizes,
        bootstrap=np.zeros(len(rows), dtype=np.bool_),
    )
    ratio = BETA * (numbers[0] - numbers[1])
    return Tokens(steps=steps, ratio=ratio, row=np.repeat(np.arange(len(rows)), sizes), outcome=outcome)


def _preference(tokens: Tokens, threshold: float, *, mean: bool) -> tuple[float, int]:
    """The loss, 0 without pairs, and the number of pairs."""
    judged = _judged(tokens, threshold, mean=mean)
    return judged.loss, judged.count


def _judged(tokens: Tokens, threshold: float, *, mean: bool) -> Any:
    steps, first = tokens.steps, tokens.first
    order = np.argsort(steps.traj[first])
    group, outcome = steps.group[first][order], tokens.outcome[first][order]  # [M]
    known, better = np.ones(len(group), dtype=np.bool_), outcome > threshold
    score = episode_scores(tokens.rewards(), steps.traj, mean=mean)
    return dpo(score, group, better, known, len(pairs(group, better, known)[0]))


def _slope(tokens: Tokens) -> Floats:
    """The derivative of the loss by the log-ratio of any token of each turn. [N]"""
    traj = tokens.steps.traj
    return np.asarray(BETA * (_judged(tokens, 0.0, mean=True).gradient / np.bincount(traj))[traj])


def _bounded_cross_entropy(score: Floats, label: Floats) -> float:
    """Our cross-entropy as torch bounds it: no logarithm counts below -100, and 1 - sigmoid is rounded first."""
    yes, no = (np.array([_single(x, target) for x in score]) for target in (1.0, 0.0))
    with np.errstate(divide="ignore"):
        rounded = -np.log(1 - 1 / (1 + np.exp(-np.maximum(score, 0))))
    no = np.where(score > 15, rounded, no)
    return float(np.mean(label * np.minimum(yes, 100.0) + (1 - label) * np.minimum(no, 100.0)))


def _single(score: float, label: float) -> float:
    return cross_entropy(np.array([score]), np.array([label]), np.array([True]), 1).loss


def _names(names: Iterable[str]) -> Ints:
    return np.unique(list(names), return_inverse=True)[1].astype(np.int64)


def _once(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[int]]:
    """The rows without copies, and for every row which of these it is."""
    numbers: dict[tuple[str, str, int], int] = {}
    copy_of = [numbers.setdefault((row["uid"], row["traj"], row["step"]), len(numbers)) for row in rows]
    return [rows[copy_of.index(number)] for number in range(len(numbers))], copy_of


def _parts(rows: Sequence[Any], shards: int) -> list[Sequence[Any]]:
    edges = [len(rows) * shard // shards for shard in range(shards + 1)]
    return [rows[start:end] for start, end in pairwise(edges)]


def _error(ours: npt.ArrayLike, recorded: Any) -> float:
    """The largest |ours - recorded| / max(1, |recorded|).

    Where the release overflows ("inf", "nan") or raises, ours has to be finite.
    """
    mine = np.atleast_1d(np.asarray(ours, dtype=np.float64))
    theirs = recorded if isinstance(recorded, list) else [recorded]
    if not np.isfinite(mine).all():
        return float("inf")
    if any(isinstance(value, str) and value.startswith("ValueError") for value in theirs):
        return 0.0
    expected = np.array([float(value) for value in theirs])
    if mine.shape != expected.shape:
        return float("inf")
    there = np.isfinite(expected)
    difference = np.abs(mine - expected)[there] / np.maximum(1, np.abs(expected[there]))
    return float(difference.max(initial=0.0))


def _row(kind: str, errors: Sequence[tuple[float, float, str]]) -> Row:
    missed = [name for error, tolerance, name in errors if not error <= tolerance]
    return Row(
        kind=kind,
        cases=len(errors),
        largest_relative_error=max(error for error, _, _ in errors),
        mismatches=len(missed),
        example=missed[0] if missed else "",
    )
