from __future__ import annotations

import pytest

pytest.importorskip("transformers")

import torch
from hypothesis import given
from hypothesis import strategies as st

from turngym.agents.engines.kvcache import GRAIN, Held, KVCache


def stored(cache: KVCache) -> None:
    """Write one key and value of 128 bytes, so that the cache knows how wide its rows are."""
    cache.place([Held()], GRAIN)
    one = torch.ones(1, 1, 32)
    cache.write(0, torch.tensor([0]), one, one)


@given(st.sets(st.integers(0, 99), min_size=1), st.integers(1, 5000))
def test_runs_cover_every_wanted_slot_once_and_read_little_else(slots: set[int], length: int) -> None:
    cache = KVCache(GRAIN)
    stored(cache)
    runs = cache.runs(sorted(slots), length)
    covered = [slot for run in runs for slot in range(run.start, run.stop)]
    assert covered == sorted(set(covered))
    assert slots <= set(covered)
    assert {run.start for run in runs} | {run.stop - 1 for run in runs} <= slots


def test_a_small_gap_is_read_along_and_a_large_one_is_not() -> None:
    cache = KVCache(GRAIN)
    stored(cache)
    assert cache.runs([0, 1, 3, 9], 1) == [slice(0, 10)]
    assert cache.runs([0, 1, 3, 9], 10_000) == [slice(0, 2), slice(3, 4), slice(9, 10)]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(1, 4 * GRAIN)), max_size=30))
def test_slots_are_never_shared_and_the_bound_is_kept(requests: list[tuple[int, int]]) -> None:
    cache = KVCache(6 * GRAIN)
    episodes = [Held() for _ in range(8)]
    for number, length in requests:
        if number == 0:
            cache.release(episodes[length % 8])
        batch = [episodes[number], episodes[(number + 3) % 8]][: cache.fits(length)]
        cache.place(batch, length)
        taken = [held.slot for held in episodes if held.slot >= 0]
        assert len(taken) == len(set(taken))
        assert all(held.slot >= 0 for held in batch)
        assert cache.capacity >= length
        assert cache.reserved <= 6 * GRAIN


def test_the_episode_unused_for_longest_is_forgotten_first() -> None:
    cache = KVCache(2 * GRAIN)
    first, second, third = Held(), Held(), Held()
    for held in (first, second, first, third):
        cache.place([held], GRAIN)
    assert (first.slot >= 0, second.slot >= 0, third.slot >= 0) == (True, False, True)


def test_what_is_stored_survives_growth() -> None:
    cache = KVCache(64 * GRAIN)
    held = Held()
    cache.place([held], 2)
    keys, values = torch.randn(2, 2, 3), torch.randn(2, 2, 3)  # [heads, T, dim]
    cache.write(0, torch.tensor([0, 1, cache.capacity, cache.capacity + 1]), keys, values)
    held.ids = [7, 8]
    cache.place([Held() for _ in range(5)], 10 * GRAIN)
    kept_keys, kept_values = cache.read(0, slice(held.slot, held.slot + 1), 2)
    assert torch.equal(kept_keys[0], keys)
    assert torch.equal(kept_values[0], values)
