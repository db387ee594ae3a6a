"""One environment with several sets of arguments, as the runs that a server plays for ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from turngym.core.errors import ConfigError
from turngym.envs.bridges.wire import plain
from turngym.envs.pool import Pool
from turngym.envs.registration import resolve

Arguments = Mapping[str, Any]


class Variants:
    """Pools of an environment, one to each set of arguments, made when it is first asked for.

    own: the arguments that the server was started with, whose pool is always there.
    more: how many other sets there may be at once; one that nobody plays makes place for the next.
    """

    def __init__(
        self, env_id: str, build: Callable[[str, Arguments], Pool], own: Arguments, more: int
    ) -> None:
        self.env_id = resolve(env_id)
        self._build = build
        self._own = plain(dict(own))
        self._more = more
        self._pools = [(self._own, build(self.env_id, own))]

    def pool(self, arguments: Arguments | None = None) -> Pool:
        """The pool of the environment with these arguments; those of the server where none are given.

        Raises `ConfigError` where there may be no other set, and what `turngym.envs.factory` raises.
        """
        wanted = self._own if arguments is None else arguments
        for known, pool in self._pools:
            if known == wanted:
                return pool
        self._make_place(wanted)
        self._pools.append((wanted, self._build(self.env_id, wanted)))
        return self._pools[-1][1]

    def check(self, env_id: str, arguments: Arguments) -> None:
        """Raises where `pool` would, or the environment is another."""
        # The id alone: nobody from outside names a module to import.
        name = env_id.rpartition(":")[2]
        if self.env_id not in (name, f"turngym/{name}"):
            raise ConfigError(f"this server plays {self.env_id}, not {env_id}; start one with that id")
        pool = self.pool(arguments)
        if pool.over:
            raise ConfigError(pool.over)

    def close(self) -> None:
        """End the pools."""
        for _, pool in self._pools:
            pool.close()

    def _make_place(self, wanted: Arguments) -> None:
        if len(self._pools) <= self._more:
            return
        unused = next((entry for entry in self._pools[1:] if entry[1].idle), None)
        if unused is None:
            raise ConfigError(
                f"this server plays {self.env_id} with {self._own} and may take {self._more} other sets of "
                f"arguments, not also {dict(wanted)}; start it with env.variants={self._more + 1} or more"
            )
        self._pools.remove(unused)
        unused[1].close()
