"""Random batches of episodes for property tests."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from tests.credit.definitions import Row

GAMMAS = st.sampled_from([0.0, 0.5, 0.95, 1.0])
PENALTIES = st.sampled_from([0.0, 0.1])
REWARDS = st.sampled_from([0.0, 0.0, 0.0, 1.0, 10.0, -0.5])
VALUES = st.floats(-5, 5, width=32)


@st.composite
def batches(draw: st.DrawFn, *, most_groups: int = 3) -> list[Row]:
    """Groups of episodes over few states, so that turns meet; an episode's rows are adjacent and in order."""
    rows: list[Row] = []
    for group in range(draw(st.integers(1, most_groups))):
        for _ in range(draw(st.integers(1, 4))):
            rows += draw(episodes(group, traj=1 + max((row.traj for row in rows), default=-1)))
    return rows


@st.composite
def episodes(draw: st.DrawFn, group: int, traj: int) -> list[Row]:
    """One episode of one to five turns, perhaps cut off."""
    turn = st.builds(
        Row,
        group=st.just(group),
        traj=st.just(traj),
        state=st.integers(0, 2),
        reward=REWARDS,
        valid=st.booleans(),
        tokens=st.integers(1, 3),
        value=VALUES,
        final_value=VALUES,
    )
    turns = draw(st.lists(turn, min_size=1, max_size=5))
    return [*turns[:-1], replace(turns[-1], bootstrap=draw(st.booleans()))]
