"""PPR, Step-SRPO, SPO and the first error: by hand, and as properties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.credit.batches import batches
from tests.credit.definitions import table
from tests.credit.judged import ByAction, episode, group

from turngym.core.errors import ConfigError
from turngym.credit import Steps
from turngym.credit.first_error import FirstError, clear, first_drop, first_error
from turngym.credit.gae import GAE
from turngym.credit.group import GRPO
from turngym.credit.judge import Judge
from turngym.credit.judging.forms import Grade, Preference, YesNo
from turngym.credit.judging.verdict import Scored, TooManyUnscored, Unscored
from turngym.credit.ppr import PPR, fill, renorm
from turngym.credit.spo import SPO, both_ways, by_reward, win_rates
from turngym.credit.srpo import StepSRPO, decision_reward, two_spans

SHARES = st.floats(0, 1)
GRADES = {"bad": "Score: 2/10", "good": "Score: 8/10", "odd": "no idea"}


def graded(**answers: str) -> Judge:
    return Judge(model=ByAction(GRADES | answers), form=Grade(), attempts=1)


# ReNorm and PPR


def test_renorm_by_hand():
    process, outcome = np.array([1.0, 0.0, 0.8, 0.2]), np.array([1.0, 1.0, 0.0, 0.0])
    every, last = np.full(4, True), np.array([False, True, False, True])
    assert renorm(process, outcome, every) == pytest.approx([1.0, 0.0, -0.2, -0.8])
    assert renorm(process, outcome, last) == pytest.approx([0.5, 0.0, 0.3, -0.8])


@given(SHARES, SHARES)
def test_renorm_rewards_a_turn_only_where_step_and_episode_are_good_on_balance(process, outcome):
    (reward,) = renorm(np.array([process]), np.array([outcome]), np.array([True]))
    assert -1 <= reward <= 1
    assert (reward > 1e-9) == (process + outcome > 1 + 1e-9)


@given(st.integers(1, 6), st.integers(1, 6), SHARES)
def test_a_constant_shift_moves_gae_where_lengths_differ(short, long, shift):
    """The reviewers' point against ReNorm: the shift is summed over the rest of the episode."""
    steps = Steps.of([group(episode(["good"] * short), episode(["good"] * long))])
    steps = replace(steps, value=np.zeros(len(steps)))
    moved = replace(steps, reward=steps.reward - shift)
    left = np.concatenate([np.arange(short, 0, -1), np.arange(long, 0, -1)])
    assert GAE()(moved).advantages - GAE()(steps).advantages == pytest.approx(-shift * left)


@given(st.integers(1, 5), st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=5), SHARES)
def test_a_constant_shift_leaves_a_group_of_equal_lengths_as_it_was(length, rewards, shift):
    steps = Steps.of([group(*(episode(["good"] * length, reward) for reward in rewards))])
    moved = replace(steps, reward=steps.reward - shift)
    method = GRPO(scale=False)
    assert method(moved).advantages == pytest.approx(method(steps).advantages, abs=1e-9)


def test_ppr_credits_by_judged_turns_and_the_outcome():
    steps = Steps.of([group(episode(["good", "bad"], 1.0), episode(["bad"], 0.0))])
    credits = PPR(judge=graded(), base={"name": "gae"})(replace(steps, value=np.zeros(3)))
    # rewards .8 + 1 - 1, .2 + 1 - 1, .2 + 0 - 1; GAE without a critic sums them to the end
    assert credits.advantages == pytest.approx([1.0, 0.2, -0.8])
    assert credits.metrics["judged"] == 3
    assert credits.metrics["malformed"] == 0


def test_ppr_gives_a_turn_without_a_verdict_its_groups_mean_and_says_so():
    steps = Steps.of([group(episode(["good", "odd"], 1.0), episode(["bad"], 0.0))])
    with pytest.warns(UserWarning, match=r"1 of 3 questions unscored, the first because malformed"):
        credits = PPR(judge=graded())(replace(steps, value=np.zeros(3)))
    assert credits.advantages == pytest.approx([0.8 + 0.5, 0.5, -0.8])  # (.8 + .2) / 2 for the odd turn
    assert credits.metrics["malformed"] == 1


