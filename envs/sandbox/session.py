"""Run Python that somebody else wrote: once in a fresh process, or call after call in one that remembers."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from turngym.envs.sandbox.limits import Limits
from turngym.envs.sandbox.process import Answer, Process
from turngym.envs.sandbox.protection import Protection, settings, strongest

Ending = Literal["done", "raised", "timeout", "died", "refused"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one call."""

    output: str
    """What was printed, standard output and standard error in order, cut to `Limits.output`."""
    ending: Ending
    """`done`; `raised`, an exception; `timeout`, of wall-clock time; `died`, killed by a limit or by itself;
    `refused`, it was not run."""
    error: str = ""
    """A short traceback, or one sentence on what else happened."""

    @property
    def text(self) -> str:
        """Output and error together, as a model is shown them."""
        return "\n".join(part for part in (self.output.rstrip("\n"), self.error) if part)


@dataclass(kw_only=True)
class Sandbox:
    """Python behind limits: no network, none of the caller's files or environment variables, nothing left behind.

    A context manager. The process starts with the first call; after one that killed it the next starts anew.

    Args:
        limits: how much it may use.
        persistent: keep one process, so that names and files last from call to call; otherwise each call finds an
            interpreter as new and `files` as they were.
        files: name and text of files that lie in its working folder.
        folders: folders of packages that it may import besides the standard library, read-only. Where the caller is
            root they have to be readable by anybody, since the code runs as nobody.
        layers: the layers of protection to insist on, see `turngym.envs.sandbox.protection`; the strongest that the
            system offers if `None`.

    `run` raises `Unprotected` where the system offers none, `NotConfined` where those insisted on do not hold.
    """

    limits: Limits = field(default_factory=Limits)
    persistent: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ()
    layers: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in self.files:
            if "/" in name or name in ("", ".", "..") or "\0" in name:
                raise ValueError(
                    f"the file name {name!r} is not a plain name; files lie in the working folder itself"
                )
        self._process: Process | None = None

    @property
    def protection(self) -> Protection:
        """What stands between the code and the machine."""
        return strongest() if self.layers is None else Protection(tuple(self.layers))

    def run(self, code: str) -> Outcome:
        """Run `code` to its end or a limit. A last expression's value is printed, as in a notebook."""
        if len(code) > self.limits.code:
            return Outcome(
                output="",
                ending="refused",
                error=f"Refused: the code has {len(code)} characters; at most {self.limits.code} are run.",
            )
        process = self._started()
        answer = process.call({"code": code}, self.limits.seconds, self.limits.output)
        if not (self.persistent and process.alive):
            self.close()
        return self._outcome(answer, process)

    def close(self) -> None:
        """End the process. The sandbox can be used again."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_process", None) is not None:
            self.close()

    def _started(self) -> Process:
        if self._process is None:
            self._process = Process(self._settings())
        return self._process

    def _settings(self) -> dict[str, Any]:
        return settings(
            self.limits,
            self.protection.layers,
            files=dict(self.files),
            folders=self.folders,
            persistent=self.persistent,
        )

    def _outcome(self, answer: Answer, process: Process) -> Outcome:
        output = answer.output.decode(errors="replace")
        if answer.dropped:
            output = f"{output.rstrip()}\n[{answer.dropped} more bytes of output are not shown]"
        if answer.reply is None:
            ending: Ending = "timeout" if answer.late else "died"
            return Outcome(output=output, ending=ending, error=self._death(answer, process.kill()))
        error = answer.reply.get("error")
        return Outcome(output=output, ending="raised" if error else "done", error=str(error or ""))

    def _death(self, answer: Answer, code: int) -> str:
        lost = " What it had defined is lost." if self.persistent else ""
        if answer.late:
            return f"Stopped: it ran longer than {self.limits.seconds:g} seconds.{lost}"
        return f"Stopped: {_cause(code)}.{lost}"


def run(code: str, **arguments: Any) -> Outcome:
    """Run `code` once in a process of its own; the arguments of `Sandbox`."""
    with Sandbox(**arguments) as sandbox:
        return sandbox.run(code)


def _cause(code: int) -> str:
    if code <= 128:
        return f"its process ended by itself with exit code {code}"
    name = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else str(code - 128)
    return f"its process was killed by {name}"
