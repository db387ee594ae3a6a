"""Environments by id: register, resolve, make."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import gymnasium

from turngym.core.errors import UserError
from turngym.core.registry import Registry, Target, UnknownName
from turngym.envs.base import Factory
from turngym.envs.wrappers import Wrap, wrapped

registry = Registry("envs")
_defaults: dict[str, dict[str, Any]] = {}


class ArgumentError(UserError, TypeError):
    """Arguments that an environment does not take; the message lists those it does."""


def register(id: str, target: Target, *, extra: str | None = None, **kwargs: Any) -> None:
    """Give an environment an id here and in Gymnasium's registry.

    `target` is the class, a function that returns an environment, or `"module:attribute"`, imported on first
    use; `kwargs` are its default arguments; `extra` is the optional dependency set of turngym that it needs.

    Raises `ValueError` where the id is taken, `gymnasium.error.Error` where it is not `[namespace/]Name-v0`.
    """
    if id in gymnasium.registry and id not in registry.names():
        raise ValueError(f"{id!r} is an environment of Gymnasium's registry already; choose another id")
    _publish(id)
    registry.register(id, target, extra=extra)
    _defaults[id] = kwargs


def make(id: str, **kwargs: Any) -> gymnasium.Env[Any, Any]:
    """Build the environment with its own arguments; the ids and errors of `factory`."""
    return factory(id, **kwargs)()


def make_vec(
    id: str, n: int, *, processes: bool = False, **kwargs: Any
) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    """`n` environments of one id stepped together, in this process or in one process each.

    Observations and actions are tuples of `n` strings; `reset(seed=s)` seeds them `s, s + 1, ...`.
    """
    members = [factory(id, **kwargs)] * n
    if processes:
        # A string has no fixed size, so observations travel by pipe instead of shared memory.
        return gymnasium.vector.AsyncVectorEnv(members, shared_memory=False, context="spawn")
    return gymnasium.vector.SyncVectorEnv(members)


def factory(id: str, *, wrap: Sequence[Wrap] = (), **kwargs: Any) -> Factory:
    """What builds the environment: picklable, and resolved here so that a worker looks up no name.

    `wrap` names wrappers of `turngym.envs.wrappers`, the innermost first, with their arguments where they
    need any: `["hide_admissible", {"name": "scale_reward", "factor": 10.0}]`.

    Raises `UnknownName` for an id nobody has, `MissingExtra` where its package is not installed,
    `ArgumentError` (a `TypeError`) for an argument that the environment does not take.
    """
    return wrapped(_bare_factory(resolve(id), kwargs), wrap)


def _bare_factory(name: str, kwargs: dict[str, Any]) -> Factory:
    if name not in registry.names():
        return partial(gymnasium.make, gymnasium.spec(name), **kwargs)
    target = registry.get(name)
    arguments = _defaults.get(name, {}) | kwargs
    _check_arguments(name, target, arguments)
    return partial(target, **arguments)


def resolve(id: str) -> str:
    """The full id behind `id`, `Name-v0` for `turngym/Name-v0`, or `module:id`, whose module is imported.

    Raises `UnknownName`, which suggests the nearest id of ours or of Gymnasium's registry.
    """
    module, _, name = id.rpartition(":")
    if module:
        _import(module, id)
    known = {*registry.names(), *gymnasium.registry}
    for candidate in (name, f"turngym/{name}"):
        if candidate in known:
            return candidate
    raise UnknownName(f"no environment is called {name!r}; {_advice(name, known)}")


def _import(module: str, id: str) -> None:
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        raise UnknownName(
            f"{id!r} names the module {module!r}, which cannot be found; install it or set PYTHONPATH"
        ) from error


def _advice(name: str, known: set[str]) -> str:
    """The nearest id, compared without case, namespace and version, which are what people leave out."""
    own = registry.names()
    # Of ids that are equal so the last wins: ours, then one without a namespace, then the newest version.
    spelt = {_bare(id): id for id in sorted(known, key=lambda id: (id in own, "/" not in id, id))}
    near = difflib.get_close_matches(_bare(name), spelt, n=1, cutoff=0.5)
    return f"did you mean {spelt[near[0]]!r}?" if near else f"turngym has {', '.join(own)}"


def _bare(id: str) -> str:
    return id.rpartition("/")[2].partition("-v")[0].lower()


def _check_arguments(name: str, target: Callable[..., Any], arguments: dict[str, Any]) -> None:
    signature = inspect.signature(target)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        wrong = [key for key in arguments if key not in signature.parameters]
        problem = f"does not take {wrong[0]!r}" if wrong else f"is {error}"
        takes = ", ".join(signature.parameters) or "no arguments"
        raise ArgumentError(f"{name} {problem}; it takes {takes}") from error


def _publish(id: str) -> None:
    """Let `gymnasium.make(id)` find it, by way of `make`, so that defaults and messages are the same."""
    if id not in gymnasium.registry:
        entry_point = f"{__name__}:{make_for_gymnasium.__name__}"
        gymnasium.register(id, entry_point=entry_point, kwargs={"environment": id})


def make_for_gymnasium(environment: str, **kwargs: Any) -> gymnasium.Env[Any, Any]:
    """`make`, whose own parameter `id` Gymnasium's functions keep for themselves."""
    return make(environment, **kwargs)


for _id in registry.names():
    # An installed plug-in with an id that Gymnasium refuses stays reachable through `make`.
    with suppress(gymnasium.error.Error):
        _publish(_id)
