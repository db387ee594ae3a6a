"""The environment over an MCP server: its tools, an instruction, and an answer or a check."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.bridges.wire import well_formed
from turngym.envs.tasks import chosen
from turngym.envs.tools.calls import Malformed, read
from turngym.envs.tools.domain import Call
from turngym.envs.tools.mcp_source import MCPSource, Server, SourceError, is_url

GRAMMAR = (
    'Call a tool with one JSON object {"name": TOOL, "arguments": {...}} or with <tool_call>{...}</tool_call> blocks; '
    "any other text is your answer and ends the episode."
)
"""What `info["grammar"]` says."""


@dataclass(frozen=True)
class Task:
    """What is asked, and the answer where one is known."""

    id: str
    instruction: str
    answer: str | None = None


@dataclass
class Episode:
    """What a check gets to see."""

    task: Task
    calls: list[tuple[Call, str]] = field(default_factory=list)
    """Every call and what it answered."""
    answer: str = ""
    """The agent's last words."""


Check = Callable[[Episode], float]
"""How well a finished episode did, from 0 to 1."""


class MCPEnv(TextEnv):
    """Any MCP server's tools and tasks of one's own, each an instruction with an answer or a check.

    server: the URL of a streamable HTTP endpoint, or the command that starts a server on its standard streams. A
        command is started anew for each episode, so that nothing is left of the last one; `{episode}` in a URL
        becomes a new name each time, for servers that keep their clients apart by URL.
    tasks: mappings with `instruction`, `answer` (none where `check` decides alone) and, if you like, `id`.
    check: a function of the `Episode`, or its place as `"module:attribute"`, that scores it from 0 to 1; by default
        the answer has to be the task's, whatever the case, spaces and final full stop. After a line `Answer:` only
        what follows counts.
    env, cwd, token, timeout: as for `turngym.envs.tools.mcp_source.MCPSource`.
    keep: go on with a command's server from episode to episode, where it has no memory.

    The reward is the score, given at the end; success is a score of 1. A server that dies raises `SourceError`, and
    the next reset starts it again.
    """

    def __init__(
        self,
        server: Server,
        tasks: Sequence[Mapping[str, Any]],
        check: str | Check | None = None,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        token: str | None = None,
        timeout: float = 60.0,
        keep: bool = False,
    ) -> None:
        self.tasks = [_task(number, task, check) for number, task in enumerate(tasks)]
        if not self.tasks:
            raise ValueError("tasks is empty; give at least one mapping with an 'instruction'")
        self.check = _check(check)
        self._server = server
        self._settings: dict[str, Any] = {"env": env, "cwd": cwd, "token": token, "timeout": timeout}
        self._keep = keep
        self._source: MCPSource | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Draw a task and show the tools; raises `SourceError` where the server cannot be started."""
        super().reset(seed=seed)
        task = self.tasks[chosen(options, [task.id for task in self.tasks], self.np_random)]
        self.episode = Episode(task)
        self._over, self._score = False, 0.0
        self._source = self._ready()
        self.toolbox = self._source.toolbox
        listed = "\n".join(json.dumps(tool.schema["function"]) for tool in self.toolbox)
        obs = f"# Tools\n\n{listed}\n\n# Actions\n\n{GRAMMAR}\n\n# Task\n\n{task.instruction}"
        return obs, self._info(obs, valid=True) | {"tools": self.toolbox.schemas(), "task": task.id}

    def step(self, action: str) -> Step:
        """Call tools, or answer."""
        if self._over:
            return "The episode is over.", 0.0, True, False, self._info("", valid=False)
        try:
            move = read(action)
        except Malformed as error:
            obs, valid = f"Error: {error}", False
        else:
            obs, valid = self._finish(move) if isinstance(move, str) else self._work(move)
        obs = well_formed(obs)
        return obs, self._score, self._over, False, self._info(obs, valid)

    def close(self) -> None:
        """End the session and the server that was started for it."""
        if self._source:
            self._source.close()
            self._source = None

    def _ready(self) -> MCPSource:
        if self._source and (self._keep or self._stays):
            return self._source
        self.close()
        server = self._server
        if isinstance(server, str):
            server = server.replace("{episode}", uuid.uuid4().hex)
        return MCPSource(server, **self._settings)

    @property
    def _stays(self) -> bool:
        """Whether the server is somebody else's, at one place for all episodes."""
        return isinstance(self._server, str) and is_url(self._server) and "{episode}" not in self._server

    def _work(self, calls: tuple[Call, ...]) -> tuple[str, bool]:
        """The tools' answers, and whether every call fitted its tool."""
        fits = all(self.toolbox.fault(call.name, call.arguments) is None for call in calls)
        try:
            told = [(call, self.toolbox.call(call.name, call.arguments)) for call in calls]
        except SourceError:
            self.close()
            raise
        self.episode.calls += told
        return "\n".join(answer for _, answer in told), fits

    def _finish(self, answer: str) -> tuple[str, bool]:
        self.episode.answer = answer
        self._over = True
        self._score = min(1.0, max(0.0, float(self.check(self.episode))))
        return "The episode is over.", True

    def _info(self, obs: str, valid: bool) -> Info:
        return {
            "state": (self.episode.task.id, obs),
            "grammar": GRAMMAR,
            "valid": valid,
            "success": self._score == 1.0,
            "score": self._score,
        }


def answered(episode: Episode) -> float:
    """Whether the agent's last words are the task's answer."""
    *_, final = episode.answer.replace("answer:", "Answer:").split("Answer:")
    return float(_normal(final) == _normal(episode.task.answer or ""))


def _normal(text: str) -> str:
    return " ".join(text.casefold().split()).removesuffix(".").strip()


def _task(number: int, task: Mapping[str, Any], check: object) -> Task:
    if unknown := set(task) - {"id", "instruction", "answer"}:
        raise ValueError(f"task {number} has {min(unknown)!r}; a task has instruction, answer and id")
    if "instruction" not in task or ("answer" not in task and check is None):
        raise ValueError(f"task {number} needs an 'instruction', and an 'answer' unless a check decides")
    answer = task.get("answer")
    return Task(
        str(task.get("id", number)), str(task["instruction"]), None if answer is None else str(answer)
    )


def _check(check: str | Check | None) -> Check:
    if check is None:
        return answered
    if not isinstance(check, str):
        return check
    module, _, attribute = check.partition(":")
    found: Check = getattr(import_module(module), attribute)
    return found
