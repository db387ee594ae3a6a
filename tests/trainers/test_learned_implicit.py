"""Implicit reward models on a real small transformer: exact gradients, what they learn, and bad input."""

from __future__ import annotations

import asyncio
import copy
import math
from contextlib import ExitStack

import numpy as np
import pytest
import torch

from turngym.core.config import Table
from turngym.core.samples import assign, pack
from turngym.core.seeding import derive_seed
from turngym.core.types import Call, Group, Task, Trajectory, Turn
from turngym.credit import Learned, Steps
from turngym.credit.group import GRPO, dr_grpo
from turngym.credit.implicit import OPRL, episode_groups, outcomes
from turngym.credit.implicit_model import sampled_rows
from turngym.credit.implicit_tokens import PRIME
from turngym.credit.preference import Pairs
from turngym.trainers.adapters import AdaptedPolicy
from turngym.trainers.backbone import OwnModel
from turngym.trainers.demonstrations import cloneable
from turngym.trainers.models import tiny
from turngym.trainers.setup import prepare

VOCABULARY = 20
MODEL = tiny(
    hidden=32, layers=2, heads=2, feed_forward=48, vocabulary=[f"w{i}" for i in range(VOCABULARY - 5)]
).model


def own(**options) -> OwnModel:
    return OwnModel(lambda: copy.deepcopy(MODEL), **options)


def flat(backbone) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in backbone.parameters()])


def episode(rng, member, reward, *, turns, growing=True, seed=0) -> Trajectory:
    """Random tokens: one conversation that grows, or a prompt written afresh each turn."""
    made, ids = [], []
    for t in range(turns):
        ids = (ids if growing else []) + rng.integers(0, VOCABULARY, 3).tolist()
        action = rng.integers(0, VOCABULARY, int(rng.integers(1, 4))).tolist()
        call = Call(prompt_ids=list(ids), action_ids=action, logprobs=[-3.0] * len(action))
        made.append(Turn(obs="", action="", reward=reward if t == turns - 1 else 0.0, calls=[call]))
        ids = ids + action
    return Trajectory(task=Task(env="e", seed=seed), member=member, turns=made)


def group(seed, rewards, *, growing=True) -> Group:
    rng = np.random.default_rng(seed)
    members = [
        episode(rng, i, reward, turns=int(rng.integers(1, 4)), growing=growing, seed=seed)
        for i, reward in enumerate(rewards)
    ]
    return Group(task=Task(env="e", seed=seed), trajectories=members)


def table(*groups: Group) -> Steps:
    return Steps.of(groups, pack(trajectory for one in groups for trajectory in one.trajectories))


MIXED = (group(0, [1, 0, 0, 1]), group(1, [0, 0, 0]), group(2, [1, 0], growing=False), group(3, [1]))
METHODS = [OPRL, PRIME]


def plain_scores(model, steps: Steps, beta: float) -> torch.Tensor:
    """The score of every episode by one plain forward pass per sequence, with its graph."""
    scores = [torch.zeros(()) for _ in range(int(steps.traj.max()) + 1)]
    for sample in steps.samples:
        logits = model(input_ids=torch.tensor([sample.token_ids])).logits[0].log_softmax(-1)
        for p, row in enumerate(sample.row):
            if row >= 0:
                ratio = logits[p - 1, sample.token_ids[p]] - sample.logprobs[p]
                scores[steps.traj[row]] = scores[steps.traj[row]] + beta * ratio
    return torch.stack(scores)


def kept_gradient(method) -> torch.Tensor:
    """What the method's optimizer step is about to follow."""
    found = []

    def step():
        found.append(
            torch.cat([p.grad.flatten() for p in method.backbone.parameters() if p.grad is not None])
        )
        return {"grad_norm": 0.0, "updates_skipped": 0.0}

    method.model.learner.step = step
    method.fit(table(*MIXED))
    return found[0]


