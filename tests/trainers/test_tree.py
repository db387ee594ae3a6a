"""Prefix trees: what they hold, and that a model computes on them what it computes on plain rows."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import MistralConfig, MistralForCausalLM

from turngym.agents.engines.scripted import ScriptedEngine
from turngym.core.samples import Sample
from turngym.trainers.backbone import OwnModel
from turngym.trainers.batch import Batch, batches
from turngym.trainers.forward import hidden_states, token_logits, token_logprobs
from turngym.trainers.models import tiny
from turngym.trainers.policy import PolicyTrainer
from turngym.trainers.tree import groves, plant

MODEL = tiny(hidden=32, layers=2, heads=4, feed_forward=48, vocabulary=["a", "b"]).model
TOKENS = st.integers(0, 2)  # few, so that sequences begin alike
SEQUENCES = st.lists(st.lists(TOKENS, min_size=1, max_size=14), min_size=1, max_size=8)
FEW = settings(max_examples=25)


def prefixes(sequence: list[int]) -> list[tuple[int, ...]]:
    return [tuple(sequence[: length + 1]) for length in range(len(sequence))]


@given(SEQUENCES, st.integers(1, 5))
def test_every_distinct_prefix_has_one_place_and_every_path_spells_its_sequence(
    sequences: list[list[int]], block: int
) -> None:
    tree = plant(sequences, block)
    assert len(tree.token_ids) == len({prefix for sequence in sequences for prefix in prefixes(sequence)})
    for number, sequence in enumerate(sequences):
        places = tree.places(number)
        assert [tree.token_ids[place] for place in places] == sequence
        assert [tree.depth[place] for place in places] == list(range(len(sequence)))


@given(SEQUENCES, st.integers(1, 5))
def test_every_place_looks_once_and_at_its_own_prefix(sequences: list[list[int]], block: int) -> None:
    tree = plant(sequences, block)
    path_of = {
        places[-1]: places for number in range(len(sequences)) for places in heads(tree.places(number))
    }
    asked = [place for look in tree.looks for place in range(*look.queries)]
    assert sorted(asked) == list(range(len(tree.token_ids)))
    for look in tree.looks:
        keys = [place for span in look.keys for place in range(*span)]
        start, stop = look.queries
        assert stop - start <= block
        assert keys == path_of[stop - 1]
        assert keys[-(stop - start) :] == list(range(start, stop))


def heads(places: list[int]) -> list[list[int]]:
    return [places[: length + 1] for length in range(len(places))]


@given(SEQUENCES, st.integers(1, 40))
def test_groves_take_every_sequence_once_and_stay_within_the_limit(
    sequences: list[list[int]], limit: int
) -> None:
    packs = groves(sequences, limit)
    assert sorted(number for pack in packs for number in pack) == list(range(len(sequences)))
    for pack in packs:
        size = len(plant([sequences[number] for number in pack]).token_ids)
        assert size <= limit or len(pack) == 1


@st.composite
def sample_lists(draw: st.DrawFn) -> list[Sample]:
    """Samples that begin alike, some of them equal, with sampled tokens anywhere, also first and last."""
    made = []
    for number, ids in enumerate(draw(SEQUENCES)):
        sampled = draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
        weight = draw(st.sampled_from([-1.0, 0.0, 0.5, 2.0]))
        made.append(
            Sample(
                version=0,
                token_ids=ids,
                row=[number if own else -1 for own in sampled],
                logprobs=[-1.0 * own for own in sampled],
                advantages=[weight * own for own in sampled],
                returns=[1.0 * own for own in sampled],
            )
        )
    return made


def logprobs_and_gradient(
    samples: list[Sample], limit: int, packing: Any
) -> tuple[dict[int, list[float]], torch.Tensor]:
    """Log-probabilities by sample, and the gradient of their sum weighed by advantages."""
    MODEL.zero_grad()
    said: dict[int, list[float]] = {}
    for batch in batches(samples, limit, packing=packing):
        logp = read(batch)
        torch.autograd.backward((logp * batch.advantages).sum())
        for number, one in zip(batch.sequence.tolist(), logp.tolist(), strict=True):
            said.setdefault(number, []).append(one)
    gradient = [torch.zeros_like(p) if p.grad is None else p.grad for p in MODEL.parameters()]
    return said, torch.cat([part.flatten() for part in gradient])


def read(batch: Batch) -> torch.Tensor:
    return token_logprobs(token_logits(MODEL, hidden_states(MODEL, batch)), batch.target)


@FEW
@given(sample_lists(), st.integers(1, 60))
def test_a_tree_has_the_logprobs_and_the_gradient_of_plain_rows(samples: list[Sample], limit: int) -> None:
    rows, by_rows = logprobs_and_gradient(samples, 1000, "rows")
    tree, by_tree = logprobs_and_gradient(samples, limit, "tree")
    assert tree.keys() == rows.keys()
    for number, expected in rows.items():
        assert tree[number] == pytest.approx(expected, abs=1e-5)
    assert torch.allclose(by_tree, by_rows, atol=1e-5)


def long_samples() -> list[Sample]:
    """Two families of long sequences, longer than a block of queries."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for family in range(2):
        trunk = torch.randint(0, 3, (300,), generator=generator).tolist()
        for number in range(3):
            ids = (
                trunk[: 250 + 20 * number] + torch.randint(0, 3, (80 * number,), generator=generator).tolist()
            )
            row = [3 * family + number if place % 3 else -1 for place in range(len(ids))]
            made.append(
                Sample(
                    version=0,
                    token_ids=ids,
                    row=row,
                    logprobs=[-1.0 * (r >= 0) for r in row],
                    advantages=[0.3 * (number - 1) * (r >= 0) for r in row],
                    returns=[0.5 * (r >= 0) for r in row],
                )
            )
    return made


