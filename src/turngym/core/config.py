"""Run files: TOML tables that name plug-ins and their arguments, with dotted overrides.

There is no central list of keys: a plug-in brings its own signature, and a run file is checked against it.
"""

from __future__ import annotations

import inspect
import json
import re
import tomllib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from turngym.core.errors import ConfigError, PrerequisiteError, UserError, suggest
from turngym.core.registry import Registry

Table = dict[str, Any]
"""A TOML table; a run is a table of sections."""

SHORTHANDS = {"seed": "loop.seed"}
"""Override keys without a dot that stand for a dotted one."""


def load_run(path: Path, overrides: Iterable[str] = ()) -> Table:
    """The run file at `path` with `section.key=value` overrides applied.

    Raises `ConfigError` where the file cannot be read or is no TOML, or an override has another form.
    """
    try:
        run = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the run file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML: {error}") from error
    return override(run, overrides)


def find_run(name: str) -> Path:
    """A run file by path, or by the name of a recipe that turngym ships."""
    if name.endswith(".toml") or "/" in name:
        return Path(name)
    return shipped("trainers/recipes", name, kind="recipe")


def shipped(folder: str, name: str, *, kind: str) -> Path:
    """The TOML file called `name` in a folder of the package; `ConfigError` suggests the nearest name."""
    found = shipped_names(folder)
    if name not in found:
        raise ConfigError(f"no {kind} is called {name!r}; {suggest(name, found)}")
    return Path(str(files("turngym").joinpath(folder, f"{name}.toml")))


def shipped_names(folder: str) -> list[str]:
    """Names of the TOML files in a folder of the package, sorted."""
    place = files("turngym").joinpath(folder)
    return sorted(file.name.removesuffix(".toml") for file in place.iterdir() if file.name.endswith(".toml"))


def override(run: Mapping[str, Any], assignments: Iterable[str]) -> Table:
    """A copy of the run with each `section.key=value` set, or a whole section with `section={...}`.

    Values are TOML; anything else is a string.
    """
    result = _copy(run)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        dotted, value = SHORTHANDS.get(key, key), parse_value(text)
        if not equals or not all(dotted.split(".")) or ("." not in dotted and not isinstance(value, dict)):
            raise ConfigError(f"{assignment!r} is no override; write it as section.key=value")
        _assign(result, dotted, value)
    return result


def parse_value(text: str) -> Any:
    """The TOML value that the text spells, or the text itself."""
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if len(table) == 1 else text


def check_sections(run: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise `ConfigError` for a section that is not among the known ones or is no table."""
    known = sorted(known)
    for section, table in run.items():
        if section not in known:
            raise ConfigError(f"a run has no section [{section}]; {suggest(section, known)}")
        if not isinstance(table, dict):
            raise ConfigError(f"{section} = {table!r} is no section; write its keys under [{section}]")


def section(run: Mapping[str, Any], name: str) -> Table:
    """A section that a run must have. Raises `ConfigError` where it is missing."""
    if name not in run:
        raise ConfigError(f"the run has no section [{name}]; add it")
    table: Table = run[name]
    return table


def build(registry: Registry, table: Mapping[str, Any], where: str, **given: Any) -> Any:
    """Make the plug-in that a section's `name` asks for; what it says against a value is a `ConfigError`.

    The section's other keys are its arguments; `given` are those from the code, which the user may not set.
    """
    factory = registry.get(plugin_name(table, where))
    arguments = {key: value for key, value in table.items() if key != "name"}
    return construct(partial(factory, **bind(factory, arguments, where, given=given), **given), where)


def construct(factory: Callable[[], Any], where: str) -> Any:
    """What the factory makes; its complaint about a value or a file is told as the user's to put right."""
    try:
        return factory()
    except UserError:
        raise
    except ValueError as error:
        raise ConfigError(f"[{where}] {error}") from error
    except FileNotFoundError as error:
        raise PrerequisiteError(str(error)) from error


def plugin_name(table: Mapping[str, Any], where: str) -> str:
    """The `name` of a section; `ConfigError` where it is missing or no string."""
    name = table.get("name")
    if not isinstance(name, str):
        raise ConfigError(f'[{where}] does not say which plug-in it means; give it a name, as name = "..."')
    return name


def bind(
    factory: Callable[..., Any], table: Mapping[str, Any], where: str, *, given: Iterable[str] = ()
) -> Table:
    """The table as keyword arguments of the factory, checked against its signature.

    `where` is the section, for messages; `given` names parameters that the caller fills in. An integer is
    taken where a float is asked for. Raises `ConfigError` for a key that the factory does not take, a value
    of another type than its annotation says, and a required parameter that is missing.
    """
    parameters = _parameters(factory, given)
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        _check_keys(parameters, table, where)
    _check_required(parameters, table, where)
    return {key: _checked(parameters.get(key), value, f"{where}.{key}") for key, value in table.items()}


def _parameters(factory: Callable[..., Any], given: Iterable[str]) -> dict[str, inspect.Parameter]:
    try:
        signature = inspect.signature(factory, eval_str=True)
    except NameError:  # an annotation that exists only for the type checker
        signature = inspect.signature(factory)
    hidden = {*given, "self"}
    return {
        name: parameter
        for name, parameter in signature.parameters.items()
        if name not in hidden and parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL)
    }


def _check_keys(parameters: Mapping[str, inspect.Parameter], table: Mapping[str, Any], where: str) -> None:
    for key in table:
        if key not in parameters:
            raise ConfigError(f"[{where}] has no key {key!r}; {suggest(key, sorted(parameters))}")


def _check_required(
    parameters: Mapping[str, inspect.Parameter], table: Mapping[str, Any], where: str
) -> None:
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_KEYWORD
        and name not in table
    ]
    if missing:
        raise ConfigError(f"[{where}] needs a value for {', '.join(map(repr, missing))}")


def _checked(parameter: inspect.Parameter | None, value: Any, where: str) -> Any:
    annotation = Any if parameter is None else parameter.annotation
    if not fits(value, annotation):
        wanted = inspect.formatannotation(annotation)
        raise ConfigError(f"{where} = {value!r} is of the wrong type; it takes {wanted}")
    takes_float = annotation is float or (float in get_args(annotation) and int not in get_args(annotation))
    return float(value) if takes_float and type(value) is int else value


def fits(value: Any, annotation: Any) -> bool:
    """Whether a TOML value may stand for the annotation; annotations that TOML cannot spell accept all."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if origin in (list, tuple, Sequence, Iterable):
        return isinstance(value, list) and all(fits(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation in (bool, str, list, dict, types.NoneType):
        return isinstance(value, annotation)
    return True


def dump(run: Mapping[str, Any]) -> str:
    """The run as TOML text that `tomllib` reads back equal."""
    return "\n".join(_lines(run, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = [
        f"{_key(key)} = {_literal(value)}" for key, value in table.items() if not isinstance(value, dict)
    ]
    inner = [
        line
        for key, value in table.items()
        if isinstance(value, dict)
        for line in ["", f"[{'.'.join(map(_key, (*path, key)))}]", *_lines(value, (*path, key))]
    ]
    return plain + inner


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for the delete character, which TOML does not allow as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_literal(item)}" for key, item in value.items()) + "}"
    raise ConfigError(f"{value!r} cannot be written to a run file; TOML has no {type(value).__name__}")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _literal(key)


def _copy(table: Mapping[str, Any]) -> Table:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in table.items()}


def _assign(run: Table, dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    table = run
    for depth, part in enumerate(path, start=1):
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"cannot set {dotted}: {'.'.join(path[:depth])} is {inner!r}, not a section")
        table = inner
    table[last] = value
