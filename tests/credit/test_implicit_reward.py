"""The arithmetic of implicit rewards against plain loops over its equations."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credit.batches import batches
from tests.credit.definitions import Row, table
from tests.shared import shared

from turngym.benchmarks.conformance import check
from turngym.credit.group import RLOO
from turngym.credit.implicit_reward import advantages, episode_scores, step_rewards, token_returns
from turngym.credit.preference import cross_entropy, dpo, pairs, win_rate

few = settings(max_examples=40, deadline=None)
NUMBERS = st.floats(-20, 20, width=32)


@st.composite
def episodes(draw: st.DrawFn):
    """Scores of episodes in few groups, which are better, and which are known."""
    m = draw(st.integers(1, 8))
    column = st.lists(st.booleans(), min_size=m, max_size=m)
    score = draw(st.lists(NUMBERS, min_size=m, max_size=m))
    group = draw(st.lists(st.integers(0, 2), min_size=m, max_size=m))
    return np.array(score), np.array(group), np.array(draw(column)), np.array(draw(column))


def pairs_by_definition(group, better, known):
    return {
        (p, n)
        for p, n in itertools.product(range(len(group)), repeat=2)
        if known[p] and known[n] and better[p] and not better[n] and group[p] == group[n]
    }


@few
@given(episodes())
def test_all_better_and_worse_episodes_of_a_group_are_paired_and_no_others(made):
    _, group, better, known = made
    assert set(zip(*pairs(group, better, known), strict=True)) == pairs_by_definition(group, better, known)


@few
@given(episodes())
def test_the_preference_loss_and_its_gradient_are_those_of_the_equation(made):
    score, group, better, known = made
    defined = pairs_by_definition(group, better, known)
    x = torch.tensor(score, dtype=torch.float64, requires_grad=True)
    loss = sum((-torch.nn.functional.logsigmoid(x[p] - x[n]) for p, n in defined), 0 * x.sum())
    (gradient,) = torch.autograd.grad(loss / max(len(defined), 1), x)
    found = dpo(score, group, better, known, len(defined))
    assert found.count == len(defined)
    assert found.loss == pytest.approx(float(loss.detach()) / max(len(defined), 1))
    assert found.gradient == pytest.approx(gradient.numpy(), abs=1e-12)


@few
@given(episodes(), NUMBERS)
def test_a_constant_on_all_scores_of_a_group_changes_no_preference(made, constant):
    score, group, better, known = made
    moved = dpo(score + constant * (group == 1), group, better, known, 1)
    assert moved.loss == pytest.approx(dpo(score, group, better, known, 1).loss, abs=1e-4)


def test_equal_scores_cost_log_two_and_half_the_accuracy():
    found = dpo(np.zeros(3), np.zeros(3, dtype=int), np.array([True, False, False]), np.ones(3, bool), 2)
    assert (found.loss, found.right, found.count) == (pytest.approx(math.log(2)), 1.0, 2)


def test_a_gap_of_thousands_the_wrong_way_costs_a_finite_loss():
    found = dpo(np.array([-5000.0, 5000.0]), np.zeros(2, int), np.array([True, False]), np.ones(2, bool), 1)
    assert found.loss == 10000
    assert found.gradient.tolist() == [-1, 1]


@few
@given(episodes())
def test_the_cross_entropy_and_its_gradient_are_those_of_torch(made):
    score, group, _, known = made
    label = group / 2
    x = torch.tensor(score, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        x[known], torch.tensor(label)[known], reduction="sum"
    )
    (gradient,) = torch.autograd.grad(loss / max(known.sum(), 1), x)
    found = cross_entropy(score, label, known, int(known.sum()))
    assert found.loss == pytest.approx(float(loss.detach()) / max(known.sum(), 1))
    assert found.gradient == pytest.approx(gradient.numpy(), abs=1e-12)


@few
@given(episodes())
def test_win_rates_count_the_others_that_are_beaten(made):
    outcome, group, _, _ = made
    for i, rate in enumerate(win_rate(outcome, group)):
        others = [j for j in range(len(group)) if group[j] == group[i] and j != i]
        wins = sum((outcome[i] > outcome[j]) + 0.5 * (outcome[i] == outcome[j]) for j in others)
        assert rate == pytest.approx(wins / len(others) if others else 0.5)


def test_a_turns_reward_is_the_sum_over_its_tokens_wherever_they_stand():
    ratio, row = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0, 2, 0, 2])
    assert step_rewards(ratio, row, 3).tolist() == [5, 0, 10]
    assert step_rewards(ratio, row, 3, norm="max_abs") == pytest.approx([0.5, 0, 1], rel=1e-5)
    assert step_rewards(ratio, row, 3, granularity="token").tolist() == [1, 0, 2]
    suffixed = step_rewards(
        np.array([-4.0, 2.0, 9.0]), np.zeros(3, int), 1, granularity="token", norm="max_abs"
    )
    assert suffixed == pytest.approx(
        [-1.0], rel=1e-5
    )  # sums to the end without the last: -2, 2; the largest is 2


def test_an_episodes_score_is_the_sum_or_the_mean_of_its_step_rewards():
    reward, traj = np.array([1.0, 3.0, 8.0]), np.array([0, 0, 1])
    assert episode_scores(reward, traj).tolist() == [4, 8]
    assert episode_scores(reward, traj, mean=True).tolist() == [2, 8]


@st.composite
def rewarded(draw: st.DrawFn):
    rows: list[Row] = draw(batches())
    reward = draw(st.lists(NUMBERS, min_size=len(rows), max_size=len(rows)))
    scored = draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    return rows, np.round(np.array(reward), 2), np.array(scored)


def standardized(x, values):
    """The paper's equations 3 and 4; a set of one gives 0."""
    if len(values) < 2:
        return 0.0
    return (x - np.mean(values)) / (np.std(values, ddof=1) + 1e-6)


