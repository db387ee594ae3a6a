"""Sums by key, typed."""

from __future__ import annotations

import numpy as np

from turngym.credit.toolbox import Bools, Floats, Ints


def sums(key: Ints, x: Floats | Bools, length: int = 0) -> Floats:
    """The sum of the values of each key, for keys from 0 to at least `length` - 1. [keys]"""
    return np.asarray(np.bincount(key, x, minlength=length), dtype=np.float64)
