"""A small installable package around a plug-in of one's own, with tests that pass from the start."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from turngym import __version__
from turngym.core.errors import ConfigError, suggest

LONGEST = 40
"""Letters of an owner's or a plug-in's name."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What differs between packages of one kind and another."""

    about: str
    """What it is, in words."""
    group: str
    """The registry, as in the entry point's group `turngym.<group>`."""
    suffix: str
    """Of the class."""
    use: str
    """How the plug-in is used, as the package's README says it."""
    extra: str = ""
    """What of turngym it needs."""


KINDS = {
    "env": Kind(
        about="An environment", group="envs", suffix="Env", use="Play it yourself with `turngym play $name`."
    ),
    "agent": Kind(
        about="An agent",
        group="agents",
        suffix="Agent",
        use="Score it with `turngym run household-small --agent $name`.",
    ),
    "credit": Kind(
        about="A credit method",
        group="credit",
        suffix="Credit",
        use='A run file takes it as `[credit]`, `name = "$name"`.',
    ),
    "trainer": Kind(
        about="A trainer",
        group="trainers",
        suffix="Trainer",
        use='A run file takes it as `[trainer]`, `name = "$name"`.',
        extra="[train]",
    ),
    "engine": Kind(
        about="An engine",
        group="engines",
        suffix="Engine",
        use='A run file takes it as `[engine]`, `name = "$name"`, and `turngym run` as `--engine $name`.',
        extra="[train]",
    ),
}


def new(kind: str, name: str, into: Path) -> list[Path]:
    """Write the package `owner-name` into a folder and give the files' paths.

    Raises `ConfigError` for a kind that does not exist, a name that is not `owner/name`, a folder of the package's name
    that is there already, and one that cannot be written; what was there stays as it was.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no kind {kind!r}; {suggest(kind, list(KINDS))}")
    words = wording(kind, name)
    root = into / words["distribution"]
    try:
        root.mkdir(parents=True)
    except FileExistsError as error:
        raise ConfigError(f"{root} is there already; choose another name or another folder") from error
    except OSError as error:
        raise ConfigError(f"cannot write to {root}: {error.strerror}; choose another folder") from error
    return _fill(root, kind, words)


def wording(kind: str, name: str) -> dict[str, str]:
    """What the templates' placeholders stand for, from a name as `acme/shy`."""
    owner, slash, own = name.partition("/")
    if not slash or "/" in own:
        raise ConfigError(f"the name {name!r} has no owner; write it as owner/name, as acme/shy")
    version = re.search(r"-v(\d+)$", own) if kind == "env" else None
    owned, parts = _parts(owner, name), _parts(own[: version.start()] if version else own, name)
    title = "".join(part.capitalize() for part in parts)
    published = f"{title}-v{version[1] if version else 0}" if kind == "env" else "-".join(parts)
    words = {
        "name": f"{'-'.join(owned)}/{published}",
        "distribution": "-".join([*owned, *parts]),
        "module": "_".join([*owned, *parts]),
        "class_name": title.removesuffix(KINDS[kind].suffix) + KINDS[kind].suffix,
        "group": KINDS[kind].group,
        "requirement": f"turngym{KINDS[kind].extra}>={__version__}",
        "description": f"{KINDS[kind].about} for turngym, {'-'.join(owned)}/{published}.",
    }
    return words | {"use": Template(KINDS[kind].use).substitute(words)}


def _parts(text: str, name: str) -> list[str]:
    """The words of an owner's or a plug-in's name, in small letters."""
    strange = re.search(r"[^A-Za-z0-9 ._-]", text)
    if strange:
        raise ConfigError(
            f"the name {name!r} holds {strange[0]!r}; use letters from a to z, digits and hyphens"
        )
    parts = re.findall(r"[a-z0-9]+", text.lower())
    if not parts or parts[0][0].isdigit() or len(text) > LONGEST:
        raise ConfigError(
            f"the name {name!r} cannot be a package's; begin both parts with a letter and keep each below "
            f"{LONGEST + 1} letters"
        )
    return parts


def _fill(root: Path, kind: str, words: dict[str, str]) -> list[Path]:
    """Write the files; where that fails the whole folder is taken back."""
    try:
        return [_write(root / path, text) for path, text in contents(kind, words).items()]
    except OSError as error:
        shutil.rmtree(root, ignore_errors=True)
        raise ConfigError(f"cannot write to {root}: {error.strerror}; choose another folder") from error


def contents(kind: str, words: dict[str, str]) -> dict[str, str]:
    """The files of a package by their path in it."""
    module = words["module"]
    sources = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{module}.py": f"{kind}/module.py",
        f"tests/test_{module}.py": f"{kind}/test.py",
    }
    templates = files("turngym.core").joinpath("templates")
    return {
        path: Template(templates.joinpath(f"{source}.txt").read_text(encoding="utf-8")).substitute(words)
        for path, source in sources.items()
    }


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
