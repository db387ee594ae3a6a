"""Sound result directories made without playing, for tests of the board."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turngym.benchmarks import Benchmark, entrant, numbered
from turngym.benchmarks.result import Record, contents, write_result
from turngym.benchmarks.score import aggregate
from turngym.benchmarks.trace import row, trace
from turngym.core.types import Call, Status, Task, Trajectory, Turn

ENV = {"name": "turngym/Corridor-v0"}
MODEL = {"name": "weights/hgpo", "engine": "hf", "arguments": {}, "digest": "ab" * 32}
PACKAGE = {"distribution": "turngym 0.1.0", "digest": "cd" * 32}


def halls(count: int = 60, **changed: Any) -> Benchmark:
    """A panel that no package knows."""
    said: dict[str, Any] = {"name": "halls", "env": ENV, "max_turns": 20, "about": "Halls of seven cells"}
    return numbered(first=0, count=count, **said | changed)


def agent(name: str, **arguments: Any) -> Record:
    return {"name": name, "arguments": arguments, **PACKAGE}


class Letters:
    """A tokenizer of letters."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        return "".join(map(chr, token_ids))


def attempt(
    task: Task,
    won: bool | None,
    *,
    told: bool = True,
    obs: str = "A hall.",
    bonus: float = 0.0,
    asks: bool = False,
) -> Trajectory:
    """An attempt that won, did not, or failed (`None`); `told`: whether the environment says who won."""
    call = Call(prompt_ids=[60, 104, 62], action_ids=[101, 97, 115, 116], logprobs=[-0.5] * 4, stop="stop")
    length = 0 if won is None else 3 + task.seed % 7
    turns = [Turn(obs=obs, action="east", reward=0.0, calls=[call] if asks else []) for _ in range(length)]
    if turns:
        turns[-1].terminated, turns[-1].reward = True, float(bool(won)) + bonus
    return Trajectory(
        task=task,
        member=0,
        turns=turns,
        final_obs="Outside." if won else "",
        status=Status.ENV_ERROR if won is None else Status.DONE,
        success=won if told else None,
        error="the hall fell in" if won is None else None,
        category=["short", "long"][task.seed % 2],
        seconds=0.25,
    )


def make(
    folder: Path, won: Sequence[bool | None], benchmark: Benchmark | None = None, **changed: Any
) -> Path:
    """A result whose tasks ended as `won` says; `changed` are keys of `result.json`."""
    benchmark = benchmark or halls(len(won))
    asks = changed.get("model") is not None
    attempts = [attempt(task, end, asks=asks) for task, end in zip(benchmark.tasks, won, strict=True)]
    return store(folder, attempts, benchmark, **changed)


def store(folder: Path, attempts: Sequence[Trajectory], benchmark: Benchmark, **changed: Any) -> Path:
    """A result of the attempts."""
    traces = [trace(one, Letters()) for one in attempts]
    rows = [row(one) for one in traces]
    panel = entrant.panel(benchmark)
    panel["contents"] = contents(panel["digest"], {}, rows)
    told = aggregate(rows, len(benchmark.tasks), benchmark.samples)
    write_result(folder, {**SAID, "panel": panel, **told, **changed}, rows, traces)
    return folder


SAID: Record = {
    "env": {"id": "turngym/Corridor-v0", "packages": {"turngym": "0.1.0"}, "data": {}},
    "agent": agent("random"),
    "model": None,
    "credit": None,
    "trained_on": "none",
    "decoding": {
        "temperature": 1.0,
        "max_tokens": 32,
        "max_context": 1024,
        "timeout": None,
        "retries": 1,
        "env_validity": True,
    },
    "seed": 0,
    "cost": None,
    "seconds": 12.5,
    "code": {"version": "0.1.0", "commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False},
    "machine": {"system": "Linux", "processors": 2, "python": "3.13.0"},
    "date": "2026-11-23T08:00:00+00:00",
}