def test_ppr_stops_where_most_verdicts_are_missing():
    steps = Steps.of([group(episode(["odd", "odd", "good"], 1.0))])
    with pytest.raises(TooManyUnscored, match="left 2 of 3"):
        PPR(judge=graded())(replace(steps, value=np.zeros(3)))


def test_ppr_may_judge_the_outcome_too():
    steps = Steps.of([group(episode(["good"], 7.0), episode(["bad"], 0.0))])
    credits = PPR(judge=graded(), outcome=graded())(replace(steps, value=np.zeros(2)))
    assert credits.advantages == pytest.approx([0.6, -0.6])
    assert credits.metrics["outcome_judged"] == 2
    with pytest.raises(ConfigError, match="an episode earned 7"):
        PPR(judge=graded())(steps)


@given(batches(), st.data())
def test_a_missing_score_takes_its_groups_mean(rows, data):
    steps = table(rows)
    scores = data.draw(arrays(np.float64, len(rows), elements=SHARES | st.just(np.nan)))
    filled = fill(scores, steps.group)
    for row, score in enumerate(scores):
        known = [
            other for n, other in enumerate(scores) if rows[n].group == rows[row].group and other == other
        ]
        expected = score if score == score else (np.mean(known) if known else 0.5)
        assert filled[row] == pytest.approx(expected)


# Step-SRPO


def test_step_srpo_by_hand():
    """Planning wins twice, acting at once wins once in two: planning is the right mode."""
    score, costly = np.array([1.0, 1.0, 1.0, 0.0]), np.array([True, True, False, False])
    group_of = np.zeros(4, dtype=np.int64)
    decided, told = decision_reward(score, costly, group_of, mix=0.5)
    assert decided == pytest.approx([1.0, 1.0, 0.5, 0.0])
    spans = two_spans(decided, score, group_of, scale=True)
    assert spans[0] == pytest.approx([0.783349, 0.783349, -0.261116, -1.305582], abs=1e-5)
    assert spans[1] == pytest.approx([0.5, 0.5, 0.5, -1.5], abs=1e-5)
    assert told == {"right_mode": 0.5, "groups_of_one_mode": 0.0}


def test_step_srpo_gives_the_header_the_decision_and_the_rest_the_answer():
    plays = [("plan", 1.0), ("plan", 1.0), ("act", 1.0), ("act", 0.0)]
    steps = Steps.of([group(*(episode([mode, "go", "go"], reward) for mode, reward in plays))])
    credits = StepSRPO(mode="plan", scale=False)(steps)
    decided = [0.375, 0.375, -0.125, -0.625]
    answer = [0.25, 0.25, 0.25, -0.75]
    expected = [x for d, a in zip(decided, answer, strict=True) for x in (d, a, a)]
    assert credits.advantages == pytest.approx(expected)
    assert credits.metrics["costly_mode"] == 0.5


def test_step_srpo_can_mark_the_header_in_tokens():
    steps = Steps.of([group(episode(["plan", "go"], 1.0), episode(["act", "go"], 0.0))])
    steps = replace(steps, tokens=np.array([3, 1, 1, 2]))
    credits = StepSRPO(mode="plan", scale=False, mix=0.0, level="token", header=2)(steps)
    # the decision's rewards are 1 and 0 here, as the scores are: both spans hold +-1/2
    assert credits.advantages == pytest.approx([0.5] * 4 + [-0.5] * 3)
    assert credits.per == "token"


def test_where_one_mode_was_tried_the_decision_counts_by_the_score_alone():
    score, group_of = np.array([1.0, 0.0]), np.zeros(2, dtype=np.int64)
    decided, told = decision_reward(score, np.array([True, True]), group_of, mix=0.5)
    assert decided == pytest.approx(score)
    assert told["groups_of_one_mode"] == 1.0


