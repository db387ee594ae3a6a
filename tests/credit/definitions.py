"""Credit as its equations say it, in plain loops over rows: slow, and easy to check against the papers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from turngym.credit.steps import Steps


@dataclass(frozen=True, kw_only=True)
class Row:
    """One turn."""

    group: int
    traj: int
    state: int
    reward: float = 0.0
    valid: bool = True
    tokens: int = 1
    bootstrap: bool = False
    value: float = 0.0
    final_value: float = 0.0


def table(rows: Sequence[Row]) -> Steps:
    """The same turns as the arrays that credit reads."""

    def column(name: str, kind: type) -> np.ndarray:
        return np.array([getattr(row, name) for row in rows], dtype=kind)

    return Steps(
        group=column("group", np.int64),
        traj=column("traj", np.int64),
        t=np.array([len(past(rows, n)) for n in range(len(rows))], dtype=np.int64),
        reward=column("reward", np.float64),
        state=column("state", np.int64),
        valid=column("valid", np.bool_),
        tokens=column("tokens", np.int64),
        bootstrap=column("bootstrap", np.bool_),
        value=column("value", np.float64),
        final_value=column("final_value", np.float64),
        texts=tuple(f"state {row.state}" for row in rows),
    )


def past(rows: Sequence[Row], n: int) -> list[int]:
    return [m for m in range(n) if rows[m].traj == rows[n].traj]


def future(rows: Sequence[Row], n: int) -> list[int]:
    return [m for m in range(n, len(rows)) if rows[m].traj == rows[n].traj]


def returns(rows: Sequence[Row], gamma: float, penalty: float) -> list[float]:
    totals = []
    for n, row in enumerate(rows):
        ahead = sum(gamma**k * rows[m].reward for k, m in enumerate(future(rows, n)))
        totals.append(ahead - penalty * (not row.valid))
    return totals


def scores(rows: Sequence[Row], penalty: float) -> list[float]:
    totals = []
    for row in rows:
        episode = sum(other.reward for other in rows if other.traj == row.traj)
        totals.append(episode - penalty * (not row.valid))
    return totals


def centered(x: float, bucket: Sequence[float], spread: Callable[[Sequence[float]], float]) -> float:
    """`x` relative to its bucket, with the zero-variance rule in its two clauses."""
    largest, mean = max(map(abs, bucket)), sum(bucket) / len(bucket)
    flat = max(bucket) - min(bucket) <= 4e-7 * largest
    if flat or abs(x - mean) <= 4e-7 * largest:
        return 0.0
    return (x - mean) / spread(bucket)


def by_sample_std(bucket: Sequence[float]) -> float:
    mean = sum(bucket) / len(bucket)
    return math.sqrt(sum((x - mean) ** 2 for x in bucket) / (len(bucket) - 1)) + 1e-6


def by_population_std(bucket: Sequence[float]) -> float:
    mean = sum(bucket) / len(bucket)
    return math.sqrt(sum((x - mean) ** 2 for x in bucket) / len(bucket)) + 1e-6


def by_nothing(_: Sequence[float]) -> float:
    return 1.0


def grpo(rows: Sequence[Row], *, scale: bool, cross_steps: bool, penalty: float) -> list[float]:
    score = scores(rows, penalty)
    answers = []
    for n, row in enumerate(rows):
        members = [m for m, other in enumerate(rows) if other.group == row.group]
        bucket = [score[m] for m in members if cross_steps or not past(rows, m)]
        if len(bucket) == 1:
            answers.append(score[n])
        else:
            answers.append(centered(score[n], bucket, by_sample_std if scale else by_nothing))
    return answers


def rloo(rows: Sequence[Row], *, penalty: float) -> list[float]:
    score = scores(rows, penalty)
    answers = []
    for n, row in enumerate(rows):
        others = [score[m] for m, other in enumerate(rows) if other.group == row.group and m != n]
        answers.append(score[n] - sum(others) / len(others) if others else score[n])
    return answers


def gigpo(rows: Sequence[Row], *, gamma: float, weight: float, scale: bool, penalty: float) -> list[float]:
    episode = grpo(rows, scale=scale, cross_steps=True, penalty=penalty)
    turn = returns(rows, gamma, penalty)
    answers = []
    for n, row in enumerate(rows):
        bucket = [
            turn[m] for m, other in enumerate(rows) if (other.group, other.state) == (row.group, row.state)
        ]
        local = centered(turn[n], bucket, by_sample_std if scale else by_nothing) if len(bucket) > 1 else 0.0
        answers.append(episode[n] + weight * local)
    return answers


def last_states(rows: Sequence[Row], n: int, k: int) -> tuple[int, ...] | None:
    """The state of row n and the k states before it, or `None` where there are not as many."""
    path = [*past(rows, n), n]
    return tuple(rows[m].state for m in path[-k - 1 :]) if len(path) > k else None


def hgpo(
    rows: Sequence[Row],
    *,
    depth: int,
    alpha: float,
    gamma: float,
    scale: bool,
    base: bool,
    variant: str,
    penalty: float,
) -> list[float]:
    turn = returns(rows, gamma, penalty)
    episode = grpo(rows, scale=scale, cross_steps=True, penalty=penalty)
    answers = []
    for n, row in enumerate(rows):
        levels = [(1.0, episode[n])] if base else []
        for k in range(depth + 1):
            mine = last_states(rows, n, k)
            bucket = [
                turn[m]
                for m, other in enumerate(rows)
                if other.group == row.group and mine is not None and last_states(rows, m, k) == mine
            ]
            if len(bucket) > 1:
                length = k + 2 if variant == "released" else k + 1
                advantage = centered(turn[n], bucket, by_population_std if scale else by_nothing)
                levels.append((length**alpha, advantage))
        if variant == "released":
            levels = [(weight, advantage) for weight, advantage in levels if advantage != 0]
        total = sum(weight for weight, _ in levels) + 1e-6
        answers.append(sum(weight / total * advantage for weight, advantage in levels))
    return answers


def whitened(x: Sequence[float]) -> list[float]:
    mean = sum(x) / len(x)
    variance = sum((value - mean) ** 2 for value in x) / (len(x) - 1)
    return [(value - mean) / math.sqrt(variance + 1e-8) for value in x]


def reinforce_pp(rows: Sequence[Row], *, token_gamma: float, penalty: float) -> list[float]:
    score = scores(rows, penalty)
    tokens = []
    for n, row in enumerate(rows):
        tokens += [score[n] * token_gamma ** (row.tokens - 1 - j) for j in range(row.tokens)]
    return whitened(tokens)


def reinforce_pp_baseline(rows: Sequence[Row], *, penalty: float) -> list[float]:
    """One number per token; a method that answers per turn repeats its own."""
    centered = grpo(rows, scale=False, cross_steps=True, penalty=penalty)
    return whitened([centered[n] for n, row in enumerate(rows) for _ in range(row.tokens)])


def gae(rows: Sequence[Row], *, gamma: float, lam: float, penalty: float) -> list[float]:
    """The sum of discounted surprises, turn by turn."""
    answers = []
    for n in range(len(rows)):
        total = 0.0
        for k, m in enumerate(future(rows, n)):
            rest = future(rows, m)[1:]
            ending = rows[m].final_value if rows[m].bootstrap else 0.0
            upcoming = rows[rest[0]].value if rest else ending
            reward = rows[m].reward - penalty * (not rows[m].valid)
            total += (gamma * lam) ** k * (reward + gamma * upcoming - rows[m].value)
        answers.append(total)
    return answers