@few
@given(rewarded())
def test_the_papers_advantage_is_that_of_its_equations(made):
    rows, reward, scored = made
    steps = table(rows)
    found = advantages(steps, reward, scored, alpha=0.7)
    totals = {row.traj: sum(r.reward for r in rows if r.traj == row.traj) for row in rows}
    for n, row in enumerate(rows):
        outcomes = [
            total
            for traj, total in totals.items()
            if any(r.traj == traj and r.group == row.group for r in rows)
        ]
        together = [reward[m] for m, r in enumerate(rows) if r.group == row.group and scored[m]]
        step = standardized(reward[n], together) if scored[n] else 0.0
        assert found[n] == pytest.approx(standardized(totals[row.traj], outcomes) + 0.7 * step, abs=1e-6)


@few
@given(rewarded(), NUMBERS, st.sampled_from([0.5, 4.0]))
def test_the_step_part_does_not_see_a_groups_level_nor_the_scale(made, level, scale):
    rows, reward, scored = made
    steps = table(rows)
    of_step = advantages(steps, reward, scored, combine="process")
    moved = advantages(steps, scale * reward + round(level, 2) * steps.group, scored, combine="process")
    assert moved == pytest.approx(of_step, abs=1e-3)


@few
@given(batches())
def test_without_step_rewards_the_leave_one_out_form_is_rloo_over_episodes(rows):
    steps, nothing = table(rows), np.zeros(len(rows))
    found = advantages(steps, nothing, nothing == 0, form="rloo", lone="keep")
    assert found == pytest.approx(RLOO(cross_steps=False)(steps).advantages, abs=1e-9)