@pytest.mark.parametrize("max_tokens", [16384, 100, 8])
def test_the_preference_gradient_is_exact_however_the_samples_are_cut(max_tokens):
    steps = table(*MIXED)
    model = copy.deepcopy(MODEL)
    score = plain_scores(model, steps, 0.5)
    better = outcomes(steps) > 0
    same = episode_groups(steps)[:, None] == episode_groups(steps)[None]
    pairs = np.argwhere(same & better[:, None] & ~better[None])
    assert len(pairs) == 2 * 2 + 1
    loss = -sum(torch.nn.functional.logsigmoid(score[p] - score[n]) for p, n in pairs) / len(pairs)
    loss.backward()
    expected = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    found = kept_gradient(OPRL(backbone=own(max_tokens=max_tokens), beta=0.5))
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("max_tokens", [16384, 100, 8])
def test_the_cross_entropy_gradient_is_exact_however_the_samples_are_cut(max_tokens):
    steps = table(*MIXED)
    model = copy.deepcopy(MODEL)
    score = plain_scores(model, steps, 0.5)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(score, torch.tensor(outcomes(steps)).float())
    loss.backward()
    expected = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    found = kept_gradient(PRIME(backbone=own(max_tokens=max_tokens), beta=0.5))
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_batch_that_holds_whole_groups_needs_one_forward_pass_a_token():
    assert OPRL(backbone=own()).fit(table(*MIXED)).metrics["prm_forwards"] == 1
    assert OPRL(backbone=own(max_tokens=100)).fit(table(*MIXED)).metrics["prm_forwards"] == 1
    cut = OPRL(backbone=own(max_tokens=8)).fit(table(*MIXED)).metrics["prm_forwards"]
    assert 1 < cut < 2  # groups without a pair are read once even so
    after = OPRL(backbone=own(), rewards="after").fit(table(*MIXED)).metrics["prm_forwards"]
    assert after == 2


@pytest.mark.parametrize("method", METHODS)
def test_an_update_moves_the_weights_and_asking_does_not(method):
    made = method(backbone=own(), lr=1e-3)
    assert isinstance(made, Learned)
    before, steps = flat(made.backbone), table(*MIXED)
    made(steps)
    assert torch.equal(flat(made.backbone), before)
    assert made.fit(steps).metrics["prm_updates"] == 1
    assert not torch.equal(flat(made.backbone), before)


@pytest.mark.parametrize("method", METHODS)
def test_credit_is_that_of_the_weights_before_the_update_unless_after_is_asked_for(method):
    steps = table(*MIXED)
    before, after = method(backbone=own(), lr=1e-2), method(backbone=own(), lr=1e-2, rewards="after")
    asked = before(steps).advantages
    assert before.fit(steps).advantages == pytest.approx(asked, abs=1e-5)
    assert after.fit(steps).advantages == pytest.approx(before(steps).advantages, abs=1e-5)
    assert np.abs(before(steps).advantages - asked).max() > 1e-3


