"""Which samples are cloned, and that cloning the best learns."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from tests.trainers.test_learning import AGENTS, CORRIDOR
from tests.trainers.test_pairs import sample

from turngym.core.config import override
from turngym.trainers.check import check_trainer
from turngym.trainers.rejection import RejectionTrainer, kept
from turngym.trainers.run import train_run


def test_turns_above_the_bar_weigh_one_and_others_are_context():
    mixed = sample(([7], [1, 2], 0.5), ([8], [3], -0.5))
    bad = sample(([7], [4], -1.0))
    (good,) = kept([mixed, bad])
    assert good.advantages == [0, 1, 1, 0, 0]
    assert mixed.advantages == [0, 0.5, 0.5, 0, -0.5], "credit stays as it was"
    assert kept([bad]) == []


def test_weighted_turns_count_by_their_advantage():
    (good,) = kept([sample(([7], [1], 0.5), ([8], [3], -0.5))], weighted=True)
    assert good.advantages == [0, 0.5, 0, 0]


def test_the_top_share_is_of_all_samples_and_at_least_one():
    samples = [sample(([7], [token], advantage)) for token, advantage in enumerate([0.1, 0.9, -0.3, 0.5])]
    assert [one.token_ids for one in kept(samples, top=0.5)] == [[7, 1], [7, 3]]
    assert [one.token_ids for one in kept(samples, top=0.01)] == [[7, 1]]


def test_a_share_out_of_range_is_told():
    model: Any = None
    with pytest.raises(ValueError, match=r"top is 1\.5"):
        RejectionTrainer(model, model, top=1.5)


@pytest.mark.slow
def test_it_keeps_the_contract_but_for_what_it_never_unlearns():
    broken = [
        one.rule for one in check_trainer(partial(RejectionTrainer, lr=1e-2, above=-0.5)) if not one.passed
    ]
    assert broken == ["follows_the_advantages"]


@pytest.mark.slow
def test_cloning_what_was_better_than_its_group_learns_the_corridor(tmp_path):
    table = {"agent": AGENTS["chat"], "credit": {"name": "hgpo"}, "trainer": {"name": "rft", "lr": 1e-3}}
    summary = train_run(override(CORRIDOR | table, ["loop.steps=20"]), tmp_path)
    assert summary["warm_start"]["success"] < 0.85
    assert summary["final"]["success"] >= 0.95
