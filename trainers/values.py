"""What the critic said, read from samples into the table of turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from turngym.core.samples import Sample
from turngym.credit.steps import Steps


def with_values(steps: Steps, samples: Sequence[Sample]) -> Steps:
    """The table with the critic's values, where the samples carry them.

    A turn's value is read before its first sampled token, that is at the last token of its prompt. What an episode
    that was cut off might still have earned is the value of the prompt that would have come next; where none was
    kept, because it exceeds the context, that before the last sampled token. A turn that sampled nothing has value 0.
    """
    if any(sample.values is None for sample in samples) or not samples:
        return steps
    pairs = [
        (row, value)
        for sample in samples
        for row, value in zip(sample.row, sample.values or (), strict=True)
        if row >= 0
    ]
    rows = np.array([row for row, _ in pairs], dtype=np.int64)
    token_value = np.array([value for _, value in pairs], dtype=np.float64)  # [T]
    value, final_value = np.zeros(len(steps)), np.zeros(len(steps))
    value[rows[::-1]] = token_value[::-1]  # the first token of a row is written last and stays
    final_value[rows] = token_value
    for sample in samples:
        if sample.final_value is not None:
            final_value[max(sample.row)] = sample.final_value
    return replace(steps, value=value, token_value=token_value, final_value=final_value)
