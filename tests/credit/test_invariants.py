"""What must hold of credit whatever the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credit.batches import GAMMAS, batches
from tests.credit.definitions import Row, table

from turngym.credit.anchor import HGPO, GiGPO
from turngym.credit.gae import GAE
from turngym.credit.group import GRPO, RLOO, dr_grpo
from turngym.credit.reinforce import ReinforcePPBaseline

GROUPED = [GRPO(), dr_grpo(), RLOO(), GiGPO(), HGPO(), HGPO(variant="paper"), HGPO(base=True, depth=4)]
METHODS = [*GROUPED, GRPO(cross_steps=False), ReinforcePPBaseline(), GAE(gamma=0.9, lam=0.8)]
methods = st.sampled_from(METHODS)
few = settings(max_examples=25, deadline=None)


def by_place(rows: list[Row], advantages: np.ndarray) -> dict[tuple[int, int], float]:
    """Advantages by trajectory and turn, whatever the order of the rows."""
    seen: dict[int, int] = {}
    places = {}
    for row, advantage in zip(rows, advantages.tolist(), strict=True):
        seen[row.traj] = seen.get(row.traj, -1) + 1
        places[row.traj, seen[row.traj]] = advantage
    return places


@few
@given(batches())
def test_dr_grpo_sums_to_zero_in_every_group_with_company(rows):
    steps = table(rows)
    sums = np.bincount(steps.group, dr_grpo()(steps).advantages)
    alone = np.bincount(steps.group) == 1
    assert sums[~alone] == pytest.approx(0, abs=1e-9)


@few
@given(batches(), st.booleans(), st.booleans())
def test_grpo_gives_all_turns_of_an_episode_the_same(rows, scale, cross_steps):
    steps = table(rows)
    advantages = GRPO(scale=scale, cross_steps=cross_steps)(steps).advantages
    for episode in np.unique(steps.traj):
        assert np.ptp(advantages[steps.traj == episode]) == 0


@few
@given(batches())
def test_over_episodes_grpo_does_not_care_how_long_they_are(rows):
    idle = [replace(row, reward=0.0, bootstrap=False) for row in rows]
    lengthened = [
        turn for row, wait in zip(rows, idle, strict=True) for turn in [wait] * (row.traj % 3) + [row]
    ]
    method = GRPO(cross_steps=False)
    short = {place[0]: x for place, x in by_place(rows, method(table(rows)).advantages).items()}
    long = {place[0]: x for place, x in by_place(lengthened, method(table(lengthened)).advantages).items()}
    assert long == pytest.approx(short, rel=1e-9)


@few
@given(batches(), methods, st.randoms(use_true_random=False))
def test_the_order_of_a_groups_members_does_not_matter(rows, method, random):
    order = sorted({row.traj for row in rows})
    random.shuffle(order)
    shuffled = [row for traj in order for row in rows if row.traj == traj]
    found = by_place(shuffled, method(table(shuffled)).advantages)
    assert found == pytest.approx(by_place(rows, method(table(rows)).advantages), rel=1e-6, abs=1e-9)


@few
@given(batches(), methods)
def test_rows_may_be_interleaved_as_long_as_each_episode_is_in_order(rows, method):
    turn = by_place(rows, np.arange(len(rows)))
    mixed = [rows[int(turn[place])] for place in sorted(turn, key=lambda place: (place[1], place[0]))]
    found = by_place(mixed, method(table(mixed)).advantages)
    assert found == pytest.approx(by_place(rows, method(table(rows)).advantages), rel=1e-6, abs=1e-9)


@few
@given(batches(), methods)
def test_the_names_of_states_and_groups_do_not_matter(rows, method):
    renamed = [replace(row, state=100 - 7 * row.state, group=2 * row.group + 1) for row in rows]
    assert method(table(renamed)).advantages == pytest.approx(method(table(rows)).advantages)


@few
@given(batches(), st.sampled_from(GROUPED))
def test_groups_do_not_mix(rows, method):
    together = method(table(rows)).advantages
    for group in {row.group for row in rows}:
        members = [row for row in rows if row.group == group]
        here = [row.group == group for row in rows]
        assert together[here] == pytest.approx(method(table(members)).advantages, rel=1e-9, abs=1e-12)


@few
@given(batches(), methods)
def test_a_method_changes_nothing_in_its_table(rows, method):
    steps = table(rows)
    for column in (
        steps.group,
        steps.traj,
        steps.reward,
        steps.state,
        steps.valid,
        steps.tokens,
        steps.value,
    ):
        column.setflags(write=False)
    method(steps)
    assert steps.penalty == 0.0


@few
@given(batches(), GAMMAS)
def test_hgpo_at_depth_0_is_the_state_part_of_gigpo(rows, gamma):
    steps = table(rows)
    state = GiGPO(gamma=gamma, scale=False)(steps).advantages - dr_grpo()(steps).advantages
    assert HGPO(depth=0, gamma=gamma, scale=False)(steps).advantages == pytest.approx(
        state, rel=1e-5, abs=1e-9
    )


@few
@given(batches(), GAMMAS, st.floats(0, 3))
def test_hgpo_over_a_past_that_nobody_shares_is_hgpo_at_depth_0(rows, gamma, alpha):
    apart = [replace(row, state=row.state if n % 2 else 10 + n) for n, row in enumerate(rows)]
    flat, deep = (HGPO(depth=depth, alpha=alpha, gamma=gamma)(table(apart)).advantages for depth in (0, 2))
    assert deep == pytest.approx(flat, rel=1e-5)


@few
@given(batches(), GAMMAS)
def test_gae_at_lambda_1_is_return_minus_value(rows, gamma):
    finished = [replace(row, bootstrap=False) for row in rows]
    steps = table(finished)
    credits = GAE(gamma=gamma, lam=1.0)(steps)
    assert credits.returns == pytest.approx(steps.returns(gamma), abs=1e-6)
    assert credits.advantages == pytest.approx(steps.returns(gamma) - steps.value, abs=1e-6)


@few
@given(batches(), GAMMAS, st.sampled_from([0.0, 0.7, 1.0]))
def test_with_one_token_a_turn_all_levels_of_gae_agree(rows, gamma, lam):
    steps = table([replace(row, tokens=1) for row in rows])
    turns = GAE(gamma=gamma, lam=lam)(steps)
    for level in ("token", "bilevel"):
        tokens = GAE(gamma=gamma, lam=lam, level=level)(replace(steps, token_value=steps.value))
        assert tokens.advantages == pytest.approx(turns.advantages)
        assert tokens.returns == pytest.approx(turns.returns)


@few
@given(batches(), GAMMAS, st.sampled_from([0.0, 0.7, 1.0]))
def test_without_discount_in_a_turn_its_first_token_gets_the_turns_advantage(rows, gamma, lam):
    steps = table(rows)
    token_value = np.arange(float(steps.tokens.sum()))
    first = np.cumsum(steps.tokens) - steps.tokens
    spoken = steps.tokens > 0
    value = np.where(spoken, token_value[np.minimum(first, len(token_value) - 1)], 0.0)
    steps = replace(steps, value=value, token_value=token_value)
    turns = GAE(gamma=gamma, lam=lam)(steps).advantages
    tokens = GAE(gamma=gamma, lam=lam, level="bilevel")(steps).advantages
    assert tokens[first[spoken]] == pytest.approx(turns[spoken])


@few
@given(batches(), GAMMAS, st.sampled_from([0.0, 0.7, 1.0]))
def test_whitening_moves_advantages_and_not_what_the_critic_learns(rows, gamma, lam):
    steps = table(rows)
    plain, white = (GAE(gamma=gamma, lam=lam, whiten=flag)(steps) for flag in (False, True))
    assert white.returns == pytest.approx(plain.returns)
    weighted = np.repeat(white.advantages, steps.tokens)
    assert weighted.mean() == pytest.approx(0, abs=1e-6)


@few
@given(batches(), st.integers(0, 100))
def test_a_perfect_critic_leaves_no_advantage(rows, seed):
    finished = [replace(row, bootstrap=False) for row in rows]
    steps = table(finished)
    perfect = replace(steps, value=steps.returns(0.9))
    lam = seed / 100
    assert GAE(gamma=0.9, lam=lam)(perfect).advantages == pytest.approx(0, abs=1e-9)
