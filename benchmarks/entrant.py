"""What a result records of its origin: panel, environment, agent, model, limits, code and machine."""

from __future__ import annotations

import inspect
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, version
from pathlib import Path
from typing import Any

import turngym
from turngym import __version__, agents, envs
from turngym.agents.rollout import Sampler
from turngym.benchmarks import Benchmark, arguments
from turngym.benchmarks.result import TRAINED_ON, Record, digest, file_digest
from turngym.core import config, doctor
from turngym.core.errors import ConfigError, suggest

WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf", ".json", ".model", ".txt", ".jinja")
"""Endings of weight and tokenizer files in a model's folder."""
LIMITS = ("temperature", "max_tokens", "max_context", "timeout", "retries", "env_validity")


def plan(
    benchmark: Benchmark,
    sections: Mapping[str, config.Table],
    sampler: Sampler,
    *,
    seed: int,
    model: str | None = None,
    trained_on: str | None = None,
) -> Record:
    """All that decides how a run comes out; a folder is resumed only by a run with the same.

    `model` is the folder or name of the weights, `None` for an agent that asks no model. `trained_on` is one of
    `TRAINED_ON`; left out it is `none` without a model and `unknown` with one. Raises `ConfigError` for another.
    """
    declared = trained_on or ("none" if model is None else "unknown")
    if declared not in TRAINED_ON:
        raise ConfigError(f"--trained-on is {declared!r}; {suggest(declared, TRAINED_ON)}")
    return {
        "panel": panel(benchmark),
        "env": environment(benchmark),
        "agent": agent(sections["agent"]),
        "model": None if model is None else weights(model, sections["engine"]),
        "credit": None if model is None else credit(model),
        "trained_on": declared,
        "decoding": {name: getattr(sampler, name) for name in LIMITS},
        "seed": seed,
    }


def panel(benchmark: Benchmark) -> Record:
    """What was to be played."""
    return {
        "name": benchmark.name,
        "digest": benchmark.digest,
        "env": dict(benchmark.env),
        "tasks": len(benchmark.tasks),
        "samples": benchmark.samples,
        "max_turns": benchmark.max_turns,
        "about": benchmark.about,
    }


def environment(benchmark: Benchmark) -> Record:
    """The environment's id, the versions of its packages, and the digest of its tasks where it has one.

    It is made once, to be asked; raises a `UserError` for what it lacks.
    """
    build = envs.factory(benchmark.env["name"], **arguments(benchmark.env))
    made = config.construct(build, "env").unwrapped
    try:
        told = _data(made)
    finally:
        made.close()
    return {
        "id": envs.resolve(benchmark.env["name"]),
        "packages": _packages(benchmark.env["name"]),
        "data": told,
    }


def _data(made: Any) -> dict[str, str]:
    for holder in (made, *(getattr(made, part, None) for part in ("tasks", "domain"))):
        if isinstance(found := getattr(holder, "digest", None), str):
            return {str(getattr(holder, "split", "tasks")): found}
    return {}


def _packages(id: str) -> dict[str, str]:
    extra = envs.registry.extra(envs.resolve(id))
    names = ["gymnasium", *(doctor.needed_by(extra) if extra else [])]
    known = {name: doctor.installed(name) for name in names}
    return {"turngym": __version__} | {name: found for name, found in known.items() if found}


def agent(section: config.Table) -> Record:
    """The agent's name, arguments, the package it comes from, and the digest of its module and arguments."""
    name = config.plugin_name(section, "agent")
    given = {key: value for key, value in section.items() if key != "name"}
    factory = agents.registry.get(name)
    return {
        "name": name,
        "arguments": given,
        "distribution": _distribution(name, factory),
        "digest": digest([name, given, _source(factory)]),
    }


def _distribution(name: str, factory: Callable[..., Any]) -> str:
    """The package that offers the agent, with its version."""
    for point in entry_points(group="turngym.agents", name=name):
        if point.dist is not None:
            return f"{point.dist.name} {point.dist.version}"
    module = _module(factory).partition(".")[0]
    package = "turngym" if module == "turngym" else packages_distributions().get(module, [module])[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"turngym {__version__}" if package == "turngym" else f"module {module}"


def _module(factory: Callable[..., Any]) -> str:
    return str(getattr(factory, "__module__", type(factory).__module__))


def _source(factory: Callable[..., Any]) -> str | None:
    """SHA-256 of the file that defines the factory; `None` for one without a file."""
    while isinstance(factory, partial):
        factory = factory.func
    try:
        return file_digest(Path(inspect.getfile(inspect.unwrap(factory))))
    except (TypeError, OSError):
        return None


def weights(model: str, engine: config.Table) -> Record:
    """The model's name, what runs it, and the digest of its files, `None` for one that is not in a folder here."""
    folder = Path(model)
    files = sorted(file for file in folder.glob("*") if file.suffix in WEIGHTS) if folder.is_dir() else []
    return {
        "name": model,
        "engine": config.plugin_name(engine, "engine"),
        "arguments": {key: value for key, value in engine.items() if key != "name"},
        "digest": digest([[file.name, file_digest(file)] for file in files]) if files else None,
    }


def credit(model: str) -> str | None:
    """The credit method that trained a model, where its folder lies in that of a training run.

    `None` for the checkpoint of step 0, which no credit has touched.
    """
    if "step-000000" in Path(model).absolute().parts:
        return None
    for folder in Path(model).absolute().parents[:4]:
        if (folder / "run.toml").is_file():
            name = config.load_run(folder / "run.toml").get("credit", {}).get("name")
            return None if name is None else str(name)
    return None


def origin() -> Record:
    """Code, machine and date of this moment."""
    return {
        "code": code(),
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def code() -> Record:
    """turngym's version and, where it runs from a checkout, the commit and whether files were changed since."""
    here = Path(turngym.__file__).resolve()
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:  # some other checkout around it
        return {"version": __version__, "commit": None, "dirty": None}
    commit, changes = _git(here.parent, "rev-parse", "HEAD"), _git(here.parent, "status", "--porcelain")
    return {"version": __version__, "commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; `None` where it fails or is not installed."""
    try:
        ran = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return ran.stdout.strip()
