"""Two real ranks over gloo learn what one process learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.trainers import rank_learning, ranks

from turngym.trainers import distributed
from turngym.trainers.copies import clip_gradients, load_optimizer_state, optimizer_state


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two ranks left of every case."""
    path = tmp_path_factory.mktemp("ranks")
    ranks.run(2, rank_learning.__file__, str(path), *rank_learning.CASES)
    return path


def left(folder: Path, name: str) -> list[dict[str, Any]]:
    return [torch.load(folder / f"{name}-{rank}.pt", weights_only=True) for rank in (0, 1)]


def distance(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).detach().abs().max()) for name in first)


@pytest.mark.parametrize("name", rank_learning.CASES)
def test_two_ranks_learn_what_one_process_learns(folder, name):
    # Gradients are summed in another order, so they differ by rounding, which Adam's division magnifies where a
    # gradient is all but 0. Weights move by up to 1e-2 an optimizer step here; 18 steps in the longest case.
    made = rank_learning.trainer(**rank_learning.CASES[name])
    one = rank_learning.learned(made, rank_learning.learn(made))
    for two in left(folder, name):
        assert distance(one["weights"], two["weights"]) < 1e-4
        for alone, together in zip(one["metrics"], two["metrics"], strict=True):
            assert together == pytest.approx(alone, rel=1e-3, abs=1e-5)
        assert two["said"][0] == one["said"][0]
        assert two["said"][1] == pytest.approx(one["said"][1], abs=1e-3)
    before = dict(rank_learning.trainer(**rank_learning.CASES[name]).model.named_parameters())
    assert distance(one["weights"], before) > 1e-2


@pytest.mark.parametrize("name", rank_learning.CASES)
def test_ranks_agree_to_the_last_bit(folder, name):
    first, second = left(folder, name)
    assert distance(first["weights"], second["weights"]) == 0
    assert first["metrics"] == second["metrics"]
    for number, moments in first["state"]["optimizer"]["state"].items():
        assert distance(moments, second["state"]["optimizer"]["state"][number]) == 0


@pytest.mark.parametrize("name", ["ddp", "fsdp", "fsdp-all"])
def test_one_process_goes_on_from_the_state_of_two(folder, name):
    options = rank_learning.CASES[name]
    whole = rank_learning.trainer(**options)
    rank_learning.learn(whole, range(rank_learning.STEPS + 1))
    before = left(folder, name)[0]
    resumed = rank_learning.trainer(**options)
    resumed.model.load_state_dict(before["weights"], strict=False)  # tied weights have one name of two
    resumed.load_state_dict(before["state"])
    rank_learning.learn(resumed, range(rank_learning.STEPS, rank_learning.STEPS + 1))
    assert resumed.version == rank_learning.STEPS + 1
    assert distance(dict(whole.model.named_parameters()), dict(resumed.model.named_parameters())) < 1e-4


def test_moments_of_another_shape_are_refused():
    states = []
    for width in (3, 4):
        weights = torch.nn.Parameter(torch.ones(width))
        optimizer = torch.optim.AdamW([weights])
        weights.sum().backward()
        optimizer.step()
        states.append((optimizer, optimizer_state(optimizer)))
    with pytest.raises(ValueError, match=r"shape \(4,\), its weights \(3,\)"):
        load_optimizer_state(states[0][0], states[1][1])


def test_alone_every_exchange_answers_at_once():
    assert (distributed.world(), distributed.rank(), distributed.leads()) == (1, 0, True)
    assert distributed.gather("x") == ["x"]
    assert distributed.of_first("x") == "x"
    assert distributed.total({"a": 1.5}) == {"a": 1.5}
    assert list(distributed.rounds([1, 2, 3])) == [(1, True), (2, True), (3, True)]
    assert distributed.shared([1, 2], lambda number: number * 2) == [2, 4]
    assert distributed.limit([], 100) == 0


@given(st.lists(st.integers(), max_size=20), st.integers(1, 5))
def test_what_ranks_share_is_woven_together_in_order(things, count):
    assert distributed.woven([things[rank::count] for rank in range(count)]) == things


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 20))
def test_buckets_hold_every_tensor_once_and_in_order(sizes, size):
    tensors = [torch.zeros(count) for count in sizes]
    buckets = list(distributed.buckets(tensors, size))
    assert [id(tensor) for bucket in buckets for tensor in bucket] == [id(tensor) for tensor in tensors]
    assert all(len(bucket) == 1 or sum(map(torch.numel, bucket)) <= size for bucket in buckets)


def test_clipping_shrinks_all_gradients_together():
    weights = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))]
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert clip_gradients(weights, 1.0) == pytest.approx(5.0)
    assert weights[1].grad.tolist() == pytest.approx([0.8], rel=1e-5)
