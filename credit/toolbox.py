"""What every credit method is made of: arrays in, arrays out, one number per row."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Std = Literal["sample", "population"]

EPSILON = 1e-6
"""Added to every standard deviation that divides, as in the published code of GRPO, GiGPO and HGPO."""

FLAT = 4e-7
"""Deviations below this share of a bucket's largest value are rounding noise of single precision."""


def code(*columns: Ints) -> Ints:
    """One number per row, from 0, equal exactly where the rows agree in every column. [N]"""
    key = _dense(columns[0])
    for column in columns[1:]:
        other = _dense(column)
        key = _dense(key * (1 + other.max(initial=0)) + other)
    return key


def size(key: Ints, among: Bools | None = None) -> Ints:
    """How many rows share each row's key, counting only rows in `among`. [N]"""
    counted = key if among is None else key[among]
    return np.bincount(counted, minlength=key.max(initial=-1) + 1)[key]


def center(x: Floats, key: Ints, *, std: Std | None = None, among: Bools | None = None) -> Floats:
    """Each value minus the mean of its bucket, over the bucket's standard deviation if `std` asks for it. [N]

    A bucket is the rows of equal `key`, numbered from 0 as `code` does; only its rows in `among` enter the
    statistics. A value within rounding noise (`FLAT`) of its bucket's mean gives exactly 0, and so does every
    value of a bucket of equals: over a deviation near zero, noise would pass for an advantage of up to 0.66.
    """
    weight = np.ones_like(x) if among is None else among.astype(np.float64)
    count = np.bincount(key, weight)
    mean = np.bincount(key, weight * x) / np.maximum(count, 1)
    deviation = x - mean[key]
    noise = np.abs(deviation) <= FLAT * _largest(np.abs(x), key)[key]
    centered = np.where(noise, 0.0, deviation)
    if std is None:
        return centered
    freedom = count - 1 if std == "sample" else count
    variance = np.bincount(key, weight * deviation**2) / np.maximum(freedom, 1)
    return np.asarray(centered / (np.sqrt(variance)[key] + EPSILON), dtype=np.float64)


def discount(x: Floats, traj: Ints, gamma: float) -> Floats:
    """The sum over a trajectory's rows from each row on, `gamma` per row: y_t = x_t + gamma * y_(t+1). [N]

    Rows of a trajectory must be in time order; they need not be adjacent.
    """
    t = position(traj)
    table = np.zeros((t.max(initial=-1) + 2, traj.max(initial=-1) + 1))  # [longest + 1, trajectories]
    table[t, traj] = x
    for now in range(len(table) - 2, -1, -1):
        table[now] += gamma * table[now + 1]
    return table[t, traj]


def position(traj: Ints) -> Ints:
    """Each row's place among the rows of its trajectory, from 0. [N]"""
    order = np.argsort(traj, kind="stable")
    opens = np.flatnonzero(np.diff(traj[order], prepend=-1))
    lengths = np.diff(opens, append=len(traj))
    place = np.empty_like(traj)
    place[order] = np.arange(len(traj)) - np.repeat(opens, lengths)
    return place


def before(traj: Ints) -> Ints:
    """The row before each row in its trajectory, -1 on the first. [N]"""
    earlier, later = _neighbours(traj)
    rows = np.full_like(traj, -1)
    rows[later] = earlier
    return rows


def after(traj: Ints) -> Ints:
    """The row after each row in its trajectory, -1 on the last. [N]"""
    earlier, later = _neighbours(traj)
    rows = np.full_like(traj, -1)
    rows[earlier] = later
    return rows


def whiten(x: Floats, weight: Ints) -> Floats:
    """Shift and scale to mean 0 and sample variance 1, where value i counts `weight[i]` times. [N]

    The variance gains 1e-8 before its root divides, as in verl's `masked_whiten`. Fewer than two give 0.
    """
    count = weight.sum()
    if count < 2:
        return np.zeros_like(x)
    deviation = x - (weight * x).sum() / count
    variance = (weight * deviation**2).sum() / (count - 1)
    noise = np.abs(deviation) <= FLAT * np.abs(x).max(initial=0.0)
    return np.asarray(np.where(noise, 0.0, deviation) / np.sqrt(variance + 1e-8), dtype=np.float64)


def fraction(**values: float) -> None:
    """Refuse a hyperparameter outside 0 to 1, by name."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; choose a number from 0 to 1")


def _dense(column: Ints) -> Ints:
    return np.asarray(np.unique(column, return_inverse=True)[1], dtype=np.int64)


def _largest(x: Floats, key: Ints) -> Floats:
    largest = np.zeros(key.max(initial=-1) + 1)
    np.maximum.at(largest, key, x)
    return largest


def _neighbours(traj: Ints) -> tuple[Ints, Ints]:
    """All pairs of rows that follow each other in one trajectory."""
    order = np.argsort(traj, kind="stable")
    together = traj[order[1:]] == traj[order[:-1]]
    return order[:-1][together], order[1:][together]
