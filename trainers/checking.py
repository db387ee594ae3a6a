"""Any plug-in by its name, put to the contract of its kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from turngym import agents, credit, envs, trainers
from turngym.agents import engines
from turngym.core.config import Table, bind, check_sections, construct, plugin_name
from turngym.core.errors import ConfigError, suggest
from turngym.core.registry import Registry
from turngym.core.rules import Verdict
from turngym.envs.base import Factory
from turngym.envs.experts import NoExpert

REGISTRIES: dict[str, Registry] = {
    "agent": agents.registry,
    "engine": engines.registry,
    "credit": credit.registry,
    "trainer": trainers.registry,
}
"""Kinds whose names are looked up as they are; environments are resolved by rules of their own."""
KINDS = ("env", *REGISTRIES)

SECTIONS = {kind: (kind,) for kind in KINDS} | {"agent": ("agent", "env")}
"""What overrides may set: an agent's environment too, where it needs another than the corridor."""


def kind_of(name: str, kind: str | None = None) -> str:
    """The kind of a plug-in: the one that is said, or the only one that has the name; else an environment.

    Raises `ConfigError` for a kind that does not exist and for a name that several kinds have.
    """
    if kind is not None:
        known = {one: one for one in KINDS} | {"envs": "env"} | {f"{one}s": one for one in REGISTRIES}
        if kind not in known:
            raise ConfigError(f"there is no kind {kind!r} to check; {suggest(kind, KINDS)}")
        return known[kind]
    having = [one for one, registry in REGISTRIES.items() if name in registry.names()]
    having += ["env"] if name in envs.registry.names() else []
    if len(having) > 1:
        raise ConfigError(
            f"{name!r} is the name of {' and '.join(having)}; say which with --kind {having[0]}"
        )
    return having[0] if having else "env"


def check(name: str, kind: str, sections: Table, *, seed: int = 0) -> list[Verdict]:
    """Try every rule of the kind on the plug-in, with the arguments of its section.

    Raises a `UserError` for a name or an argument that is wrong.
    """
    check_sections(sections, SECTIONS[kind])
    return CHECKS[kind](name, sections, seed)


def _env(name: str, sections: Table, seed: int) -> list[Verdict]:
    arguments = sections.get("env", {})
    construct(envs.factory(name, **arguments), "env").close()
    return envs.check_env(name, seed=seed, **arguments)


def _agent(name: str, sections: Table, seed: int) -> list[Verdict]:
    from turngym.agents.check import HALL, check_agent

    factory = _bound(name, "agent", sections)
    construct(factory, "agent")
    hall = _hall(dict(sections["env"])) if "env" in sections else HALL
    return check_agent(factory, hall, seed=seed)


def _hall(table: Table) -> Factory:
    """The environment that an agent is tried in; it plays along where it can."""
    name = plugin_name(table, "env")
    factory = envs.factory(name, **{key: value for key, value in table.items() if key != "name"})
    construct(factory, "env").close()
    if "expert" not in inspect.signature(factory).parameters:
        return factory
    guided = partial(factory, expert=True)  # type: ignore[call-arg]
    with suppress(NoExpert):
        guided().close()
        return guided
    return factory


def _engine(name: str, sections: Table, seed: int) -> list[Verdict]:
    from turngym.agents.engines.check import check_engine

    return check_engine(_bound(name, "engine", sections, "model", "stop_ids"), seed=seed)


def _credit(name: str, sections: Table, seed: int) -> list[Verdict]:
    from turngym.credit.check import check_credit

    factory = _bound(name, "credit", sections, "backbone")
    if "backbone" in inspect.signature(factory).parameters:
        return check_credit(partial(_with_backbone, factory), seed=seed)
    construct(factory, "credit")
    return check_credit(factory, seed=seed)


def _with_backbone(factory: Callable[..., credit.Credit]) -> credit.Credit:
    """A method that learns, with a small model of its own."""
    from turngym.trainers.backbone import OwnModel
    from turngym.trainers.models import tiny

    return factory(backbone=OwnModel(lambda: tiny(hidden=16, layers=1, heads=2, feed_forward=32).model))


def _trainer(name: str, sections: Table, seed: int) -> list[Verdict]:
    from turngym.trainers.check import check_trainer

    return check_trainer(_bound(name, "trainer", sections, "model", "engine", "seed"), seed=seed)


def _bound(name: str, kind: str, sections: Table, *given: str) -> Callable[..., Any]:
    """What makes the plug-in, with the arguments of its section; those `given` are the check's to fill in."""
    factory = REGISTRIES[kind].get(name)
    return partial(factory, **bind(factory, sections.get(kind, {}), kind, given=given))


CHECKS: dict[str, Callable[[str, Table, int], list[Verdict]]] = {
    "env": _env,
    "agent": _agent,
    "engine": _engine,
    "credit": _credit,
    "trainer": _trainer,
}
