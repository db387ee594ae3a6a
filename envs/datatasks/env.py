"""`turngym/DataTasks-v0`: questions on tables, a Python to find the answers with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.datatasks import actions
from turngym.envs.datatasks.answers import right, shown
from turngym.envs.datatasks.tasks import PER_KIND, ids, question
from turngym.envs.sandbox import Limits, Sandbox
from turngym.envs.tasks import check_split, chosen
from turngym.envs.tools.calls import Malformed
from turngym.envs.tools.domain import Call
from turngym.envs.tools.sandbox_tool import python_tool
from turngym.envs.tools.tool import Tool, Toolbox

PREVIEW = 3
"""So many rows of each table stand in the first observation."""


class DataTasks(TextEnv):
    """Sums and questions on small CSV tables, answered with the help of a sandboxed Python.

    The first answer ends the episode: reward 1 where it is right, else 0. Numbers are right within 0.01 where two
    decimals are asked for and exactly otherwise, words in any case. Turns are not limited.

    `reset(options={"task": ...})` plays the task of that id or index. `info` has `state`, `grammar`, `valid` (False
    where the action was no call of a tool), `success`, `score`, `expert` if asked for and, at the reset, `task` and
    `tools`.

    Args:
        split: `train`, `valid` or `test`.
        expert: put into `info["expert"]` a program that finds the answer and, once it has run, the answer.
        persistent: keep one interpreter through the episode; otherwise every program starts anew.
        seconds: wall-clock limit of one program; the other limits are those of `turngym.envs.sandbox.Limits`.
        layers: layers of protection to insist on, see `turngym.envs.sandbox.Sandbox`.

    Raises `turngym.envs.sandbox.Unprotected` where no sandbox can be had.
    """

    def __init__(
        self,
        split: str = "train",
        expert: bool = False,
        persistent: bool = False,
        seconds: float = 10.0,
        layers: Sequence[str] | None = None,
    ) -> None:
        self.ids = ids(check_split(split, PER_KIND))
        self.expert = expert
        self.persistent = persistent
        self._limits = Limits(seconds=seconds)
        self._layers = layers
        self._sandbox = self._new_sandbox({})
        self.protection = self._sandbox.protection

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Lay out the tables and ask."""
        super().reset(seed=seed)
        self.task = self.ids[chosen(options, self.ids, self.np_random)]
        self._question = question(self.task)
        self._sandbox.close()
        self._sandbox = self._new_sandbox(self._question.files)
        self._toolbox = Toolbox([python_tool(self._sandbox), ANSWER])
        self._ran: list[str] = []
        self._given: str | None = None
        info = self._info(valid=True) | {"task": self.task, "tools": self._toolbox.schemas()}
        return self._opening(), info

    def step(self, action: str) -> Step:
        """Run a program or take the answer."""
        if self._over:
            return "The question is answered.", 0.0, True, False, self._info(valid=False)
        try:
            wanted = actions.calls(action)
        except Malformed as error:
            return f"Error: {error}", 0.0, False, False, self._info(valid=False)
        told, valid = [], True
        for call in wanted:
            valid = valid and self._toolbox.fault(call.name, call.arguments) is None
            told.append(self._do(call))
            if self._over:
                break
        return "\n".join(told), float(self._success), self._over, False, self._info(valid)

    def close(self) -> None:
        """End the interpreter, where one is kept."""
        self._sandbox.close()

    def _new_sandbox(self, files: dict[str, str]) -> Sandbox:
        return Sandbox(limits=self._limits, persistent=self.persistent, files=files, layers=self._layers)

    def _do(self, call: Call) -> str:
        answer = _clean(self._toolbox.call(call.name, call.arguments))
        if self._toolbox.fault(call.name, call.arguments) is None:
            if call.name == ANSWER.name:
                self._given = call.arguments["answer"]
            else:
                self._ran.append(call.arguments["code"])
        return answer

    @property
    def _over(self) -> bool:
        return self._given is not None

    @property
    def _success(self) -> bool:
        asked = self._question
        return self._given is not None and right(self._given, asked.answer, asked.tolerance)

    def _opening(self) -> str:
        asked = self._question
        tables = [_preview(name, text) for name, text in asked.files.items()]
        folder = "Files in the working folder:\n\n" + "\n\n".join(tables) if tables else "There are no files."
        return f"{asked.text}\n\n{folder}\n\n{actions.GRAMMAR}"

    def _info(self, valid: bool) -> Info:
        info: Info = {
            "state": (self.task, self._memory(), self._over, self._success),
            "grammar": actions.GRAMMAR,
            "valid": valid,
            "success": self._success,
            "score": float(self._success),
        }
        if self.expert and not self._over:
            info["expert"] = self._next_action()
        return info

    def _memory(self) -> str:
        """What the interpreter holds: nothing where none is kept, else what the programs so far made of it."""
        programs = self._ran if self.persistent else []
        return hashlib.sha256("\0".join(programs).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def _next_action(self) -> str:
        asked = self._question
        if asked.program not in self._ran:
            return actions.python(asked.program)
        return actions.answer(shown(asked.answer, asked.tolerance))


def _preview(name: str, text: str) -> str:
    head, *rows = text.splitlines()
    return "\n".join([f"{name} ({len(rows)} rows)", head, *rows[:PREVIEW], "..."])


def _clean(text: str) -> str:
    """The text without lone surrogates, which JSON may bring in and no file takes."""
    return text.encode("utf-8", "replace").decode()


ANSWER = Tool(
    name="answer",
    description="Give the final answer: a number or a word, nothing else. This ends the task.",
    function=lambda answer: "Answered.",
    parameters={"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]},
)
