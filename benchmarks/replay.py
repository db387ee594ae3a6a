"""Do the stored actions lead where the result says? They are stepped again in the real environment, without a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turngym import envs
from turngym.benchmarks import Benchmark, strict
from turngym.benchmarks.result import Record, ResultError
from turngym.benchmarks.strict import shown
from turngym.benchmarks.verify import MOST_DIFFERENCES, ending, same
from turngym.core.episodes import from_record, state_record
from turngym.core.errors import ConfigError
from turngym.core.seeding import derive_seed
from turngym.core.types import Info, Status, Task, Trajectory, Turn
from turngym.envs.base import EnvFailure, EnvHandle


@dataclass(kw_only=True)
class Replayed:
    """What came of replaying a result."""

    differences: list[str] = field(default_factory=list)
    """A sentence for everything that came out otherwise; of an episode, up to its first such turn."""
    episodes: int = 0
    """Attempts that were stepped again."""
    turns: int = 0


def choose(record: Record, count: int, sample: int | None, seed: int) -> set[int]:
    """The places of the attempts to replay: all, or `sample` of them, drawn by `seed`.

    Whoever made the result should not know the seed.
    """
    places = sorted(range(count), key=lambda place: derive_seed(seed, record["id"], place))
    return set(places if sample is None else places[:sample])


def replay(
    folder: Path,
    record: Record,
    benchmark: Benchmark,
    pool: envs.Lender,
    chosen: set[int],
    stepped: Callable[[], None] = lambda: None,
) -> Replayed:
    """Step the stored actions of the chosen attempts, as many at once as the pool has environments.

    The environment is made and reset as the panel known here says, never as the files say. `stepped` is told
    each attempt as it ends. An attempt that failed is stepped as far as it came. Raises `ConfigError` where the
    result was played on another panel.
    """
    if record["panel"]["digest"] != benchmark.digest:
        raise ConfigError(
            f"the result was played on a panel with digest {shown(record['panel']['digest'])[:14]}..., not on "
            f"{benchmark.name!r} as it is here; give the suite it was played on, as --suite FILE.toml"
        )
    replayed = Replayed()
    attempts = _attempts(folder, chosen, replayed.differences)
    asyncio.run(_replay(attempts, record, benchmark, pool, replayed, stepped))
    del replayed.differences[MOST_DIFFERENCES:]
    return replayed


def _attempts(folder: Path, chosen: set[int], differences: list[str]) -> Iterator[tuple[str, Trajectory]]:
    """The chosen traces, one by one; what is none becomes a difference."""
    try:
        for place, (where, trace) in enumerate(strict.traces(folder)):
            if place in chosen:
                try:
                    yield where, from_record(trace)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    differences.append(f"{where} is no episode: {shown(str(error))}")
    except ResultError as error:
        differences.append(f"{error}; what comes after it was not replayed")


async def _replay(
    attempts: Iterator[tuple[str, Trajectory]],
    record: Record,
    benchmark: Benchmark,
    pool: envs.Lender,
    replayed: Replayed,
    stepped: Callable[[], None],
) -> None:
    tasks = {task.id: task for task in benchmark.tasks}
    form_alone = not record["decoding"].get("env_validity", True)

    async def work() -> None:
        for where, episode in attempts:
            found = await _compare(episode, tasks.get(episode.task.id), benchmark.max_turns, pool, form_alone)
            replayed.differences += [f"{where}: {difference}" for difference in found]
            replayed.episodes += 1
            replayed.turns += len(episode.turns)
            stepped()

    async with asyncio.TaskGroup() as workers:
        for _ in range(pool.size):
            workers.create_task(work())


async def _compare(
    episode: Trajectory, task: Task | None, max_turns: int, pool: envs.Lender, form_alone: bool
) -> Sequence[str]:
    if task is None:
        return [f"{shown(episode.task.id)} is no task of the panel"]
    async with pool.lease() as env:
        try:
            return await _step(env, episode, task, max_turns, form_alone)
        except EnvFailure as failure:
            return [f"the environment failed: {shown(str(failure))}"]
        except RecursionError:
            return ["it is nested deeper than any episode"]


async def _step(
    env: EnvHandle, episode: Trajectory, task: Task, max_turns: int, form_alone: bool
) -> Sequence[str]:
    """The differences at the first moment that has any."""
    obs, info = await env.reset(seed=task.seed, options=task.options)
    category = info.get("task_type", info.get("kind"))
    if episode.turns and not same(episode.category, category):
        return [f"category is {shown(episode.category)}; the environment says {shown(category)}"]
    for number, turn in enumerate(episode.turns, start=1):
        shown_now = {
            "obs": obs,
            "state": state_record(info.get("state", obs)),
            "admissible": info.get("admissible"),
        }
        stored = {"obs": turn.obs, "state": state_record(turn.state), "admissible": turn.admissible}
        if found := _unlike(stored, shown_now, f"turn {number}"):
            return found
        obs, reward, terminated, truncated, info = await env.step(turn.action)
        came = {"reward": float(reward), "terminated": bool(terminated), "truncated": bool(truncated)}
        told = {"reward": turn.reward, "terminated": turn.terminated, "truncated": turn.truncated}
        faults = _unlike(told, came, f"turn {number}") + _validity(turn, info, number, form_alone)
        if faults:
            return faults
    return _end(episode, obs, info, max_turns)


def _unlike(stored: Record, came: Record, when: str) -> list[str]:
    return [
        f"{when} has {key} {shown(stored[key])}; the environment gives {shown(value)}"
        for key, value in came.items()
        if not _repeated(stored[key], value)
    ]


def _repeated(stored: Any, came: Any) -> bool:
    """Equal, as far as a process can repeat it: a state written by its `repr` may differ from run to run."""
    if isinstance(came, dict):
        return True
    if isinstance(came, list | tuple) and isinstance(stored, list | tuple):
        return len(came) == len(stored) and all(map(_repeated, stored, came))
    return same(stored, came)


def _validity(turn: Turn, info: Info, number: int, form_alone: bool) -> list[str]:
    """Only a malformed reply of a model makes an action invalid that the environment took.

    `form_alone`: what the environment says of validity did not count in this run.
    """
    taken = form_alone or bool(info.get("valid", True))
    wrong = turn.valid if not taken else not turn.valid and not turn.calls
    return [f"turn {number} has valid {turn.valid}; the environment gives {taken}"] if wrong else []


def _end(episode: Trajectory, obs: str, info: Info, max_turns: int) -> list[str]:
    came = {"final_obs": obs, "success": info.get("success"), "score": info.get("score")}
    told = {"final_obs": episode.final_obs, "success": episode.success, "score": episode.score}
    ended = ending(episode, max_turns)
    wrong = (
        [f"its status is {episode.status}; the environment ends it as {ended}"]
        if _early(episode, ended)
        else []
    )
    return wrong if episode.status.failed and not episode.turns else wrong + _unlike(told, came, "the end")


def _early(episode: Trajectory, ended: Status | None) -> bool:
    return ended is not None and episode.status is not ended
