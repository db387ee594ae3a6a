"""The same result once more, from its own record, and what came out alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turngym.benchmarks import Benchmark, strict
from turngym.benchmarks.result import Record, Stored, canonical
from turngym.benchmarks.strict import shown
from turngym.benchmarks.verify import known_panel, same, verify
from turngym.core import config
from turngym.core.errors import ConfigError

COMPARED = ("success", "score", "reward", "turns", "tokens", "error_rate")
"""Metrics that a reproduction should repeat; seconds are the machine's."""
LEADS_AWAY = ("/", "\\", "$", "~", "://")
"""What a text holds that may be a path, an address or a variable."""


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """Two results held against each other."""

    episodes: int
    """Attempts of the first."""
    alike: int
    """Those that came out the same, turn by turn and token by token; log-probabilities may be rounded otherwise."""
    metrics: dict[str, str]
    """By name: `equal`, `overlap` (the 95 % intervals do) or `apart`, with the numbers."""
    remarks: list[str]
    """What else differs: versions, machine."""

    @property
    def exact(self) -> bool:
        """Whether everything but the time came out the same."""
        return self.alike == self.episodes and all(verdict == "equal" for verdict in self._verdicts())

    @property
    def holds(self) -> bool:
        """Whether no metric lies apart."""
        return "apart" not in self._verdicts()

    def _verdicts(self) -> list[str]:
        return [text.partition(":")[0] for text in self.metrics.values()]

    def __str__(self) -> str:
        verdict = "exactly" if self.exact else "within its intervals" if self.holds else "NOT"
        lines = [f"{name}  {text}" for name, text in self.metrics.items()]
        alike = f"{self.alike:,} of {self.episodes:,} attempts came out the same, turn by turn"
        return "\n".join([f"reproduced {verdict}: {alike}", *(f"  {one}" for one in [*lines, *self.remarks])])


def sections(record: Record, overrides: list[str]) -> dict[str, config.Table]:
    """How the result was played, as the sections of a run, with the user's overrides.

    A text that may lead to a file, a host or a variable of this machine is taken from the user alone. Raises
    `ConfigError` that names the first one which the user did not give.
    """
    engine = record["model"] or {"engine": "hf", "arguments": {}}
    told: dict[str, config.Table] = {
        "agent": {"name": record["agent"]["name"], **record["agent"]["arguments"]},
        "engine": {"name": engine["engine"], **engine["arguments"]},
        "pool": {},
        "sampler": dict(record["decoding"]),
    }
    given = config.override({}, overrides)
    config.check_sections(given, told)
    for section, table in told.items():
        for key, value in table.items():
            if key not in given.get(section, {}) and _leads_away(value):
                raise ConfigError(
                    f"the result was played with {section}.{key} = {shown(value)}, which is not followed on its own "
                    f"word; give {section}.{key}=VALUE"
                )
    return config.override(told, overrides)


def _leads_away(value: Any) -> bool:
    if isinstance(value, str):
        return any(mark in value for mark in LEADS_AWAY)
    if isinstance(value, Mapping):
        return any(map(_leads_away, [*value, *value.values()]))
    return isinstance(value, list) and any(map(_leads_away, value))


def sound(folder: Path, suite: Path | None = None) -> tuple[Stored, Benchmark]:
    """The result and its panel, where the result follows from its episodes. Raises `UserError` otherwise."""
    stored = strict.read(folder)
    benchmark = _panel(stored.record, known_panel(stored.record, suite))
    if differences := verify(folder, suite).differences:
        raise ConfigError(
            f"{folder} is no sound result: {strict.printable(differences[0])} (see turngym verify)"
        )
    return stored, benchmark


def _panel(record: Record, benchmark: Benchmark | None) -> Benchmark:
    """The panel that the result names, where it is here and the same."""
    name = shown(record["panel"]["name"])
    if benchmark is None:
        raise ConfigError(f"no panel called {name} is known here; give its suite, as --suite FILE.toml")
    if benchmark.digest != record["panel"]["digest"]:
        raise ConfigError(
            f"the result was played on a panel {name} with digest {shown(record['panel']['digest'])[:14]}..., "
            f"and {benchmark.name!r} has {benchmark.digest[:12]} here; give its suite, as --suite FILE.toml"
        )
    return benchmark


