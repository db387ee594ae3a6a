"""The process's own random generators, lent to a package that knows no other."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator

import numpy as np


class Chance:
    """What `random` and `numpy.random` hold for one environment, apart from everybody else's.

    Inside `with chance.lent():` both are this environment's, and what is printed is dropped; outside they are as they
    were. Not for several threads at once, since the generators are the process's.
    """

    def __init__(self, seed: int) -> None:
        self._python = random.Random(seed).getstate()
        self._numpy = np.random.RandomState(seed % 2**32).get_state(legacy=False)

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Put this environment's state into the global generators for a while."""
        python, numpy = random.getstate(), np.random.get_state(legacy=False)
        random.setstate(self._python)
        np.random.set_state(self._numpy)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        finally:
            self._python, self._numpy = random.getstate(), np.random.get_state(legacy=False)
            random.setstate(python)
            np.random.set_state(numpy)
