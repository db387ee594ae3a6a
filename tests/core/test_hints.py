from __future__ import annotations

from typing import Any

import pytest

from turngym.core.hints import Machine, hints

BUSY = Machine(cores=2, threads=8)
NEW = Machine(cores=2, threads=2, units=frozenset({"amx_bf16", "avx2"}))
GPU = Machine(cores=16, threads=16, gpus=1)
SOUND = {
    "trainer": {"name": "policy", "precision": "bf16", "packing": "tree", "device": "cuda"},
    "engine": {"name": "hf", "autocast": "bfloat16"},
    "agent": {"name": "window"},
    "pool": {"workers": 8},
}


def remedies(machine: Machine, run: dict[str, Any] | None = None) -> list[str]:
    return [finding.remedy for finding in hints(machine, run)]


def changed(section: str, **keys: Any) -> dict[str, Any]:
    return SOUND | {section: SOUND[section] | keys}


def test_a_sound_run_gets_no_hint() -> None:
    assert remedies(GPU, SOUND) == []


def test_more_threads_than_cores_are_told_with_the_number_that_fits() -> None:
    assert remedies(BUSY) == ["loop.threads = 2, or 1 where others use the machine too"]
    assert remedies(BUSY, {"loop": {"threads": 1}}) == []


def test_units_for_bfloat16_are_told_where_the_run_computes_in_fp32() -> None:
    assert remedies(NEW) == ['trainer.precision = "bf16"', 'engine.autocast = "bfloat16"']
    assert remedies(Machine(cores=2, threads=2, units=frozenset({"avx2"}))) == []
    assert remedies(NEW, {"trainer": {"precision": "bf16"}, "engine": {"name": "vllm"}}) == []


@pytest.mark.parametrize(
    ("run", "remedy"),
    [
        (changed("trainer", precision="fp32"), 'trainer.precision = "bf16"'),
        (changed("trainer", device="cpu"), 'trainer.device = "cuda"'),
        (changed("trainer", packing="rows"), 'trainer.packing = "tree"'),
        (changed("pool", workers=1), "pool.workers = 8, where a step of the environment takes long"),
        (changed("pool", workers=40), "pool.workers = 16, and more pool.slots in each"),
        (SOUND | {"model": {"attention": "eager"}}, 'model.attention = "sdpa"'),
    ],
)
def test_each_slow_setting_is_told_with_the_key_to_change(run: dict[str, Any], remedy: str) -> None:
    assert remedies(GPU, run) == [remedy]
