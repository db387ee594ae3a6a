"""Real results of small panels, and hands that change them as a forger would."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turngym import envs
from turngym.agents.engines.scripted import ScriptedEngine
from turngym.agents.rehearsal import END, Bytes, encode
from turngym.benchmarks import Benchmark, arguments, entrant, load_suite, panel, strict
from turngym.benchmarks.replay import Replayed, choose, replay
from turngym.benchmarks.result import (
    EPISODES,
    RESULT,
    TRACES,
    Record,
    content_id,
    contents,
    file_digest,
    line,
    read_result,
    write_result,
)
from turngym.benchmarks.score import aggregate
from turngym.benchmarks.trace import row
from turngym.benchmarks.verify import Verdict, verify
from turngym.core.types import Info
from turngym.envs.corridor import Corridor

SUITES = {
    "walks": """
first = 0
count = 6
samples = 2
max_turns = 5
[env]
name = "turngym/Corridor-v0"
""",
    "homes": """
first = 0
count = 4
max_turns = 16
[env]
name = "turngym/Household-v0"
size = "tiny"
split = "test"
""",
    "flaky": """
first = 0
count = 4
max_turns = 5
[env]
name = "test/Flaky-v0"
""",
    "spoken": """
first = 0
count = 4
max_turns = 5
[env]
name = "turngym/Corridor-v0"
""",
}
"""By name: a panel. Each is played by the player of the same name below."""
PLAYERS = {"walks": "random", "homes": "expert", "flaky": "random", "spoken": "chat"}


class Flaky(Corridor):
    """A corridor whose third house breaks down at the second step, the first time that it is played."""

    broken: set[int] = set()  # noqa: RUF012 (shared by all, so that a second attempt gets through)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        self.steps, self.number = 0, seed
        return super().reset(seed=seed, options=options)

    def step(self, action: str) -> Any:
        self.steps += 1
        if self.number == 2 and self.steps == 2 and 2 not in self.broken:
            self.broken.add(2)
            raise OSError("the house fell in")
        return super().step(action)


if "test/Flaky-v0" not in envs.registry.names():
    envs.register("test/Flaky-v0", Flaky)


class Chat(Bytes):
    """Messages in bytes, with the tokenizer that traces are decoded by."""

    class Tokenizer:
        def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
            return "".join("<end>" if id == END else chr(id) for id in token_ids)

    tokenizer = Tokenizer()


def play(name: str, out: Path, folder: Path, *, seed: int = 0) -> Benchmark:
    """Play the panel of that name for real, and leave its result in `out`."""
    benchmark = load_suite(suite(name, folder))
    sections: dict[str, dict[str, Any]] = {
        "agent": {"name": PLAYERS[name]},
        "engine": {"name": "scripted"},
        "pool": {"workers": 0, "slots": 2},
        "sampler": {"max_tokens": 8} if name == "spoken" else {},
    }
    Flaky.broken = set()
    brain: dict[str, Any] = {}
    if name == "spoken":
        script = ScriptedEngine(["right", "left", "left", "hm", "left"], encode=encode, end_id=END)
        brain = {"engine": script, "renderer": Chat()}
    hints = {"expert": True} if PLAYERS[name] == "expert" else {}
    with panel.player(benchmark, sections, info=hints, **brain) as sampler:
        model = "some-model" if brain else None
        plan = entrant.plan(benchmark, sections, sampler, seed=seed, model=model)
        panel.play(benchmark, sampler, plan, out=out)
    return benchmark


def suite(name: str, folder: Path) -> Path:
    """The suite file of that name."""
    path = folder / f"{name}.toml"
    path.write_text(SUITES[name], encoding="utf-8")
    return path


@dataclass(kw_only=True)
class Forgery:
    """A copy of a result, taken apart."""

    folder: Path
    suite: Path
    benchmark: Benchmark
    record: Record
    rows: list[Record]
    traces: list[Record]

    def verdict(self) -> Verdict:
        return verify(self.folder, self.suite)

    def replayed(self, sample: int | None = None) -> Replayed:
        record = strict.record(self.folder)
        made_with = arguments(self.benchmark.env)
        with envs.Pool(self.benchmark.env["name"], workers=0, slots=3, **made_with) as pool:
            chosen = choose(record, len(self.rows), sample, seed=0)
            return replay(self.folder, record, self.benchmark, pool, chosen)

    def trace(self, wanted: Callable[[Record], bool]) -> Record:
        """The first trace of that kind."""
        return next(trace for trace in self.traces if wanted(trace))

    def rehash(self) -> None:
        """Write everything with digests and id that fit, and every sum as it was said."""
        told = {key: value for key, value in self.record.items() if key not in ("schema", "id", "files")}
        write_result(self.folder, told, self.rows, self.traces)

    def recompute(self) -> None:
        """Write everything as if the traces were true: rows, sums, digests and id follow from them."""
        self.rows = [row(trace) for trace in self.traces]
        told = self.record["panel"]
        self.record |= aggregate(self.rows, told["tasks"], told["samples"])
        told["contents"] = contents(told["digest"], self.record["env"]["data"], self.rows)
        self.rehash()

    def readdress(self) -> None:
        """Have digests and id fit the files as they lie there."""
        self.record["files"] = {name: file_digest(self.folder / name) for name in (EPISODES, TRACES)}
        self.record["id"] = content_id(self.record)
        text = json.dumps(self.record, indent=2, ensure_ascii=False) + "\n"
        (self.folder / RESULT).write_text(text, encoding="utf-8")

    def edit(self, name: str, before: str | bytes, after: str | bytes) -> None:
        """Change the bytes of one file."""
        old, new = (text.encode() if isinstance(text, str) else text for text in (before, after))
        content = (self.folder / name).read_bytes()
        assert old in content, f"{name} does not hold {old!r}"
        (self.folder / name).write_bytes(content.replace(old, new, 1))


def take(result: Path, folder: Path, copy: Path) -> Forgery:
    """A copy of a result that lies in `result`, whose suite file is in `folder`."""
    shutil.copytree(result, copy)
    stored = read_result(copy)
    path = folder / f"{result.name}.toml"
    return Forgery(
        folder=copy,
        suite=path,
        benchmark=load_suite(path),
        record=json.loads(json.dumps(stored.record)),
        rows=[dict(one) for one in stored.rows],
        traces=list(stored.traces()),
    )


def lines(traces: Sequence[Record]) -> bytes:
    """The bytes of a file of traces."""
    return gzip.compress(b"".join(map(line, traces)), mtime=0)


__all__ = ["EPISODES", "PLAYERS", "RESULT", "TRACES", "Forgery", "lines", "play", "suite", "take"]