def test_a_model_that_equals_the_policy_gives_the_episodes_credit_alone():
    steps = table(*MIXED)
    for sample in steps.samples:  # the old policy is the model itself
        with torch.no_grad():
            logits = MODEL(input_ids=torch.tensor([sample.token_ids])).logits[0].log_softmax(-1)
        read = [float(logits[p - 1, token]) for p, token in enumerate(sample.token_ids)]
        sample.old_logprobs = [x if row >= 0 else 0.0 for x, row in zip(read, sample.row, strict=True)]
    found = OPRL(backbone=own(), scale=False).fit(steps)
    assert found.metrics["prm_loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert found.metrics["step_reward_std"] < 1e-6
    expected = dr_grpo(cross_steps=False)(steps).advantages * in_company(steps)
    assert found.advantages == pytest.approx(expected, abs=1e-5)


def in_company(steps: Steps) -> np.ndarray:
    """0 for episodes alone in their group, which the paper's statistics leave at 0."""
    members = np.bincount(episode_groups(steps))
    return (members[steps.group] > 1).astype(float)


def test_minibatches_of_groups_are_as_many_updates():
    made = OPRL(backbone=own(), minibatch=1, lr=1e-3)
    metrics = made.fit(table(*MIXED)).metrics
    assert (metrics["prm_updates"], metrics["prm_terms"]) == (2, 5)  # two of four groups have pairs


@pytest.mark.parametrize("method", METHODS)
def test_a_restored_method_goes_on_bit_for_bit(method, tmp_path):
    steps, later = table(*MIXED), table(group(7, [1, 0, 1]))
    whole = method(backbone=own(), lr=1e-3)
    whole.fit(steps)
    torch.save(whole.state_dict(), tmp_path / "credit.pt")
    again = method(backbone=own(), lr=1e-3)
    again.load_state_dict(torch.load(tmp_path / "credit.pt", weights_only=True))
    assert np.array_equal(whole.fit(later).advantages, again.fit(later).advantages)
    assert torch.equal(flat(whole.backbone), flat(again.backbone))


def test_gradient_checkpointing_changes_no_number():
    plain, saving = OPRL(backbone=own(), lr=1e-3), OPRL(backbone=own(checkpointing=True), lr=1e-3)
    steps = table(*MIXED)
    assert plain.fit(steps).advantages == pytest.approx(saving.fit(steps).advantages, abs=1e-5)
    assert torch.allclose(flat(plain.backbone), flat(saving.backbone), atol=1e-6)


def test_groups_without_a_pair_are_credited_and_teach_nothing():
    made = OPRL(backbone=own(), lr=1e-3)
    before = flat(made.backbone)
    found = made.fit(table(group(1, [0, 0, 0]), group(2, [1])))
    assert found.metrics["prm_terms"] == found.metrics["prm_updates"] == 0
    assert "prm_loss" not in found.metrics  # not 0: there was none
    assert np.isfinite(found.advantages).all()
    assert found.advantages[:3].any()  # the steps differ though the outcomes do not
    assert torch.equal(flat(made.backbone), before)


@pytest.mark.parametrize("method", METHODS)
def test_a_single_turn_of_a_single_episode_gets_zero(method):
    one = Group(task=Task(env="e", seed=0), trajectories=[episode(np.random.default_rng(0), 0, 1.0, turns=1)])
    found = method(backbone=own()).fit(table(one))
    assert not found.advantages.any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [float("nan"), -float("inf")])
def test_an_unknown_logprob_silences_its_turn_teaches_nothing_and_is_counted(method, bad):
    made, steps = method(backbone=own(), lr=1e-3), table(*MIXED)
    first = next(p for p, row in enumerate(steps.samples[0].row) if row >= 0)
    steps.samples[0].logprobs[first] = bad
    found = made.fit(steps)
    assert found.metrics["unscored_turns"] == 1
    assert found.metrics["prm_updates"] == 1
    assert found.metrics["prm_terms"] == (3 if method is OPRL else 9)  # its episode is out of two pairs
    assert np.isfinite(found.advantages).all()
    assert torch.isfinite(flat(made.backbone)).all()


def test_a_turn_that_sampled_nothing_is_counted_and_is_no_baseline():
    silent = group(0, [1, 0])
    silent.trajectories[0].turns.append(Turn(obs="", action="", reward=0.0))
    found = OPRL(backbone=own()).fit(table(silent))
    assert found.metrics["unscored_turns"] == 1
    lengths = [len(trajectory.turns) for trajectory in silent.trajectories]
    assert found.advantages[lengths[0] - 1] == pytest.approx(
        GRPO(cross_steps=False)(table(silent)).advantages[0]
    )


def test_weights_that_are_broken_are_left_alone_and_the_skipped_update_is_counted():
    made = OPRL(backbone=own(), lr=1e-3)
    with torch.no_grad():
        next(iter(made.backbone.parameters()))[0, 0] = float("nan")
    found = made.fit(table(*MIXED))
    assert found.metrics["unscored_turns"] > 0
    assert found.metrics["prm_updates"] == 0
    assert np.isfinite(found.advantages).all()