@pytest.mark.parametrize("critic", ["none", "trunk", "own"])
def test_an_update_with_a_tree_equals_one_with_rows(critic: Any) -> None:
    parameters = []
    for packing in ("rows", "tree"):
        samples = long_samples()
        made = PolicyTrainer(
            copy.deepcopy(MODEL),
            ScriptedEngine([]),  # type: ignore[arg-type]
            packing=packing,  # type: ignore[arg-type]
            critic=critic,
            kl_coef=0.1,
            lr=1e-2,
            max_tokens=700,
        )
        made.score(samples)
        made.update(samples)
        parameters.append([p.grad.flatten() for p in made.model.parameters() if p.grad is not None])
    rows, tree = (torch.cat(parts) for parts in parameters)
    assert rows.norm() > 1e-3
    assert torch.allclose(rows, tree, atol=1e-5)


def test_a_tree_reads_the_hidden_state_of_the_sampled_token_itself() -> None:
    samples = long_samples()
    own = OwnModel(lambda: copy.deepcopy(MODEL))
    (plain,) = own.read(samples)
    (batch,) = batches(samples, 10_000, packing="tree")
    there = hidden_states(own.model, Batch(**(vars(batch) | {"at": batch.own})))
    wanted = dict(zip(spots(plain.batch), plain.hidden(), strict=True))
    for spot, state in zip(spots(batch), there, strict=True):
        assert torch.allclose(state, wanted[spot], atol=1e-5)


def spots(batch: Batch) -> list[tuple[int, int]]:
    """Sample and running number of each sampled token."""
    seen: dict[int, int] = {}
    found = []
    for number in batch.sequence.tolist():
        seen[number] = seen.get(number, -1) + 1
        found.append((number, seen[number]))
    return found


def test_checkpointing_computes_a_tree_again_in_the_backward_pass() -> None:
    samples = long_samples()
    gradients = []
    for checkpointing in (False, True):
        made = PolicyTrainer(
            copy.deepcopy(MODEL),
            ScriptedEngine([]),  # type: ignore[arg-type]
            packing="tree",
            checkpointing=checkpointing,
        )
        made.update(samples)
        gradients.append(torch.cat([p.grad.flatten() for p in made.model.parameters() if p.grad is not None]))
    assert torch.allclose(*gradients, atol=1e-6)


def test_a_model_that_sees_less_than_a_whole_sequence_is_refused_by_name() -> None:
    config = MistralConfig(
        vocab_size=3,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        sliding_window=10,
    )
    (batch,) = batches(long_samples(), 10_000, packing="tree")
    with pytest.raises(ValueError, match="sees 10 tokens, fewer than the longest sequence has"):
        hidden_states(MistralForCausalLM(config), batch)


def test_a_model_that_mixes_tokens_without_attention_is_refused() -> None:
    model = copy.deepcopy(MODEL)
    model.config.num_hidden_layers += 1  # as though one more layer mixed tokens in its own way
    (batch,) = batches(long_samples(), 10_000, packing="tree")
    with pytest.raises(ValueError, match="asked for attention in 2 of 3 layers"):
        hidden_states(model, batch)


def test_an_unknown_packing_is_refused() -> None:
    with pytest.raises(ValueError, match="packing is 'bush'; choose 'rows' or 'tree'"):
        PolicyTrainer(copy.deepcopy(MODEL), ScriptedEngine([]), packing="bush")  # type: ignore[arg-type]


def test_a_model_that_has_read_trees_still_pads_and_reads_rows_as_before() -> None:
    model = copy.deepcopy(MODEL)
    ids, mask = torch.tensor([[0, 0, 1, 2], [1, 2, 1, 2]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    before = model(input_ids=ids, attention_mask=mask).logits
    (batch,) = batches(long_samples(), 10_000, packing="tree")
    hidden_states(model, batch)
    after = model(input_ids=ids, attention_mask=mask).logits
    assert torch.allclose(before, after, atol=1e-6)