@few
@given(
    rewarded(),
    st.sampled_from(["grpo", "rloo", "reinforce_pp_baseline"]),
    st.sampled_from(["all_steps", "first_rows"]),
)
def test_merged_process_and_summed_advantages_agree_where_they_must(made, form, statistics):
    rows, reward, _ = made
    steps, every = table(rows), np.ones(len(rows), dtype=bool)
    options = {"form": form, "scale": False, "statistics": statistics}
    summed = advantages(steps, reward, every, **options)
    process = advantages(steps, reward, every, combine="process", **options)
    outcome = advantages(steps, reward, every, alpha=0.0, **options)
    assert summed == pytest.approx(outcome + process, abs=1e-9)
    if (
        form != "reinforce_pp_baseline" and statistics == "first_rows"
    ):  # then f is linear and has one baseline
        merged = advantages(steps, reward, every, combine="merged", **options)
        assert merged == pytest.approx(summed, abs=1e-4)


def test_a_turn_without_a_reward_gets_its_episodes_part_alone_and_is_no_baseline():
    rows = [
        Row(group=0, traj=0, state=0, reward=8.0),
        Row(group=0, traj=1, state=0),
        Row(group=0, traj=1, state=0),
    ]
    scored = np.array([True, False, True])
    found = advantages(table(rows), np.array([3.0, np.nan, 1.0]), scored, scale=False)
    assert found.tolist() == [4 + 1, -4, -4 - 1]


@st.composite
def responses(draw: st.DrawFn):
    units = draw(st.integers(1, 5))
    group_of = draw(st.lists(st.integers(0, 1), min_size=units, max_size=units))
    unit = [u for u in range(units) for _ in range(draw(st.integers(1, 3)))]
    reward = draw(st.lists(NUMBERS, min_size=len(unit), max_size=len(unit)))
    return np.array(reward), np.array(unit), np.array(group_of)[unit]


@few
@given(responses(), st.sampled_from([1.0, 0.5]))
def test_prime_returns_are_those_of_its_equation(made, gamma):
    reward, unit, group = made
    found = token_returns(reward, unit, group, gamma)
    released = token_returns(reward, unit, group, gamma, baseline="released")
    for t in range(len(reward)):
        means = {u: reward[unit == u].mean() for u in set(unit[group == group[t]])}
        others = [mean for u, mean in means.items() if u != unit[t]]
        rest = [s for s in range(t, len(reward)) if unit[s] == unit[t]]
        if not others:
            assert found[t] == released[t] == 0
            continue
        n = len(means)
        assert found[t] == pytest.approx(
            sum(gamma ** (s - t) * (reward[s] - np.mean(others)) for s in rest), abs=1e-4
        )
        assert released[t] == pytest.approx(
            sum(gamma ** (s - t) * (reward[s] * n - sum(means.values())) / (n - 1) for s in rest), abs=1e-4
        )


def test_an_unknown_token_silences_its_response_and_is_no_baseline():
    reward = np.array([1.0, np.nan, 5.0, 3.0])
    found = token_returns(reward, np.array([0, 0, 1, 2]), np.zeros(4, int), 1.0)
    assert found.tolist() == [0, 0, 2, -2]


def test_our_arithmetic_reproduces_the_recorded_batches():
    found = {row.kind: row for row in check(shared("vectors/oprl.json"))}
    assert {"paper A", "paper dpo_loss", "ref A_rloo", "ref step_reward", "ref A_merged"} <= set(found)
    assert [row for row in found.values() if row.mismatches] == []


@pytest.mark.parametrize(
    ("block", "kind"), [("paper", "AS"), ("ref", "A_rfpp_baseline"), ("ref", "dpo_loss")]
)
def test_a_wrong_recorded_number_is_a_miss(tmp_path, block, kind):
    vectors = json.loads(shared("vectors/oprl.json").read_text())
    vectors["cases"] = [case for case in vectors["cases"] if case["name"] == "random 0 binary"]
    found = vectors["cases"][0][block]
    found[kind] = (
        found[kind] + 1e-5 if isinstance(found[kind], float) else [found[kind][0] + 1e-5, *found[kind][1:]]
    )
    (tmp_path / "oprl.json").write_text(json.dumps(vectors))
    missed = [row.kind for row in check(tmp_path / "oprl.json") if row.mismatches]
    assert missed == [f"{block} {kind}"]
