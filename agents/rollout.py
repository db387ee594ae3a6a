"""Episodes played side by side: each a coroutine with its own environment and its own clock."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from turngym.agents import Agent
from turngym.agents.llm import (
    LLM,
    Chat,
    Engine,
    EngineFailure,
    Sampling,
    Speaks,
    TokenLimit,
    Unanswered,
    session,
)
from turngym.agents.parse import Invalid
from turngym.core.errors import UserError
from turngym.core.seeding import derive_seed
from turngym.core.types import Call, Group, Info, Status, Task, Trajectory, Turn
from turngym.envs.base import EnvFailure, EnvHandle


class Leases(Protocol):
    """Lends environments, one to an episode; `turngym.envs.pool.Pool` is the usual one."""

    def lease(self) -> AbstractAsyncContextManager[EnvHandle]: ...


class TooManyFailures(UserError, RuntimeError):
    """So many episodes failed that what is left would mislead; the message lists the distinct errors."""


@dataclass(kw_only=True)
class Sampler:
    """Plays groups of episodes: environments, an agent, a model and the limits of an episode.

    An episode that fails (`Status.failed`) is kept in `Group.failed` with its cause and played again with the
    same seed. What the agent raises stops everything.
    """

    pool: Leases
    agent: Callable[[], Agent]
    engine: Engine | Speaks | None = None
    """May be left out, with `renderer`, for agents that ask no model."""
    renderer: Chat | None = None
    temperature: float = 1.0
    max_tokens: int = 64
    """Of one reply."""
    max_context: int = 4096
    """Tokens of prompt and reply; an episode that needs more ends with `TOKEN_LIMIT`."""
    max_turns: int = 50
    timeout: float | None = None
    """Seconds an episode may take, from its lease on."""
    retries: int = 1
    """How often a failed episode is played again."""
    max_failed: float = 0.5
    """Share of members that may be lost to failures before `collect` raises."""
    env_validity: bool = True
    """Whether `info["valid"]` counts for `Turn.valid`; the published HGPO runs look at the form alone."""
    next_prompts: bool = False
    """Whether an episode that a limit of turns cuts off keeps the prompt that would have come next, for a critic."""

    async def collect(
        self, tasks: Sequence[Task], size: int, seed: int, *, enough: int | None = None
    ) -> list[Group]:
        """One group of `size` episodes per task, in the order of the tasks.

        With `enough`, give more tasks than needed: playing stops after so many informative groups, and the
        rest is cancelled. That favours short episodes. Raises `TooManyFailures`.
        """
        finished: dict[int, Group] = {}
        informative = 0
        async with aclosing(self._finished(tasks, size, seed)) as playing:
            async for place, group in playing:
                finished[place] = group
                informative += group.informative
                if enough is not None and informative >= enough:
                    break
        groups = [finished[place] for place in sorted(finished)]
        check_failures(groups, size, self.max_failed)
        return groups

    async def groups(self, tasks: Sequence[Task], size: int, seed: int) -> AsyncIterator[Group]:
        """The groups as they finish; a slow episode delays its own group only."""
        async with aclosing(self._finished(tasks, size, seed)) as playing:
            async for _, group in playing:
                yield group

    async def play(
        self, episodes: Sequence[tuple[Task, int]], seed: int, ended: Callable[[Trajectory], None]
    ) -> None:
        """Play episodes, each a task and a member, as `groups` plays them; `ended` is told each attempt."""
        await _together([self._member(task, member, seed, ended) for task, member in episodes])

    async def _finished(
        self, tasks: Sequence[Task], size: int, seed: int
    ) -> AsyncGenerator[tuple[int, Group]]:
        """Place in `tasks` and group; whatever still plays when the caller stops listening is cancelled."""
        playing = [
            asyncio.create_task(self._group(place, task, size, seed)) for place, task in enumerate(tasks)
        ]
        try:
            for group in asyncio.as_completed(playing):
                yield await group
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)

    async def _group(self, place: int, task: Task, size: int, seed: int) -> tuple[int, Group]:
        played = await _together([self._member(task, member, seed) for member in range(size)])
        attempts = [attempt for member in played for attempt in member]
        failed = [attempt for attempt in attempts if attempt.status.failed]
        return place, Group(
            task=task, trajectories=[a for a in attempts if not a.status.failed], failed=failed
        )

    async def _member(
        self, task: Task, member: int, seed: int, ended: Callable[[Trajectory], None] = lambda attempt: None
    ) -> list[Trajectory]:
        """All attempts at one episode; only the last can have succeeded."""
        attempts: list[Trajectory] = []
        while not attempts or (attempts[-1].status.failed and len(attempts) <= self.retries):
            attempts.append(await self._episode(task, member, seed))
            ended(attempts[-1])
        return attempts

    async def _episode(self, task: Task, member: int, seed: int) -> Trajectory:
        trajectory = Trajectory(task=task, member=member, turns=[])
        clock = asyncio.timeout(self.timeout)
        try:
            async with self.pool.lease() as env:
                # The session opens before the reset: the engine should wait for everybody who holds a lease.
                with _timed(trajectory), session(self.engine) if self.engine else nullcontext() as engine:
                    async with clock:
                        await self._play(env, self._llm(engine, task.id, member, seed), trajectory)
        except TokenLimit as limit:
            _end(trajectory, Status.TOKEN_LIMIT, limit)
        except (EnvFailure, EngineFailure) as failure:
            status = Status.ENV_ERROR if isinstance(failure, EnvFailure) else Status.ENGINE_ERROR
            _end(trajectory, status, f"{failure}\n{failure.trace}".rstrip())
        except TimeoutError:
            if not clock.expired():
                raise
            _end(trajectory, Status.TIMEOUT, f"the episode took longer than {self.timeout:g} s")
        return trajectory

    async def _play(self, env: EnvHandle, llm: LLM, trajectory: Trajectory) -> None:
        """Reset, then act until the environment or the turn limit ends it; turns are kept as they happen."""
        agent = self.agent()
        task = trajectory.task
        obs, info = await env.reset(seed=task.seed, options=task.options)
        trajectory.final_obs, trajectory.status = obs, Status.TURN_LIMIT
        trajectory.success, trajectory.score = info.get("success"), info.get("score")
        trajectory.category = info.get("task_type", info.get("kind"))
        for _ in range(self.max_turns):
            action = await agent.act(obs, info, llm)
            turn = _turn(obs, info, str(action), llm.take())
            obs, turn.reward, turn.terminated, turn.truncated, info = await env.step(turn.action)
            turn.valid = self._valid(action, info)
            trajectory.turns.append(turn)
            trajectory.final_obs = obs
            trajectory.success, trajectory.score = info.get("success"), info.get("score")
            if turn.terminated or turn.truncated:
                trajectory.status = Status.DONE if turn.terminated else Status.TURN_LIMIT
                break
        if self.next_prompts and trajectory.status is Status.TURN_LIMIT and _asked(trajectory):
            trajectory.next_ids = await self._next_prompt(agent, obs, info, llm)

    async def _next_prompt(self, agent: Agent, obs: str, info: Info, llm: LLM) -> list[int]:
        """What the agent would ask next; nothing where it asks nothing, or more than the context holds."""
        llm.mute()
        try:
            await agent.act(obs, info, llm)
        except Unanswered as question:
            return question.prompt_ids if len(question.prompt_ids) <= self.max_context else []
        return []

    def _llm(self, engine: Engine | Speaks | None, task: str, member: int, seed: int) -> LLM:
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        seeds = partial(derive_seed, seed, task, member)
        return LLM(engine, self.renderer, sampling, max_context=self.max_context, seed=seeds)

    def _valid(self, action: str, info: Info) -> bool:
        refused = self.env_validity and not info.get("valid", True)
        return not isinstance(action, Invalid) and not refused


def check_failures(groups: Sequence[Group], size: int, share: float) -> None:
    """Raise `TooManyFailures` where more than `share` of the members have no episode that counts."""
    lost = sum(size - len(group.trajectories) for group in groups)
    if lost <= share * size * len(groups):
        return
    causes = Counter(f"{failed.status}: {failed.error}" for group in groups for failed in group.failed)
    listed = "\n".join(f"{number} x {cause}" for cause, number in causes.most_common())
    raise TooManyFailures(
        f"{lost} of {size * len(groups)} episodes failed, more than the allowed share of {share:g}:\n{listed}"
    )


def _asked(trajectory: Trajectory) -> bool:
    """Whether the last turn asked the model: only then is there a next question."""
    return bool(trajectory.turns) and bool(trajectory.turns[-1].calls)


def _turn(obs: str, info: Info, action: str, calls: list[Call]) -> Turn:
    admissible = info.get("admissible")
    return Turn(
        obs=obs,
        action=action,
        reward=0.0,
        state=info.get("state", obs),
        calls=calls,
        admissible=None if admissible is None else list(admissible),
    )


async def _together(
    playing: Sequence[Coroutine[None, None, list[Trajectory]]],
) -> list[list[Trajectory]]:
    """Await all; the first error cancels the others and comes out as itself, with its own traceback."""
    try:
        async with asyncio.TaskGroup() as members:
            tasks = [members.create_task(one) for one in playing]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


@contextmanager
def _timed(trajectory: Trajectory) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        trajectory.seconds = time.perf_counter() - began


def _end(trajectory: Trajectory, status: Status, error: object) -> None:
    trajectory.status, trajectory.error = status, str(error)