def test_thresholds_win_rates_and_environments_decide_who_is_better():
    steps = table(group(0, [7, 6, 3]))
    terms = {
        "nobody lost": OPRL(backbone=own()),
        "threshold": OPRL(backbone=own(), threshold=6),
        "of another": OPRL(backbone=own(), thresholds={"other": 6.0}),
        "of this": OPRL(backbone=own(), thresholds={"e": 3.0}),
        "win rate": OPRL(backbone=own(), outcome="win_rate"),
    }
    found = {name: method.fit(steps).metrics["prm_terms"] for name, method in terms.items()}
    assert found == {"nobody lost": 0, "threshold": 2, "of another": 0, "of this": 2, "win rate": 2}


@pytest.mark.parametrize("form", ["grpo", "rloo", "reinforce_pp_baseline"])
@pytest.mark.parametrize("combine", ["sum", "merged", "process"])
@pytest.mark.parametrize("statistics", ["all_steps", "first_rows"])
def test_every_form_of_advantage_comes_from_a_fit(form, combine, statistics):
    made = OPRL(
        backbone=own(), form=form, combine=combine, statistics=statistics, trajectory="mean", norm="max_abs"
    )
    steps = table(*MIXED)
    found = made.fit(steps).advantages
    assert found.shape == (len(steps),)
    assert np.isfinite(found).all()
    assert len(np.unique(np.round(found, 6))) > 4


def test_prime_gives_every_sampled_token_its_own_advantage_in_the_samples_order():
    steps = table(*MIXED)
    found = PRIME(backbone=own(), penalty=0.1).fit(steps)
    samples = list(steps.samples)
    assign(samples, found.advantages.tolist(), per=found.per)
    given = [
        a for sample in samples for a, row in zip(sample.advantages, sample.row, strict=True) if row >= 0
    ]
    assert given == pytest.approx(found.advantages)
    assert len(found.advantages) == sum(sample.sampled for sample in samples)


def test_prime_asks_for_a_reference_that_is_not_there():
    with pytest.raises(ValueError, match="needs the trainer's frozen reference; set kl_coef"):
        PRIME(backbone=own(), reference="ref").fit(table(*MIXED))


def test_the_order_of_the_groups_changes_no_turns_credit():
    forwards, backwards = table(*MIXED), table(*MIXED[::-1])
    order = np.concatenate([np.flatnonzero(backwards.group == g) for g in range(len(MIXED))[::-1]])
    first, second = OPRL(backbone=own(), lr=1e-3), OPRL(backbone=own(), lr=1e-3)
    assert first.fit(forwards).advantages == pytest.approx(second.fit(backwards).advantages[order], abs=1e-4)
    assert torch.allclose(flat(first.backbone), flat(second.backbone), atol=1e-5)


