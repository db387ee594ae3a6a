"""The program that a sandbox starts: it watches over a child, which locks itself in and runs the code.

Three processes: the watch, which stays outside and kills the rest when its parent goes away; in a process table of
its own the first process, which reaps orphans; and the worker. Without namespaces the worker is the watch's child.

Run as `python -s -P -S -B main.py REQUESTS REPLIES LIFELINE BOX`: the numbers of three pipes, and an empty folder,
which is removed in the end.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def _without_the_package_above() -> None:
    """Let `turngym.envs.sandbox.jail` be imported without Gymnasium and all else that its parents import."""
    folder = Path(__file__).resolve().parents[1]
    for name in ("turngym", "turngym.envs", "turngym.envs.sandbox"):
        sys.modules[name] = ModuleType(name)
    sys.modules["turngym.envs.sandbox"].__path__ = [str(folder)]


if __name__ == "__main__":
    _without_the_package_above()

from turngym.envs.sandbox.jail import fence, frames, landlock, linux, namespaces, seccomp, worker  # noqa: E402

Settings = dict[str, Any]


def main(requests: int, replies: int, lifeline: int, box: str) -> None:
    """Read the settings, start the worker and stay until it or the parent is gone."""
    settings = frames.read(requests)
    if settings is None:
        return
    try:
        if "namespaces" in settings["layers"]:
            namespaces.leave()
    except OSError as error:
        frames.write(replies, {"failed": str(error)})
        return
    child = os.fork()
    if not child:
        os.close(lifeline)
        _inside(settings, box, requests, replies)
    for pipe in (requests, replies, 1, 2):
        os.close(pipe)
    _watch(child, lifeline, box)


def _watch(child: int, lifeline: int, box: str) -> None:
    """End with the child, and the child with the parent, whose end of the lifeline closes; then tidy up."""
    ended = os.pidfd_open(child) if hasattr(os, "pidfd_open") else None
    waited, wait = ([lifeline], 0.1) if ended is None else ([lifeline, ended], None)
    pid = 0
    while not pid and not select.select(waited, [], [], wait)[0]:
        pid, status = os.waitpid(child, os.WNOHANG)
    if not pid:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    _remove(box)
    os._exit(_code(status))


def _remove(box: str) -> None:
    try:
        os.rmdir(box)
    except OSError:
        import shutil

        shutil.rmtree(box, ignore_errors=True)


def _inside(settings: Settings, box: str, requests: int, replies: int) -> None:
    """The child's life; never returns."""
    try:
        confine(settings, box)
    except OSError as error:
        frames.write(replies, {"failed": str(error)})
        os._exit(1)
    first = "namespaces" in settings["layers"]
    if first and (child := os.fork()):
        for pipe in (requests, replies, 1, 2):
            os.close(pipe)
        os._exit(_reap(child))
    worker.serve(requests, replies, settings)
    os._exit(0)


def _reap(child: int) -> int:
    """Be the first process: collect all that end, until the worker does; the kernel then kills the others."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return _code(status)


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def confine(settings: Settings, box: str) -> None:
    """Lay every asked layer on this process; raises `OSError` where one does not hold."""
    layers: list[str] = settings["layers"]
    readable: list[str] = settings["readable"]
    _lower_limits(settings["limits"])
    if "namespaces" in layers:
        limits = settings["limits"]
        namespaces.move(box, readable, settings["hidden"], limits["disk"], limits["files"])
        others = namespaces.become_nobody()
        _lower("NPROC", limits["processes"] + others)
        readable, box = ["/"], namespaces.BOX
    os.chdir(box)
    if "fence" in layers:
        return fence.restrict(readable, [box])
    linux.drop_capabilities()
    linux.die_with_parent()
    linux.gain_no_privileges()
    if "landlock" in layers:
        landlock.restrict(readable, [box, "/dev/null"])
    if "seccomp" in layers:
        seccomp.restrict(alone="namespaces" in layers)
    return None


def _lower_limits(limits: dict[str, int]) -> None:
    _lower("AS", limits["memory"])
    _lower("FSIZE", limits["file_size"])
    _lower("NOFILE", limits["open_files"])
    _lower("CORE", 0)


def _lower(name: str, value: int) -> None:
    resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
