"""Executors by name: where the environments of a run are, as its section [pool] says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from turngym.core.config import bind, construct, plugin_name
from turngym.core.registry import Registry
from turngym.envs.lender import Lender
from turngym.envs.registration import factory

registry = Registry("executors")
registry.register("processes", "turngym.envs.pool:Pool")
registry.register("openenv", "turngym.envs.bridges.openenv_pool:OpenEnvPool", extra="openenv")
registry.register("ray", "turngym.envs.ray_pool:RayPool", extra="ray")


def pool(section: Mapping[str, Any], env: str, arguments: Mapping[str, Any]) -> Lender:
    """The pool that a section describes, for an environment with its arguments.

    An executor is called with the id, the arguments and the section's other keys, and gives a `Lender`. Where it
    builds environments from here the environment is tried first, so that a mistake is told before the first episode.
    Raises `UnknownName`, `MissingExtra`, `ConfigError` for what the section gets wrong, and what the environment
    raises against its arguments.
    """
    table = {"name": "processes", **section}
    executor = registry.get(plugin_name(table, "pool"))
    del table["name"]
    options = bind(executor, table, "pool", given=["kwargs"])
    if not getattr(executor, "elsewhere", False):
        construct(factory(env, **arguments), "env").close()
    made: Lender = construct(partial(executor, env, arguments, **options), "pool")
    return made
