"""The nouns that flow from environment to trainer: task, call, turn, trajectory, group."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Info = dict[str, Any]
"""Gymnasium's info. Keys read here, all optional: `state` (hashable, the world now without history; default
the observation), `admissible` (list of actions), `grammar` (a line that says how actions are written, where they cannot
all be listed), `sample` (a few actions drawn at random, likewise), `tools` (OpenAI schemas of the tools that actions
may call), `valid` (bool), `success` (bool or `None`), `score` (float in [0, 1] or `None`: how well the task is done so
far, whatever the reward's scale), `task_type` or `kind` (the kind of task, in a word), `expert` (an action)."""


class Status(StrEnum):
    """Why an episode ended."""

    DONE = "done"
    TURN_LIMIT = "turn_limit"
    TOKEN_LIMIT = "token_limit"
    TIMEOUT = "timeout"
    ENV_ERROR = "env_error"
    ENGINE_ERROR = "engine_error"

    @property
    def failed(self) -> bool:
        """Whether the end says nothing about the policy: such an episode is never trained on or averaged in."""
        return self in (Status.TIMEOUT, Status.ENV_ERROR, Status.ENGINE_ERROR)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What an episode starts from: equal tasks start equal episodes."""

    env: str
    seed: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """A stable text that names the task, equal for equal tasks."""
        options = json.dumps(self.options, sort_keys=True, separators=(",", ":"))
        return f"{self.env}?seed={self.seed}" + ("" if options == "{}" else f"&options={options}")

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """A model call in text, as an engine knows it that keeps its tokens to itself."""

    messages: list[dict[str, Any]]
    """What it was asked."""
    reply: dict[str, Any]
    """The assistant's message."""
    prompt_tokens: int | None = None
    """As the engine counted them; `None` where it did not say."""
    tokens: int | None = None
    """Of the reply, likewise."""


@dataclass(kw_only=True, slots=True)
class Call:
    """One model call in tokens: exactly what went in and what came out."""

    prompt_ids: list[int]
    action_ids: list[int]
    logprobs: list[float]
    """Of each action id, at the sampling temperature, as the engine reported it."""
    stop: str = "stop"
    """`stop`: the model ended its turn itself (its last id is the end token); `length`: it was cut off."""
    version: int = 0
    """The policy version that sampled the ids; the oldest, where there are several."""
    versions: list[int] | None = None
    """Of each id, where the weights changed while the model spoke."""
    spoken: Spoken | None = None
    """The call in text, where the engine tells no ids: the lists are empty then, and nothing can be trained on."""
    chosen: bool = True
    """False for a candidate that was not acted on: kept and counted, never trained on."""

    @property
    def sampled(self) -> int | None:
        """How many tokens the model sampled; `None` where the engine did not say."""
        return len(self.action_ids) if self.spoken is None else self.spoken.tokens

    def __post_init__(self) -> None:
        if len(self.logprobs) != len(self.action_ids):
            raise ValueError(
                f"a call has {len(self.action_ids)} action ids but {len(self.logprobs)} logprobs; give one per id"
            )
        if self.versions is not None and len(self.versions) != len(self.action_ids):
            raise ValueError(
                f"a call has {len(self.action_ids)} action ids but {len(self.versions)} versions; give one per id"
            )


@dataclass(kw_only=True, slots=True)
class Turn:
    """One environment transition and the model calls, usually one, that chose its action."""

    obs: str
    """What the agent saw before it acted."""
    action: str
    reward: float
    terminated: bool = False
    truncated: bool = False
    state: Hashable = None
    """The world before the action, without history: what GiGPO and HGPO compare."""
    valid: bool = True
    """False where the reply was malformed or the environment refused the action."""
    calls: list[Call] = field(default_factory=list)
    admissible: list[str] | None = None
    """The actions that could be taken, where the environment lists them."""


@dataclass(kw_only=True, slots=True)
class Trajectory:
    """One episode."""

    task: Task
    member: int
    turns: list[Turn]
    final_obs: str = ""
    status: Status = Status.DONE
    success: bool | None = None
    """`None` where the environment did not say, which is not a failure."""
    score: float | None = None
    """How well the task was done at the end, in [0, 1]; `None` where the environment did not say."""
    category: str | None = None
    """The kind of task, where the environment names kinds."""
    error: str | None = None
    seconds: float | None = field(default=None, compare=False)
    """Wall time from the lease of the environment to the end."""
    next_ids: list[int] = field(default_factory=list)
    """In tokens, what the agent would have asked next, where a limit cut the episode off and a critic wants to know."""

    @property
    def reward(self) -> float:
        """The undiscounted sum of the rewards."""
        return sum(turn.reward for turn in self.turns)


@dataclass(kw_only=True, slots=True)
class Group:
    """The episodes of one task; credit compares them with each other."""

    task: Task
    trajectories: list[Trajectory]
    failed: list[Trajectory] = field(default_factory=list)
    """Episodes that say nothing about the policy, kept with their cause."""

    @property
    def informative(self) -> bool:
        """Whether at least two episodes ended with different rewards."""
        rewards = {trajectory.reward for trajectory in self.trajectories}
        return len(rewards) > 1