def test_where_both_modes_are_as_good_the_cheap_one_is_right():
    decided, _ = decision_reward(
        np.array([1.0, 1.0]), np.array([True, False]), np.zeros(2, dtype=np.int64), mix=0.0
    )
    assert decided == pytest.approx([0.0, 1.0])


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), SHARES), min_size=1, max_size=12), SHARES)
def test_a_decision_is_rewarded_from_0_to_1_and_both_spans_sum_to_zero_in_a_group(episodes, mix):
    group_of, costly, score = map(np.array, zip(*sorted(episodes, key=lambda one: one[0]), strict=True))
    decided, _ = decision_reward(score, costly, group_of, mix)
    assert ((decided >= 0) & (decided <= 1)).all()
    spans = two_spans(decided, score, group_of, scale=False)
    for one in np.unique(group_of):
        assert spans[:, group_of == one].sum(axis=1) == pytest.approx([0, 0], abs=1e-6)


# SPO


def test_win_rates_by_hand():
    pairs = np.array([[0, 1], [0, 2], [1, 2]])
    assert win_rates(np.array([0.8, 0.6, 0.3]), pairs, 3) == pytest.approx([0.7, 0.25, 0.55])
    assert win_rates(np.array([0.8, np.nan, np.nan]), pairs, 4) == pytest.approx([0.8, 0.2, 0.5, 0.5])


@given(st.integers(2, 7).flatmap(lambda n: arrays(np.float64, (n, n), elements=SHARES)))
def test_the_win_rates_of_a_group_average_one_half_and_equal_their_definition(table_of_wins):
    n = len(table_of_wins)
    pairs = np.array([(a, b) for a in range(n) for b in range(a + 1, n)])
    beats = np.array([table_of_wins[a, b] for a, b in pairs])
    rates = win_rates(beats, pairs, n)
    chance = {(a, b): p for (a, b), p in zip(pairs.tolist(), beats, strict=True)}
    chance |= {(b, a): 1 - p for (a, b), p in chance.items()}
    assert rates.mean() == pytest.approx(0.5)
    assert rates == pytest.approx([np.mean([chance[i, j] for j in range(n) if j != i]) for i in range(n)])


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_win_rates_do_not_depend_on_the_order_of_the_members(rewards, random):
    order = random.sample(range(len(rewards)), len(rewards))
    straight = SPO(base={"name": "dr_grpo"})(Steps.of([group(*(episode(["a"], r) for r in rewards))]))
    shuffled = SPO(base={"name": "dr_grpo"})(Steps.of([group(*(episode(["a"], rewards[n]) for n in order))]))
    assert straight.advantages[order] == pytest.approx(shuffled.advantages)


def test_both_orders_cancel_a_judge_that_favours_the_first():
    forth, back = np.array([1.0, 0.9, np.nan, np.nan]), np.array([1.0, 0.3, 0.2, np.nan])
    assert both_ways(forth, back)[:3] == pytest.approx([0.5, 0.8, 0.8])
    assert np.isnan(both_ways(forth, back)[3])


def test_rewards_compare_as_wins_losses_and_ties():
    assert by_reward(np.array([2.0, 0.0, 1.0]), np.array([1.0, 5.0, 1.0])).tolist() == [1.0, 0.0, 0.5]


def test_spo_compares_within_a_group_only_and_pays_the_win_rate_at_the_end():
    first = group(episode(["a", "b"], 3.0), episode(["a"], 1.0))
    alone = group(episode(["a"], 9.0))
    base = {"name": "grpo", "scale": False, "cross_steps": False}
    credits = SPO(base=base)(Steps.of([first, alone]))
    assert credits.advantages == pytest.approx([0.5, 0.5, -0.5, 0.5])  # alone: wins half, GRPO keeps it raw


