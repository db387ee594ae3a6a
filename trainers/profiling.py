"""Where a training step's time goes: traces that a browser opens, and the same as text."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from torch._C._profiler import _ExperimentalConfig
from torch.profiler import ProfilerActivity, profile, supported_activities

FIRST, COUNT = 1, 2
"""The steps of a run that are profiled: not the one that warms up."""

Step = Callable[[int], Coroutine[Any, Any, dict[str, float]]]


def profiled(step: Step, begin: int, folder: Path) -> Step:
    """A training step that leaves a trace and a table in `folder`, from the second of a run that begins at `begin`.

    `step-N.trace.json.gz` opens in chrome://tracing or ui.perfetto.dev and shows the threads of trainer and engine;
    `step-N.txt` holds the parts and the longest operations.
    """

    async def run(number: int) -> dict[str, float]:
        if not FIRST <= number - begin < FIRST + COUNT:
            return await step(number)
        folder.mkdir(parents=True, exist_ok=True)
        everywhere = _ExperimentalConfig(
            profile_all_threads=True
        )  # the engine samples in a thread of its own
        with profile(activities=_activities(), acc_events=True, experimental_config=everywhere) as seen:
            metrics = await step(number)
        name = f"step-{number + 1}"
        seen.export_chrome_trace(str(folder / f"{name}.trace.json.gz"))
        key = "self_cuda_time_total" if ProfilerActivity.CUDA in _activities() else "self_cpu_time_total"
        longest = seen.key_averages().table(sort_by=key, row_limit=30, max_name_column_width=60)
        (folder / f"{name}.txt").write_text(f"{parts(metrics)}\n\n{longest}\n", encoding="utf-8")
        return metrics

    return run


def parts(metrics: Mapping[str, float]) -> str:
    """Wall seconds of a step by part, and their sum."""
    seconds = {
        name.removeprefix("seconds_"): value for name, value in metrics.items() if name.startswith("seconds_")
    }
    whole = sum(seconds.values())
    rows = [f"{name:<12}{value:>10.2f} s {value / max(whole, 1e-9):>8.1%}" for name, value in seconds.items()]
    return "\n".join([*rows, f"{'step':<12}{whole:>10.2f} s"])


def _activities() -> list[ProfilerActivity]:
    known = supported_activities()  # type: ignore[no-untyped-call]
    return [each for each in (ProfilerActivity.CPU, ProfilerActivity.CUDA) if each in known]
