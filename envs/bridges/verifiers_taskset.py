"""Any environment for verifiers (its v1 stack): a taskset of seeds, and the environment that plays one.

verifiers finds a plug-in by the name of a top-level module, so its command needs one on the path:

    # turngym_taskset.py
    from turngym.envs.bridges.verifiers_taskset import TurngymEnv, TurngymHarness, TurngymTaskset

    __all__ = ["TurngymEnv", "TurngymHarness", "TurngymTaskset"]

In a program, `load_environment` does without.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from functools import cache
from itertools import count, islice
from typing import Any

import httpx
import verifiers.v1 as vf
from pydantic import Field
from verifiers.v1.dialects.chat import message_to_wire
from verifiers.v1.utils.loaders import load_environment as load

from turngym.envs.pool import Lease, Pool

__all__ = ["TurngymEnv", "TurngymHarness", "TurngymTaskset"]

ID = "turngym_taskset"
"""The module's name for verifiers."""

SYSTEM_PROMPT = (
    "You act in a text environment. Answer each observation with your next action and nothing else."
)


class TurngymConfig(vf.TasksetConfig):
    """Which environment, and which of its episodes."""

    env_id: str = "turngym/Corridor-v0"
    """The environment's id."""
    kwargs: dict[str, Any] = Field(default_factory=dict)
    """Its arguments, `wrap` among them."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The `options` of every reset."""
    seed: int = 0
    """The first task's seed; the next has the next."""
    count: int | None = None
    """How many tasks there are; without end where `None`."""
    prompt: str = SYSTEM_PROMPT
    """The system prompt."""


class TurngymData(vf.TaskData):
    """One episode: a seed and the options of its reset."""

    seed: int
    options: dict[str, Any]


class TurngymTask(vf.Task[TurngymData]):
    """Play an episode; the environment opens the conversation."""


class TurngymTaskset(vf.Taskset[TurngymTask, TurngymConfig]):
    """The episodes of one environment by seed."""

    def __init__(self, config: TurngymConfig) -> None:
        super().__init__(config)
        self.INFINITE = config.count is None

    def load(self) -> Iterator[TurngymTask]:
        """Tasks with the seeds `seed`, `seed + 1`, ..."""
        config = self.config
        for seed in islice(count(config.seed), config.count):
            data = TurngymData(
                name=f"{config.env_id}#{seed}",
                system_prompt=config.prompt or None,
                seed=seed,
                options=config.options,
            )
            yield TurngymTask(data, config.task)


class HarnessConfig(vf.HarnessConfig):
    """Of `TurngymHarness`; it has nothing to set."""


class TurngymHarness(vf.Harness[HarnessConfig]):
    """One completion a turn, asked for in this process; no program, no tools, no box."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
        tool_interception_url: str | None = None,
    ) -> vf.ProgramResult:
        """Ask the model to continue the conversation."""
        system, prompt = self.resolve_prompt(data)
        told = [vf.UserMessage(content=prompt)] if isinstance(prompt, str) else list(prompt or ())
        messages = [vf.SystemMessage(content=system)] * bool(system) + told
        body = {"model": ctx.model, "messages": [message_to_wire(message) for message in messages]}
        async with httpx.AsyncClient(timeout=None, trust_env=False, verify=_trusted()) as http:
            answer = await http.post(
                f"{endpoint}/chat/completions", json=body, headers={"Authorization": f"Bearer {secret}"}
            )
        return vf.ProgramResult(exit_code=int(answer.is_error), stdout="", stderr=answer.text[:2000])


@cache
def _trusted() -> ssl.SSLContext:
    """Loading the certificates takes longer than a turn of a fast environment, so it is done once."""
    return httpx.create_ssl_context()


class EnvConfig(vf.EnvConfig):
    """Who plays, and where the environments run."""

    player: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())
    workers: int = 2
    """Processes of the pool; 0 keeps the environments in this one."""
    slots: int = 16
    """Environments in each."""
    step_timeout: float = 60.0
    """Seconds an environment may take for one answer."""
    max_turns: int = 50
    """Turns after which an episode is cut off."""


class TurngymEnv(vf.Env[EnvConfig]):
    """Plays one episode: the environment speaks as the user, the agent's replies are its actions.

    The trace gets the sum of the rewards as `reward`, the metrics `success`, `score` (where the environment tells
    them) and `turns`, and each turn's reward in `info["turn_rewards"]`. An environment that fails fails the episode.
    """

    async def start(self) -> None:
        """Start the pool."""
        taskset, config = self.taskset.config, self.config
        self._pool = Pool(
            taskset.env_id,
            workers=config.workers,
            slots=config.slots,
            timeout=config.step_timeout,
            **taskset.kwargs,
        )

    async def stop(self) -> None:
        """Close the pool."""
        if pool := getattr(self, "_pool", None):
            pool.close()

    async def run(self, task: vf.Task[Any], agents: vf.Agents) -> None:
        """One episode."""
        async with self._pool.lease() as lease, agents.player.interaction(task) as talk:
            rewards, info = await self._play(task.data, lease, talk)
        trace = talk.trace
        trace.record_reward("reward", sum(rewards))
        trace.record_metric("turns", len(rewards))
        trace.info["turn_rewards"] = rewards
        for name in ("success", "score"):
            if info.get(name) is not None:
                trace.record_metric(name, float(info[name]))

    async def _play(
        self, data: TurngymData, lease: Lease, talk: vf.Interaction
    ) -> tuple[list[float], dict[str, Any]]:
        """The rewards of the turns, and the last info."""
        obs, info = await lease.reset(seed=data.seed, options=data.options or None)
        rewards: list[float] = []
        for _ in range(self.config.max_turns):
            segment = await talk.turn(obs or "(nothing)")
            if segment.terminated:
                break
            obs, reward, terminated, truncated, info = await lease.step(segment.last_reply)
            rewards.append(reward)
            if terminated or truncated:
                break
        return rewards, info


def load_environment(env_id: str, *, workers: int = 2, max_turns: int = 50, **taskset: Any) -> vf.Env[Any]:
    """The environment of an id as a verifiers environment; `taskset` are fields of `TurngymConfig`.

    env = load_environment("turngym/Corridor-v0", count=8, kwargs={"length": 7})
    async with env.serving():
        for task in env.taskset:
            episode = await env.run_episode(task, vf.ModelContext(model=..., client=...))
    """
    sys.modules.setdefault(ID, sys.modules[__name__])
    config = EnvConfig.model_validate(
        {"taskset": {"id": ID, "env_id": env_id, **taskset}, "workers": workers, "max_turns": max_turns}
    )
    return load(config)