CORRIDOR: Table = {
    "env": {"name": "turngym/Corridor-v0", "length": 5},
    "pool": {"workers": 0, "slots": 64},
    "agent": {"name": "chat"},
    "sampler": {"max_turns": 4, "max_tokens": 3},
    "model": {"name": "tiny", "hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64},
    "engine": {"name": "hf", "gather_s": math.inf},
    "trainer": {"name": "policy", "max_tokens": 4096},
    "warm_start": {"episodes": 1024, "passes": 6, "noise": 1.0, "trainer": {"lr": 1e-2, "warmup": 4}},
    "loop": {"steps": 1, "tasks_per_step": 8, "group_size": 8, "threads": 1},
    "eval": {"tasks": 8},
}


def towards_the_exit(steps: Steps) -> np.ndarray:
    """Whether each turn took the right step. [N]"""
    turns = [turn for trajectory in steps.trajectories for turn in trajectory.turns]
    return np.array([turn.action == ("right" if turn.state[1] > turn.state[0] else "left") for turn in turns])


def pair_accuracy(method, steps: Steps) -> tuple[float, int]:
    """How many pairs of better and worse episodes the sums of step rewards put right, and of how many."""
    step = np.bincount(sampled_rows(steps.samples), method.model.rewards(steps), len(steps))
    loss = Pairs(group=episode_groups(steps), better=outcomes(steps) > 0)
    score = np.bincount(steps.traj, step)
    judged = loss(score, np.ones(len(score), dtype=bool), 1)
    return judged.right, judged.count


def ranked(method, steps: Steps) -> float:
    """The chance that a right step is rewarded above a wrong one."""
    step = np.bincount(sampled_rows(steps.samples), method.model.rewards(steps), len(steps))
    right = towards_the_exit(steps)
    return float((step[right][:, None] > step[~right][None]).mean())


async def learned_on_the_corridor(name: str, *, updates: int):
    """The method after some updates on fresh groups of a fixed policy, and groups that it never saw."""
    with ExitStack() as stack:
        setup = prepare(CORRIDOR | {"credit": {"name": name, "lr": 1e-3}}, stack)
        loop, warm = setup.loop, setup.warm_start
        demonstrations = cloneable(await warm.sampler.collect(warm.tasks, 1, 0))
        for _ in range(3):  # of the six it is set up for, so that it still errs
            warm.trainer.update(demonstrations)
        loop.sampler.engine = loop.trainer.publish()

        async def fresh(number: int) -> Steps:
            groups = await loop.sampler.collect(loop.tasks(number), 8, derive_seed(0, "rollout", number))
            samples = pack(trajectory for one in groups for trajectory in one.trajectories)
            loop.trainer.score(samples)
            return Steps.of(groups, samples)

        held_out = [await fresh(1000 + i) for i in range(4)]
        before = [pair_accuracy(loop.credit, steps) for steps in held_out]
        for number in range(updates):
            loop.credit.fit(await fresh(number))
        return loop.credit, held_out, before


@pytest.mark.parametrize("name", ["oprl", "prime"])
def test_held_out_pairs_and_right_steps_are_told_apart_after_twenty_updates(name):
    method, held_out, before = asyncio.run(learned_on_the_corridor(name, updates=20))
    right, count = map(sum, zip(*before, strict=True))
    assert count > 100
    assert right / count == pytest.approx(0.5, abs=0.01)  # a copy of the policy cannot tell
    right, count = map(sum, zip(*(pair_accuracy(method, steps) for steps in held_out), strict=True))
    assert right / count > 0.8
    assert np.mean([ranked(method, steps) for steps in held_out]) > 0.7


def adapted(model) -> AdaptedPolicy:
    return AdaptedPolicy(lambda: model, lora=4)


def test_fresh_adapters_on_the_policy_read_as_the_policy_does():
    steps = table(*MIXED)
    model = copy.deepcopy(MODEL)
    plain = OPRL(backbone=own()).model.rewards(steps)
    assert OPRL(backbone=adapted(model)).model.rewards(steps) == pytest.approx(plain, abs=1e-6)


def test_adapters_learn_and_leave_the_policy_as_it_was():
    steps, model = table(*MIXED), copy.deepcopy(MODEL).train()
    made = OPRL(backbone=adapted(model), lr=1e-2)
    before = made.model.rewards(steps)
    for _ in range(10):
        metrics = made.fit(steps).metrics
    assert np.abs(made.model.rewards(steps) - before).max() > 1e-2
    assert metrics["prm_accuracy"] == 1
    assert same_weights(model, MODEL)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model(input_ids=ids).logits, MODEL(input_ids=ids).logits)  # the hooks are gone


def same_weights(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_restored_adapters_go_on_bit_for_bit(tmp_path):
    steps, model = table(*MIXED), copy.deepcopy(MODEL)
    whole = OPRL(backbone=adapted(model), lr=1e-2)
    whole.fit(steps)
    torch.save(whole.state_dict(), tmp_path / "credit.pt")
    again = OPRL(backbone=adapted(model), lr=1e-2)
    again.load_state_dict(torch.load(tmp_path / "credit.pt", weights_only=True))
    assert np.array_equal(whole.fit(steps).advantages, again.fit(steps).advantages)
    assert torch.equal(flat(whole.backbone), flat(again.backbone))
