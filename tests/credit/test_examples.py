"""Small batches worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.credit.definitions import Row, table

from turngym.core.config import ConfigError
from turngym.credit import registry, shape
from turngym.credit.anchor import HGPO, GiGPO
from turngym.credit.gae import GAE
from turngym.credit.group import GRPO, RLOO
from turngym.credit.likeness import clusters
from turngym.credit.reinforce import ReinforcePP, ReinforcePPBaseline


def episode(traj, states, reward, *, group=0, **last):
    """An episode that walks over the states and is paid at the end."""
    rows = [Row(group=group, traj=traj, state=state) for state in states]
    return [*rows[:-1], replace(rows[-1], reward=reward, **last)]


def test_grpo_over_turns_lets_long_episodes_weigh_more():
    steps = table([*episode(0, [0, 1, 2], 0.0), *episode(1, [0], 8.0)])
    assert GRPO(scale=False)(steps).advantages.tolist() == [-2, -2, -2, 6]  # the mean over four turns is 2
    assert GRPO(scale=False, cross_steps=False)(steps).advantages.tolist() == [-4, -4, -4, 4]


def test_rloo_over_episodes_takes_n_and_mean_from_one_turn_each():
    steps = table([*episode(0, [0, 1, 2], 0.0), *episode(1, [0], 8.0)])
    assert RLOO(cross_steps=False)(steps).advantages.tolist() == [-8, -8, -8, 8]


@pytest.mark.parametrize(
    "method", [GRPO(scale=False), RLOO(), GRPO(cross_steps=False), RLOO(cross_steps=False)]
)
def test_a_group_of_one_turn_keeps_its_score(method):
    assert method(table([*episode(0, [0], 3.0)])).advantages == pytest.approx([3.0], rel=1e-5)


def test_gigpo_gives_a_state_met_once_its_episodes_advantage_alone():
    rows = [*episode(0, [0, 1], 8.0), *episode(1, [0, 2], 0.0)]
    method = GiGPO(gamma=0.5, scale=False)
    # episodes: 8 and 0, mean 4; returns in state 0: 4 and 0, mean 2
    assert method(table(rows)).advantages.tolist() == [4 + 2, 4, -4 - 2, -4]


def test_gigpo_by_likeness_groups_texts_that_nearly_agree():
    rows = [*episode(0, [0], 8.0), *episode(1, [1], 0.0)]
    steps = replace(table(rows), texts=("You see a red mug on the desk.", "You see a mug on the desk."))
    method = GiGPO(scale=False, similarity=0.8)
    assert method(steps).advantages.tolist() == [8, -8]
    assert replace(method, similarity=None)(steps).advantages.tolist() == [4, -4]


def test_a_text_joins_the_first_cluster_that_it_resembles():
    texts = ["aaaa", "aabb", "bbbb", "aaab"]
    assert clusters(np.zeros(4, dtype=np.int64), texts, 0.75).tolist() == [0, 1, 2, 0]
    assert clusters(np.array([0, 0, 1, 1]), ["aaaa"] * 4, 0.75).tolist() == [0, 0, 1, 1]


def test_likeness_refuses_states_that_are_no_texts():
    with pytest.raises(TypeError, match="a state is of type tuple; leave similarity out"):
        clusters(np.zeros(1, dtype=np.int64), [(1, 2)], 0.9)


def test_hgpo_levels_weigh_2_3_4_as_released_and_1_2_3_in_the_paper():
    rows = [
        *episode(0, [0, 1, 2], 9.0),
        *episode(1, [0, 1, 2], 0.0),
        *episode(2, [5, 1, 2], 0.0),
        *episode(3, [2], 0.0),
    ]
    last = 2
    # Returns in state 2: 9 0 0 0, mean 2.25. After state 1: 9 0 0, mean 3. After 0 and 1: 9 0, mean 4.5.
    levels = np.array([6.75, 6.0, 4.5])
    released = HGPO(scale=False, gamma=1.0)(table(rows)).advantages[last]
    paper = HGPO(scale=False, gamma=1.0, variant="paper")(table(rows)).advantages[last]
    assert released == pytest.approx(levels @ [2, 3, 4] / 9, rel=1e-5)
    assert paper == pytest.approx(levels @ [1, 2, 3] / 6, rel=1e-5)


def test_a_flat_level_leaves_the_mean_as_released_and_stays_in_the_paper():
    same_past = [*episode(0, [0, 1], 4.0), *episode(1, [0, 1], 4.0)]
    rows = [*same_past, *episode(2, [1], 1.0)]
    last = 1
    # Returns in state 1: 4 4 1, mean 3. After state 0: 4 4, so nothing.
    assert HGPO(scale=False, depth=1)(table(rows)).advantages[last] == pytest.approx(1.0, rel=1e-5)
    paper = HGPO(scale=False, depth=1, variant="paper")(table(rows)).advantages[last]
    assert paper == pytest.approx(1 / 3, rel=1e-5)


def test_hgpos_base_level_weighs_1_beside_2():
    rows = [*episode(0, [0], 8.0), *episode(1, [0], 0.0)]
    found = HGPO(depth=0, scale=False, base=True)(table(rows)).advantages
    assert found == pytest.approx([4.0, -4.0], rel=1e-5)  # both levels say 4
    apart = [*episode(0, [0], 8.0), *episode(1, [1], 0.0)]
    assert HGPO(depth=0, scale=False, base=True)(table(apart)).advantages == pytest.approx(
        [4.0, -4.0], rel=1e-5
    )


@pytest.mark.parametrize("members", [3, 5, 6, 7, 8])
@pytest.mark.parametrize("method", [HGPO(), HGPO(base=True), GiGPO(), GRPO()])
def test_equal_outcomes_in_single_precision_give_no_advantage(method, members):
    prize = 10 * float(np.float32(0.95) ** 6)
    noisy = [prize * (1 + 1e-7 * (member % 3)) for member in range(members)]
    rows = [row for member, reward in enumerate(noisy) for row in episode(member, [0, 1], reward)]
    assert not method(table(rows)).advantages.any()


def test_an_invalid_turn_pays_for_itself_alone():
    rows = [*episode(0, [0, 1], 8.0, valid=False), *episode(1, [0, 1], 8.0)]
    steps = shape.invalid_penalty(table(rows), 1.0)
    assert steps.returns(0.5).tolist() == [4, 7, 4, 8]
    assert steps.score().tolist() == [8, 7, 8, 8]


def test_penalties_add_up():
    steps = table([Row(group=0, traj=0, state=0, tokens=tokens, valid=tokens < 9) for tokens in (4, 8, 10)])
    assert np.asarray(shape.length_penalty(steps, 0.5, free=6).penalty).tolist() == [0, 1, 2]
    soft = shape.overlong_penalty(steps, 1.0, limit=9, margin=4)
    assert np.asarray(soft.penalty).tolist() == [0, 0.75, 1]
    assert np.asarray(shape.invalid_penalty(soft, 2.0).penalty).tolist() == [0, 0.75, 3]


def test_a_change_of_reward_is_discounted_back():
    steps = shape.turn_cost(table(episode(0, [0, 1], 8.0)), 1.0)
    assert steps.returns(0.5).tolist() == [-1 + 0.5 * 7, 7]
    assert shape.scale_reward(steps, 10).returns(0.5).tolist() == [25, 70]


def test_a_run_file_can_put_shaping_before_any_method():
    rows = [Row(group=0, traj=traj, state=0, reward=1.0, tokens=tokens) for traj, tokens in enumerate((2, 6))]
    shaped = registry.make(
        "shaped", base={"name": "dr_grpo"}, reward_scale=10.0, token_cost=0.5, free_tokens=2
    )
    assert shaped(table(rows)).advantages.tolist() == [1, -1]
    with pytest.raises(ConfigError, match=r"\[credit\.base\] has no key 'gama'"):
        registry.make("shaped", base={"name": "dr_grpo", "gama": 1})(table(rows))


def test_reinforce_pp_discounts_over_the_tokens_of_one_turn():
    rows = [Row(group=0, traj=0, state=0, reward=8.0, tokens=3), Row(group=0, traj=1, state=0, tokens=1)]
    found = ReinforcePP(token_gamma=0.5)(table(rows)).advantages
    returns = np.array([2.0, 4.0, 8.0, 0.0])
    assert found == pytest.approx((returns - returns.mean()) / returns.std(ddof=1), rel=1e-6)


def test_the_baseline_form_whitens_over_tokens_not_turns():
    rows = [Row(group=0, traj=0, state=0, reward=8.0, tokens=3), Row(group=0, traj=1, state=0, tokens=1)]
    per_token = np.array([4.0, 4.0, 4.0, -4.0])
    whitened = (per_token - per_token.mean()) / per_token.std(ddof=1)
    assert ReinforcePPBaseline()(table(rows)).advantages == pytest.approx(whitened[[0, 3]], rel=1e-6)


def test_a_cut_off_episode_ends_in_the_critics_value():
    rows = episode(0, [0, 1], 1.0, bootstrap=True, value=3.0, final_value=4.0)
    steps = table([replace(rows[0], value=2.0), rows[1]])
    credits = GAE(gamma=0.5, lam=1.0)(steps)
    assert credits.returns.tolist() == [0 + 0.5 * (1 + 0.5 * 4), 1 + 0.5 * 4]
    assert credits.advantages.tolist() == [1.5 - 2, 3 - 3]
    finished = GAE(gamma=0.5, lam=1.0)(replace(steps, bootstrap=np.array([False, False])))
    assert finished.returns.tolist() == [0.5, 1]


def test_token_level_gae_skips_what_the_environment_wrote():
    """Two turns of two tokens: the observation between them is in no array, and token 2 follows token 1."""
    rows = episode(0, [0, 1], 8.0)
    steps = replace(
        table([replace(row, tokens=2) for row in rows]), token_value=np.array([1.0, 2.0, 3.0, 4.0])
    )
    credits = GAE(gamma=0.5, lam=0.5, level="token")(steps)
    surprise = [0.5 * 2 - 1, 0.5 * 3 - 2, 0.5 * 4 - 3, 8 - 4]  # 0, -0.5, -1, 4
    third = surprise[2] + 0.25 * surprise[3]
    second = surprise[1] + 0.25 * third
    assert credits.advantages.tolist() == [0 + 0.25 * second, second, third, 4]
    assert credits.returns.tolist() == (credits.advantages + steps.token_value).tolist()


def test_a_turn_that_sampled_nothing_leaves_its_reward_to_the_token_before():
    silent = Row(group=0, traj=0, state=1, reward=2.0, tokens=0)
    spoken = Row(group=0, traj=0, state=0, reward=1.0, tokens=2)
    steps = replace(table([silent, spoken, silent, replace(spoken, traj=1)]), token_value=np.zeros(4))
    credits = GAE(level="token")(steps)
    assert credits.returns.tolist() == [3, 3, 1, 1]  # nothing was sampled before the first silent turn


def test_token_level_gae_bootstraps_at_the_last_token():
    rows = episode(0, [0], 1.0, tokens=2, bootstrap=True, final_value=4.0)
    steps = replace(table(rows), token_value=np.array([0.0, 0.0]))
    assert GAE(gamma=0.5, level="token")(steps).returns.tolist() == [1.5, 3]


def test_bilevel_gae_spreads_what_a_turn_was_worth_over_its_tokens():
    """Turn 0 has the tokens of value 1 and 2, turn 1 the one of value 4; the episode earns 8."""
    rows = episode(0, [0, 1], 8.0)
    steps = replace(
        table([replace(rows[0], tokens=2, value=1.0), replace(rows[1], tokens=1, value=4.0)]),
        token_value=np.array([1.0, 2.0, 4.0]),
    )
    credits = GAE(gamma=0.5, lam=0.5, level="bilevel", token_gamma=0.9, token_lam=0.5)(steps)
    turn = [0.5 * 4 - 1 + 0.25 * (8 - 4), 8 - 4]  # 2, 4: so the turns were worth 3 and 8
    assert credits.advantages.tolist() == [0.9 * 2 - 1 + 0.45 * (3 - 2), 3 - 2, turn[1]]
    assert credits.returns.tolist() == (credits.advantages + steps.token_value).tolist()
    assert credits.per == "token"


@pytest.mark.parametrize(
    ("missing", "level", "says"),
    [
        ("value", "turn", "Steps.value"),
        ("token_value", "token", "Steps.token_value"),
        ("final_value", "turn", "final"),
    ],
)
def test_gae_says_which_values_it_lacks(missing, level, says):
    steps = replace(table(episode(0, [0], 1.0, bootstrap=True)), token_value=np.zeros(1))
    with pytest.raises(ValueError, match=says):
        GAE(level=level)(replace(steps, **{missing: None}))


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("hgpo", {"depth": -1}, "depth is -1; choose 0 or more"),
        ("hgpo", {"gamma": 1.5}, "gamma is 1.5; choose a number from 0 to 1"),
        ("hgpo", {"variant": "papre"}, "variant is 'papre'; choose 'released' or 'paper'"),
        ("hgpo", {"variant": "paper", "base": True}, "base belongs to variant 'released'"),
        ("gigpo", {"similarity": 1.0}, "similarity is 1.0; choose a number between 0 and 1"),
        ("gae", {"lam": -0.1}, "lam is -0.1"),
        ("gae", {"level": "step"}, "level is 'step'; choose 'turn', 'token' or 'bilevel'"),
        ("reinforce_pp", {"token_gamma": 2.0}, "token_gamma is 2.0"),
    ],
)
def test_a_wrong_hyperparameter_is_refused_by_name(name, wrong, says):
    with pytest.raises(ValueError, match=says):
        registry.make(name, **wrong)


@pytest.mark.parametrize(
    "name", ["dr_grpo", "gae", "gigpo", "grpo", "hgpo", "reinforce_pp", "reinforce_pp_baseline", "rloo"]
)
def test_every_method_answers_an_empty_table(name):
    empty = replace(table([]), token_value=np.zeros(0))
    assert registry.make(name)(empty).advantages.tolist() == []


def test_metrics_say_how_much_company_turns_have():
    steps = table([*episode(0, [0, 1], 8.0), *episode(1, [0, 2], 0.0), *episode(2, [3, 4], 1.0, group=1)])
    assert HGPO()(steps).metrics == {"company": 2 / 6, "bucket_size": 8 / 6, "levels": 2 / 6}
    assert GRPO()(steps).metrics == {"flat_groups": 0.5}
