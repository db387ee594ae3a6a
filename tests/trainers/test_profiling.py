from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import torch

from turngym.trainers.profiling import parts, profiled


async def step(number: int) -> dict[str, float]:
    await asyncio.to_thread(lambda: torch.ones(8, 8) @ torch.ones(8, 8))  # as the engine does
    return {"seconds_rollout": 3.0, "seconds_update": 1.0, "reward": float(number)}


def test_the_second_and_third_step_of_a_run_leave_a_trace_and_a_table(tmp_path: Path) -> None:
    watched = profiled(step, 4, tmp_path / "profile")
    metrics = [asyncio.run(watched(number)) for number in range(4, 9)]
    assert [each["reward"] for each in metrics] == [4, 5, 6, 7, 8]
    names = sorted(path.name for path in (tmp_path / "profile").iterdir())
    assert names == ["step-6.trace.json.gz", "step-6.txt", "step-7.trace.json.gz", "step-7.txt"]
    events = json.loads(gzip.decompress((tmp_path / "profile/step-6.trace.json.gz").read_bytes()))[
        "traceEvents"
    ]
    assert any(event.get("name") == "aten::mm" for event in events)
    text = (tmp_path / "profile/step-6.txt").read_text()
    assert "aten::mm" in text
    assert "rollout" in text


def test_the_parts_of_a_step_add_up_to_it() -> None:
    lines = parts({"seconds_rollout": 3.0, "seconds_update": 1.0, "reward": 1.0}).splitlines()
    assert [line.split() for line in lines] == [
        ["rollout", "3.00", "s", "75.0%"],
        ["update", "1.00", "s", "25.0%"],
        ["step", "4.00", "s"],
    ]