def check_model(record: Record, model: str | None) -> None:
    """Raise `ConfigError` where a model played and none is given, or the other way round."""
    if record["model"] is not None and model is None:
        raise ConfigError(
            f"the result was played by the model {shown(record['model']['name'])}; say where it is, as --model FOLDER"
        )
    if record["model"] is None and model is not None:
        raise ConfigError(
            f"the result was played without a model, by {shown(record['agent']['name'])}; drop --model"
        )


def check_weights(record: Record, plan: Record) -> None:
    """Raise `ConfigError` where the weights at hand are others than those that played."""
    there, here = (found["model"] and found["model"]["digest"] for found in (record, plan))
    if there and there != here:
        raise ConfigError(
            f"the result was played by weights with digest {shown(there)[:14]}..., and {plan['model']['name']} "
            f"has {here and here[:12]}; give the folder with the same files"
        )


def compare(first: Stored, second: Stored) -> Reproduction:
    """What of the first result came out the same in the second."""
    alike, apart = 0, 0.0
    for one, other in _pairs(first, second):
        if _fingerprint(one) == _fingerprint(other):
            alike += 1
            apart = max([apart, *(abs(p - q) for p, q in _logprobs(one, other))])
    metrics = {name: _verdict(first.record, second.record, name) for name in COMPARED}
    rounded = [f"log-probabilities differ by up to {apart:.1g}, as other batches round them"] if apart else []
    return Reproduction(
        episodes=len(first.rows),
        alike=alike,
        metrics={name: text for name, text in metrics.items() if text},
        remarks=[*rounded, *_remarks(first.record, second.record)],
    )


def _pairs(first: Stored, second: Stored) -> Iterator[tuple[Record, Record]]:
    """The attempts that both made, each once; both have them in the panel's order, so few wait in memory."""
    later, waiting = _numbered(second), dict[str, Record]()
    for key, trace in _numbered(first):
        while key not in waiting and (found := next(later, None)):
            waiting[found[0]] = found[1]
        if key in waiting:
            yield trace, waiting.pop(key)


def _numbered(stored: Stored) -> Iterator[tuple[str, Record]]:
    """Each trace, under its task, member and which attempt it is."""
    attempts: Counter[tuple[str, int]] = Counter()
    for row, (_, trace) in zip(stored.rows, strict.traces(stored.folder), strict=True):
        episode = (row["task"], row["member"])
        attempts[episode] += 1
        yield canonical([*episode, attempts[episode]]), trace


def _fingerprint(trace: Record) -> str:
    """All of an attempt but its time, the stack trace of an error, and how its log-probabilities were rounded."""
    error = (trace["error"] or "").partition("\n")[0]
    turns = [
        {**turn, "calls": [{**call, "logprobs": None} for call in turn["calls"]]} for turn in trace["turns"]
    ]
    return canonical({**trace, "seconds": None, "error": error, "turns": turns})


def _logprobs(one: Record, other: Record) -> Iterator[tuple[float, float]]:
    """Of the same tokens, pair by pair."""
    for ours, theirs in zip(one["turns"], other["turns"], strict=True):
        for call, again in zip(ours["calls"], theirs["calls"], strict=True):
            yield from zip(call["logprobs"], again["logprobs"], strict=True)


def _verdict(first: Record, second: Record, name: str) -> str:
    one, other = first["metrics"][name], second["metrics"][name]
    if one is None and other is None:
        return ""
    if one is None or other is None:
        return "apart: told by one result alone"
    numbers = f"{_interval(one)} and {_interval(other)}"
    if same(one["mean"], other["mean"]):
        return f"equal: {numbers}"
    overlap = one["low"] <= other["high"] and other["low"] <= one["high"]
    return f"{'overlap' if overlap else 'apart'}: {numbers}"


def _interval(metric: Record) -> str:
    return f"{metric['mean']:.4g} ({metric['low']:.4g} to {metric['high']:.4g})"


def _remarks(first: Record, second: Record) -> Iterator[str]:
    for path in (("code", "version"), ("code", "commit"), ("agent", "digest"), ("machine", "system")):
        one, other = (record[path[0]].get(path[1]) for record in (first, second))
        if one != other:
            yield f"{'.'.join(path)} was {shown(one)}, is {shown(other)}"
    packages = {**first["env"]["packages"], **second["env"]["packages"]}
    for name in sorted(packages):
        one, other = (record["env"]["packages"].get(name) for record in (first, second))
        if one != other:
            yield f"package {name} was {shown(one)}, is {shown(other)}"