def test_spo_asks_its_judge_in_both_orders():
    model = ByAction({"a": "Better: A", "b": "Better: A"})  # always the first: no information
    method = SPO(judge=Judge(model=model, form=Preference()), base={"name": "dr_grpo"})
    credits = method(Steps.of([group(episode(["a"]), episode(["b"]))]))
    assert model.asked == 2
    assert credits.advantages == pytest.approx([0.0, 0.0])


# First error


@pytest.mark.parametrize(
    ("verdicts", "place"),
    [
        ([Scored(0.9), Scored(0.4), Scored(0.1)], 1),
        ([Scored(0.5), Scored(0.5)], None),
        ([], None),
    ],
)
def test_the_first_error_is_the_first_turn_below_the_threshold(verdicts, place):
    assert first_error(verdicts, 0.5) == place


def test_a_missing_verdict_before_the_error_hides_its_place():
    missing = Unscored("malformed", "the answer is empty")
    assert first_error([Scored(1.0), missing, Scored(0.0)], 0.5) is missing
    assert first_error([Scored(0.0), missing], 0.5) == 0


def test_a_failed_episode_is_blamed_at_its_first_error_only():
    steps = Steps.of([group(episode(["good", "good"], 1.0), episode(["good", "bad", "bad"], 0.0))])
    judge = Judge(model=ByAction({"good": "yes", "bad": "no"}), form=YesNo())
    method = FirstError(judge=judge, base={"name": "dr_grpo"})
    base = method.base and GRPO(scale=False)(steps).advantages
    assert method(steps).advantages == pytest.approx([base[0], base[1], 0.0, base[3], 0.0])
    onward = FirstError(judge=judge, base={"name": "dr_grpo"}, after=True)
    assert onward(steps).advantages == pytest.approx([base[0], base[1], 0.0, base[3], base[4]])


def test_the_monte_carlo_drop_finds_the_turn_after_which_nobody_wins():
    """Both episodes meet state 0 (worth 1/2); from state 1 on only the failed one is there (worth 0)."""
    won, lost = episode(["left", "win"], 1.0), episode(["right", "lose"], 0.0)
    won.turns[1].state = "door"
    steps = Steps.of([group(won, lost)])
    place = first_drop(steps, np.array([1.0, 0.0]), np.array([0.25, 0.25]))
    assert place.tolist() == [-1, 0]
    base = GRPO()(steps).advantages
    assert FirstError()(steps).advantages == pytest.approx([base[0], base[1], base[2], 0.0])


@given(batches())
def test_an_episode_that_earned_the_best_of_its_group_keeps_its_credit(rows):
    steps = table(rows)
    base, cleared = GRPO()(steps).advantages, FirstError()(steps).advantages
    score = steps.score()
    best = np.array([score[steps.group == one].max() for one in steps.group])
    assert np.array_equal(base[score == best], cleared[score == best])
    assert ((cleared == base) | (cleared == 0)).all()


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8), st.integers(-1, 7), st.booleans())
def test_clearing_keeps_the_error_itself(values, error, after):
    advantages, place = np.array(values), np.arange(len(values))
    cleared = clear(advantages, place, np.full(len(values), error), after=after)
    for turn, value in enumerate(values):
        kept = error < 0 or turn == error or (after and turn > error)
        assert cleared[turn] == (value if kept else 0.0)


@pytest.mark.parametrize("method", [StepSRPO(), SPO(), FirstError()])
def test_no_turns_are_credited_as_no_turns(method):
    assert len(method(Steps.of([])).advantages) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: StepSRPO(mode="("),
        lambda: StepSRPO(header=0),
        lambda: StepSRPO(mix=2.0),
        lambda: FirstError(drop=0.0),
        lambda: SPO(max_unscored=-1.0),
        lambda: PPR(judge=graded(), outcome_at="first"),
    ],
)
def test_what_cannot_work_is_refused_by_name(make):
    with pytest.raises(ValueError, match=r"mode|header|mix|drop|max_unscored|outcome_at"):
        make()
