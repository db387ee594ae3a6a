"""SPA as credit: what it learns from, what it costs, what bad input does, and that it goes on where it stopped."""

from __future__ import annotations

import io
import logging
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

import torch
from tests.credit.planted import small_model, spa, table

from turngym.core.config import ConfigError
from turngym.core.samples import pack
from turngym.core.types import Group, Task, Trajectory, Turn
from turngym.credit import Learned, Steps, registry
from turngym.credit.progress import outcomes
from turngym.trainers.backbone import OwnModel


def weights(method: Any) -> dict[str, Any]:
    state = method.state_dict()
    return state["backbone"] | {f"head.{name}": one for name, one in state["head"].items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_reward_is_alpha_c_plus_beta_g_and_the_base_sees_it():
    steps, method = table(0), spa(alpha=2.0, beta=0.25, base={"name": "hgpo", "depth": 1})
    steps.valid[::3] = False
    method.fit(steps)
    contribution = method.contributions(steps)
    paid = method.redistribute(steps, contribution)
    assert np.allclose(paid.reward, 2 * contribution + 0.25 * steps.valid)
    expected = registry.make("hgpo", depth=1)(replace(steps, reward=paid.reward)).advantages
    assert np.array_equal(method(steps).advantages, expected)


def test_it_is_learned_credit_that_only_fit_changes():
    steps, method = table(0), spa()
    assert isinstance(method, Learned)
    before = {name: one.clone() for name, one in weights(method).items()}
    method(steps)
    assert same(before, weights(method))
    method.fit(steps)
    moved = [name for name, one in weights(method).items() if not torch.equal(one, before[name])]
    assert any(name.startswith("head.") for name in moved)
    assert any(not name.startswith("head.") for name in moved)


@pytest.mark.parametrize("windows", [False, True])
def test_how_much_fits_a_batch_changes_nothing_but_rounding(windows):
    steps = table(0, windows=windows)
    whole, pieces = spa(minibatch=6), spa(minibatch=6, max_tokens=12)
    for _ in range(3):
        left, right = whole.fit(steps), pieces.fit(steps)
    assert np.allclose(left.advantages, right.advantages, atol=1e-4)
    assert left.metrics == pytest.approx(right.metrics, rel=1e-4, abs=1e-5)
    assert all(torch.allclose(one, weights(pieces)[name], atol=1e-5) for name, one in weights(whole).items())


@pytest.mark.parametrize("regress", ["episode", "prefixes"])
def test_the_gradient_is_that_of_the_mean_squared_error_of_the_sums(regress):
    steps = table(0, windows=True)
    method = spa(minibatch=100, head="hidden", intercept=True, regress=regress)
    estimator = method.estimator
    torch.nn.init.constant_(estimator.learner.head.layers.weight, 0.05)
    estimator.learner.step = lambda: {}  # keep the gradients where they are summed
    estimator.fit(steps, outcomes(steps))
    model = small_model()
    ids = torch.tensor([sample.token_ids for sample in steps.samples])
    rows = torch.tensor([max(sample.row) for sample in steps.samples])
    hidden = model.get_decoder()(ids).last_hidden_state[:, -1]
    traj = torch.tensor(steps.traj)[rows]
    head = estimator.learner.head
    weight, bias = (one.detach().clone().requires_grad_() for one in (head.layers.weight, head.layers.bias))
    constant = torch.zeros((), requires_grad=True)
    contribution = hidden @ weight[0] + bias
    errors = []
    for episode, outcome in enumerate(outcomes(steps).tolist()):
        so_far = contribution[traj == episode].cumsum(0) + constant
        errors.append((so_far if regress == "prefixes" else so_far[-1:]).sub(outcome).square().mean())
    torch.stack(errors).mean().backward()
    assert torch.allclose(head.layers.weight.grad, weight.grad, atol=1e-4)
    assert torch.allclose(head.layers.bias.grad, bias.grad, atol=1e-4)
    assert torch.allclose(head.intercept.grad, constant.grad, atol=1e-4)
    theirs = dict(model.named_parameters())
    for name, parameter in estimator.backbone.model.named_parameters():
        assert torch.allclose(parameter.grad, theirs[name].grad, rtol=1e-3, atol=1e-4)


def test_a_step_costs_one_forward_and_one_backward_pass(monkeypatch):
    steps, method = table(0), spa()
    method.contributions(steps)
    seen: list[int] = []
    trunk = method.backbone.model.get_decoder()
    trunk.register_forward_hook(
        lambda module, given, kwargs, out: seen.append(kwargs["input_ids"].shape[0]), with_kwargs=True
    )
    method.fit(steps)
    assert sum(seen) == len(steps.samples)
    seen.clear()
    method.rewards = "after"
    method.fit(steps)
    assert sum(seen) == 2 * len(steps.samples)


def test_rewards_from_after_the_update_are_what_the_learned_estimator_says():
    steps, method = table(0), spa(rewards="after")
    credits = method.fit(steps)
    assert np.array_equal(credits.advantages, method(steps).advantages)


def test_a_run_that_is_resumed_goes_on_bit_for_bit():
    whole, first, second = spa(), spa(), spa()
    for seed in range(4):
        left = whole.fit(table(seed))
    first.fit(table(0))
    first.fit(table(1))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    second.fit(table(2))
    right = second.fit(table(3))
    assert np.array_equal(left.advantages, right.advantages)
    assert left.metrics == right.metrics
    assert same(weights(whole), weights(second))


def test_the_intercept_takes_what_all_episodes_share():
    steps = table(0, tasks=32)
    last = np.append(steps.traj[1:] != steps.traj[:-1], True)
    steps.reward[:] = np.where(last, 3.0, 0.0)
    plain, shared = spa(head="hidden", lr=3e-2), spa(head="hidden", lr=3e-2, intercept=True)
    for _ in range(20):
        plain.fit(steps)
        shared.fit(steps)
    learned = float(shared.estimator.learner.head.intercept.detach())
    assert learned > 0.3
    assert np.abs(shared.contributions(steps)).mean() < np.abs(plain.contributions(steps)).mean()


# What the paper and the released code do differently.


def test_leave_one_out_gives_every_turn_the_outcome_less_the_mean_of_the_others():
    steps, method = table(0, tasks=2, members=3), spa(progress="leave_one_out")
    earned = outcomes(steps)
    slow = [
        earned[e] - np.mean([earned[o] for o in range(3 * (e // 3), 3 * (e // 3) + 3) if o != e])
        for e in range(6)
    ]
    assert np.allclose(method.contributions(steps), np.array(slow)[steps.traj])
    assert method.state_dict() == {}
    method.load_state_dict({})
    method.fit(steps)
    assert method.estimator.learner.updates == 0


def test_without_progress_turns_keep_what_the_environment_paid_and_where_it_cut_them_off():
    steps, method = table(0), spa(progress="none", beta=0.5)
    steps.bootstrap[-1] = True
    paid = method.redistribute(steps, method.contributions(steps))
    assert np.allclose(paid.reward, steps.reward + 0.5)
    assert paid.bootstrap[-1]


def test_the_remaining_steps_weigh_rewards_as_released():
    steps = table(0)
    plain, weighed = spa(progress="leave_one_out"), spa(progress="leave_one_out", step_weight="remaining")
    contribution = plain.contributions(steps)
    length = np.bincount(steps.traj)[steps.traj]
    expected = plain.redistribute(steps, contribution).reward * (length - 1 - steps.t)
    assert np.allclose(weighed.redistribute(steps, contribution).reward, expected)


def test_grounding_by_text_looks_at_the_answer_and_never_at_the_last_turn():
    texts = ["look", "Nothing happens.", "Nothing happens.", "done"]
    turns = [Turn(obs=text, action="a", reward=0.0, valid=text != "look") for text in texts]
    episode = Trajectory(task=Task(env="e", seed=0), member=0, turns=turns)
    steps = Steps.of([Group(task=episode.task, trajectories=[episode])])
    by_text = spa(progress="none", grounding="nothing_happens", beta=1.0)
    by_env = spa(progress="none", beta=1.0)
    assert by_text.redistribute(steps, steps.reward).reward.tolist() == [0, 0, 1, 1]
    assert by_env.redistribute(steps, steps.reward).reward.tolist() == [0, 1, 1, 1]
    with pytest.raises(ValueError, match="the table has 0 of 4 turns; give it the trajectories"):
        by_text(replace(steps, trajectories=()))


def test_a_finished_sum_leaves_nothing_to_bootstrap():
    steps, method = table(0), spa()
    steps.bootstrap[-1] = True
    assert not method.redistribute(steps, method.contributions(steps)).bootstrap.any()


# Bad input: each has a meaning, is counted and is told.


def scripted(rewards: list[float]) -> Group:
    """Episodes of two turns that no model played."""
    task = Task(env="scripted", seed=0)
    episodes = [
        Trajectory(
            task=task,
            member=m,
            turns=[Turn(obs="a", action="b", reward=0.0), Turn(obs="c", action="d", reward=reward)],
        )
        for m, reward in enumerate(rewards)
    ]
    return Group(task=task, trajectories=episodes)


def test_episodes_without_a_sampled_token_keep_the_environments_rewards(caplog):
    steps, method = Steps.of([scripted([1.0, 0.0])]), spa(base={"name": "grpo", "scale": False})
    credits = method.fit(steps)
    assert credits.advantages.tolist() == [0.5, 0.5, -0.5, -0.5]
    assert credits.metrics["spa_unread_episodes"] == 2
    assert credits.metrics["spa_updates"] == 0
    assert "2 episodes could not be read turn by turn and keep the environment's rewards" in caplog.text


def test_a_turn_without_a_token_takes_no_part_in_the_sum():
    steps = table(0, tasks=1, members=2)
    spoken = steps.trajectories[0].turns[1]
    silenced = replace(spoken, calls=[])
    steps.trajectories[0].turns[1] = silenced
    steps = Steps.of([Group(task=steps.trajectories[0].task, trajectories=list(steps.trajectories))])
    method = spa(beta=0.5)
    credits = method.fit(steps)
    contribution = method.contributions(steps)
    assert np.isnan(contribution[1])
    assert np.isfinite(np.delete(contribution, 1)).all()
    assert method.redistribute(steps, contribution).reward[1] == 0.5
    assert credits.metrics["spa_unread_episodes"] == 0


def test_an_empty_table_gives_empty_credit():
    credits = spa(base={"name": "grpo"}).fit(Steps.of([]))
    assert len(credits.advantages) == 0
    assert credits.metrics["spa_updates"] == 0


def test_an_outcome_that_is_no_number_teaches_nothing_and_is_told(caplog):
    clean, broken = spa(minibatch=100), spa(minibatch=100)
    steps = table(0)
    without = steps.traj != 3
    lost = replace(steps, reward=np.where(without, steps.reward, np.nan))
    metrics = broken.fit(lost).metrics
    assert metrics["spa_unknown_outcomes"] == 1
    assert np.isfinite(list(metrics.values())).all()
    assert "1 episodes have an outcome that is no number and teach nothing" in caplog.text
    kept = [one for number, one in enumerate(steps.trajectories) if number != 3]
    group = Group(task=kept[0].task, trajectories=kept)
    clean.fit(Steps.of([group], pack(kept)))
    assert all(torch.allclose(one, weights(broken)[name], atol=1e-6) for name, one in weights(clean).items())


def test_a_reward_that_is_no_number_and_cannot_be_replaced_is_refused():
    steps = Steps.of([scripted([1.0, float("nan")])])
    with pytest.raises(ValueError, match="turn 1 of episode 1 was paid nan and has no contribution"):
        spa().fit(steps)
    with pytest.raises(ValueError, match="was paid nan"):
        spa(progress="none")(steps)


def test_equal_outcomes_are_learned_and_told_and_explain_nothing(caplog):
    steps = table(0)
    last = np.append(steps.traj[1:] != steps.traj[:-1], True)
    equal = replace(steps, reward=np.where(last, 0.5, 0.0))
    method = spa()
    metrics = method.fit(equal).metrics
    assert "spa_explained" not in metrics
    assert metrics["spa_loss"] == pytest.approx(0.25, abs=0.1)
    assert "all 16 episodes earned 0.5: their sum can be learned" in caplog.text
    for _ in range(30):
        metrics = method.fit(equal).metrics
    assert metrics["spa_loss"] < 0.05


def test_a_model_that_gives_no_numbers_changes_no_weights_and_leaves_the_environments_rewards(caplog):
    steps, method = table(0), spa(base={"name": "rloo"})
    method.fit(steps)
    with torch.no_grad():
        method.estimator.learner.head.layers[-1].bias.fill_(float("inf"))
    before = {name: one.clone() for name, one in weights(method).items()}
    with caplog.at_level(logging.WARNING):
        credits = method.fit(steps)
    assert credits.metrics["spa_updates_skipped"] == 1
    assert credits.metrics["spa_unread_episodes"] == 16
    assert same(before, weights(method))
    assert np.array_equal(credits.advantages, registry.make("rloo")(steps).advantages)


def test_an_episode_with_a_turn_beyond_the_context_keeps_the_environments_rewards():
    steps, method = table(0, shortest=2), spa(context=20)
    credits = method.fit(steps)
    length = np.bincount(steps.traj)
    assert credits.metrics["spa_unread_episodes"] == np.sum(length > 4)
    assert 0 < np.sum(length > 4) < 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minibatch": 0}, "minibatch is 0; choose 1 or more"),
        ({"epochs": 0}, "epochs is 0; choose 1 or more"),
        ({"context": 0}, "context is 0; choose 1 or more tokens, or leave it out"),
    ],
)
def test_a_number_out_of_range_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        spa(**options)


def test_a_base_that_is_unknown_or_learns_is_refused():
    with pytest.raises(LookupError, match="did you mean"):
        spa(base={"name": "gea"})
    with pytest.raises(ConfigError, match=r"\[credit.base\] needs a value for 'backbone'"):
        spa(base={"name": "spa"})


def test_nothing_is_built_before_it_is_needed():
    made: list[int] = []
    registry.make(
        "spa", backbone=OwnModel(lambda: made.append(1) or small_model()), base={"name": "grpo"}, seed=0
    )
    assert made == []


PAGE = Path(__file__).parents[2] / "docs" / "credit" / "spa.md"


def documented() -> list[dict[str, Any]]:
    blocks = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [run["credit"] for run in map(tomllib.loads, blocks) if "credit" in run]


@pytest.mark.parametrize("section", documented())
def test_every_run_file_on_the_page_gives_credit(section):
    steps = table(0)
    steps = replace(steps, token_value=np.zeros(int(steps.tokens.sum())))
    method = spa(**{key: value for key, value in section.items() if key != "name"})
    method.fit(steps)  # before it an estimator says 0 of every turn
    credits = method.fit(steps)
    assert np.isfinite(credits.advantages).all()
    assert np.ptp(credits.advantages) > 0
