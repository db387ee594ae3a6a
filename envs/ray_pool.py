"""A pool of environments in Ray actors, which Ray places on the machines of its cluster."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

import ray

from turngym.envs.base import Factory
from turngym.envs.lender import Lender
from turngym.envs.pool import named
from turngym.envs.remote import Remote, pickled
from turngym.envs.worker import HELLO, Host, outcome


class RayPool(Lender):
    """`workers` actors with `slots` environments each, kept from episode to episode.

    env, arguments, slots, timeout, kwargs: as for `Pool`; the environments of one actor take turns.
    num_cpus: the share of a core that Ray sets aside for each actor; it places them by it and limits nothing.
    max_restarts: how often an actor may be started anew after it died or hung; -1 for as often as it takes.
    address: the cluster, as for `ray.init`; without one the program's own Ray, which is started where there is
        none, or that of the environment variable `RAY_ADDRESS`.

    Every request is a call of its own with its own clock, so no episode waits for another but its actor's. Ray
    runs on after the pool is closed, until `ray.shutdown()` or the program's end.

    Raises what `turngym.envs.factory` raises, `TypeError` for a factory that cannot be pickled, `ValueError` for
    a size below one or actors that do not fit into Ray's cores.
    """

    def __init__(
        self,
        env: str | Factory,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        workers: int = 2,
        slots: int = 1,
        timeout: float = 60.0,
        num_cpus: float = 0.1,
        max_restarts: int = -1,
        address: str | None = None,
        **kwargs: Any,
    ) -> None:
        if workers < 1 or slots < 1:
            raise ValueError(
                f"a pool of actors needs workers >= 1 and slots >= 1, got workers={workers} and slots={slots}"
            )
        name, build = named(env, {**(arguments or {}), **kwargs})
        body = pickled(name, build)
        _join_cluster(address)
        _check_room(workers, num_cpus)
        super().__init__([Actor(name, body, timeout, num_cpus, max_restarts) for _ in range(workers)], slots)


class Environments:
    """What an actor is: the environments of its process."""

    def __init__(self, name: str, factory: bytes, path: list[str]) -> None:
        # As a spawned process does: what the program can import, its environments can.
        sys.path += [place for place in path if place not in sys.path]
        self._host = Host(name, lambda: pickle.loads(factory)())

    def hello(self) -> bytes:
        """Say that the process is ready."""
        return b""

    def answer(self, request: bytes) -> bytes:
        """The pickled outcome of a pickled request."""
        return outcome(self._host, *pickle.loads(request))


class Actor(Remote):
    """Environments in a Ray actor.

    The actor is replaced here and not by Ray (`max_restarts` of Ray's own): Ray starts an actor anew in silence,
    and one that died between two steps would be asked to step an environment that it never reset.
    """

    def __init__(self, name: str, factory: bytes, timeout: float, num_cpus: float, max_restarts: int) -> None:
        self._num_cpus = num_cpus
        self._max_restarts = max_restarts
        super().__init__(name, factory, timeout)

    def _start(self) -> None:
        made: Any = ray.remote(Environments).options(
            num_cpus=self._num_cpus, max_restarts=0, scheduling_strategy="SPREAD"
        )
        self._actor: Any = made.remote(self.name, self._factory, sys.path)
        self._calls: dict[int, tuple[Any, Future[bytes]]] = {}
        self._call(HELLO, self._actor.hello.remote())

    def _call(self, number: int, ref: Any) -> None:
        self._calls[number] = (ref, ref.future())

    def _listen(self) -> None:
        for number, (_, future) in self._calls.items():
            self._await(number, future)

    def _deafen(self) -> None:
        """Answers that reach the loop from here on are no longer among the calls that `_arrived` knows."""

    def _await(self, number: int, future: Future[bytes]) -> None:
        future.add_done_callback(partial(_tell, self._loop, partial(self._arrived, number)))

    def _send(self, number: int, body: bytes) -> None:
        self._call(number, self._actor.answer.remote(body))
        self._await(number, self._calls[number][1])

    def _arrived(self, number: int, future: Future[bytes]) -> None:
        """A call came to its end; that of an actor which was replaced meanwhile concerns nobody."""
        assert self._loop
        if self._calls.get(number, (None, None))[1] is not future:
            return
        if future.exception():
            self._died()
            return
        del self._calls[number]
        self._heard = self._loop.time()
        if number == HELLO:
            self._ready()
        else:
            self._deliver(number, future.result())
        self._settled()

    def _answered(self) -> bool:
        waiting = [ref for ref, _ in self._calls.values()]
        return bool(ray.wait(waiting, num_returns=1, timeout=0)[0])

    def _cut(self) -> None:
        failed = (future.exception() for _, future in self._calls.values() if future.done())
        self._ending = next((type(error).__name__ for error in failed if error), "killed")
        self._calls = {}

    def _end(self, grace: float) -> str:
        """Kill at once: an actor has nothing to finish."""
        with suppress(Exception):  # Ray may be gone before the pool is closed.
            ray.kill(self._actor, no_restart=True)
        return self._ending

    def _epitaph(self, ending: str) -> str:
        if 0 <= self._max_restarts < self.lives:
            return (
                f"an actor of {self.name} ended {self.lives} times ({ending}), more than max_restarts allows"
            )
        return super()._epitaph(ending)


def _tell(loop: asyncio.AbstractEventLoop | None, arrived: Any, future: Future[bytes]) -> None:
    """Pass on in the loop what Ray's own thread has heard; a loop that has ended asks for nothing."""
    assert loop
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(arrived, future)


def _join_cluster(address: str | None) -> None:
    if ray.is_initialized():
        return
    # A Ray that is started here reports to nobody; the variable counts only for such a one.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address=address, include_dashboard=False, configure_logging=False)


def _check_room(workers: int, num_cpus: float) -> None:
    there: float = ray.cluster_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call, unused-ignore]
    if workers * num_cpus > there:
        raise ValueError(
            f"workers={workers} of num_cpus={num_cpus:g} need {workers * num_cpus:g} cores, and Ray has {there:g}; "
            "lower one of them or add machines to the cluster"
        )
