"""Small changes to any environment that speaks text, composed by nesting or named in a run file.

    env = ScaleReward(HideAdmissible(make("ALFWorld-v0")), factor=10.0)
    env = make("ALFWorld-v0", wrap=["hide_admissible", {"name": "scale_reward", "factor": 10.0}])

In `wrap` the first is the innermost.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import Signature, signature
from pathlib import Path
from typing import Any

import gymnasium

from turngym.core.config import bind
from turngym.core.registry import Registry
from turngym.core.types import Info
from turngym.envs.base import Factory, Step
from turngym.envs.language import Language, load_language

registry = Registry("wrappers")
Wrap = str | dict[str, Any]
"""A wrapper by name, or a table of its name and arguments."""


class TextWrapper(gymnasium.Wrapper[str, str, str, str]):
    """What the wrappers here share: an environment with strings on both sides."""


class History(TextWrapper):
    """Write the last `turns` actions, and what they were answered to, above every observation."""

    def __init__(self, env: gymnasium.Env[str, str], turns: int = 2) -> None:
        super().__init__(env)
        self._past: deque[tuple[str, str]] = deque(maxlen=_at_least(1, turns, "turns"))
        self._seen = ""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        self._past.clear()
        self._seen, info = self.env.reset(seed=seed, options=options)
        return self._seen, info

    def step(self, action: str) -> Step:
        self._past.append((self._seen, action))
        self._seen, *rest = self.env.step(action)
        told = "\n\n".join(f"{seen}\n> {taken}" for seen, taken in self._past)
        return (f"{told}\n\n{self._seen}", *rest)  # type: ignore[return-value]


class ClipObservation(TextWrapper):
    """Cut observations to about `limit` characters, with a note in place of what is left out.

    `keep` says which part stays: `start`, `end` or `both`.
    """

    def __init__(self, env: gymnasium.Env[str, str], limit: int = 4000, keep: str = "both") -> None:
        super().__init__(env)
        if keep not in ("start", "end", "both"):
            raise ValueError(f"keep is {keep!r}; choose start, end or both")
        self._limit, self._keep = _at_least(1, limit, "limit"), keep

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        obs, info = self.env.reset(seed=seed, options=options)
        return clipped(obs, self._limit, self._keep), info

    def step(self, action: str) -> Step:
        obs, *rest = self.env.step(action)
        return (clipped(obs, self._limit, self._keep), *rest)  # type: ignore[return-value]


def clipped(text: str, limit: int, keep: str = "both") -> str:
    """At most `limit` characters of a text and a note that says how many are missing."""
    if len(text) <= limit:
        return text
    start = {"start": limit, "end": 0, "both": limit - limit // 2}[keep]
    end = limit - start
    note = f"[... {len(text) - limit} characters left out ...]"
    return text[:start] + note + text[len(text) - end :]


class ShowAdmissible(TextWrapper):
    """List the admissible actions under every observation, at most `limit` of them."""

    def __init__(self, env: gymnasium.Env[str, str], limit: int = 50) -> None:
        super().__init__(env)
        self._limit = _at_least(1, limit, "limit")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        obs, info = self.env.reset(seed=seed, options=options)
        return self._listed(obs, info), info

    def step(self, action: str) -> Step:
        obs, reward, terminated, truncated, info = self.env.step(action)
        over = terminated or truncated
        return obs if over else self._listed(obs, info), float(reward), terminated, truncated, info

    def _listed(self, obs: str, info: Info) -> str:
        actions: Sequence[str] = info.get("admissible", ())
        lines = [f"- {action}" for action in actions[: self._limit]]
        if len(actions) > self._limit:
            lines.append(f"- ({len(actions) - self._limit} more)")
        open_form = [f"Form: {info['grammar']}"] if "grammar" in info else []
        return "\n".join([obs, "", "You can do:", *lines, *open_form]) if lines or open_form else obs


class HideAdmissible(TextWrapper):
    """Take the admissible actions out of `info`, so that no agent is shown them."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, _without(info, "admissible")

    def step(self, action: str) -> Step:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, float(reward), terminated, truncated, _without(info, "admissible")


class ScaleReward(TextWrapper):
    """Multiply every reward by `factor`. `info["score"]` stays what it is."""

    def __init__(self, env: gymnasium.Env[str, str], factor: float = 10.0) -> None:
        super().__init__(env)
        self._factor = factor

    def step(self, action: str) -> Step:
        obs, reward, *rest = self.env.step(action)
        return (obs, float(reward) * self._factor, *rest)  # type: ignore[return-value]


class SuccessReward(TextWrapper):
    """Replace the rewards by `won` at the end of a successful episode and `lost` at the end of another.

    10 and 0 are what the published runs of GiGPO and HGPO train on. The environment may not know whether it
    was done (`success` is `None`); that counts as not done.
    """

    def __init__(self, env: gymnasium.Env[str, str], won: float = 10.0, lost: float = 0.0) -> None:
        super().__init__(env)
        self._won, self._lost, self._over = won, lost, False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        self._over = False
        return self.env.reset(seed=seed, options=options)

    def step(self, action: str) -> Step:
        obs, _, terminated, truncated, info = self.env.step(action)
        ends = (terminated or truncated) and not self._over
        self._over = terminated or truncated
        paid = self._won if info.get("success") else self._lost
        return obs, paid if ends else 0.0, terminated, truncated, info


class PenalizeInvalid(TextWrapper):
    """Subtract `penalty` for every action that the environment refused (`info["valid"]` is False)."""

    def __init__(self, env: gymnasium.Env[str, str], penalty: float = 0.1) -> None:
        super().__init__(env)
        self._penalty, self._over = penalty, False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        self._over = False
        return self.env.reset(seed=seed, options=options)

    def step(self, action: str) -> Step:
        obs, reward, terminated, truncated, info = self.env.step(action)
        refused = info.get("valid", True) is False and not self._over
        self._over = terminated or truncated
        return obs, float(reward) - self._penalty * refused, terminated, truncated, info


class Speak(TextWrapper):
    """Let the player use another language for actions than the environment.

    `language` is the name of a shipped table, the path of a TOML file or a list of pairs (the environment's
    form, the player's form); see `turngym.envs.language`. Observations stay as they are; `admissible` and
    `expert` are translated, an action in no known form is passed on unchanged.
    """

    def __init__(
        self, env: gymnasium.Env[str, str], language: str | os.PathLike[str] | Sequence[Sequence[str]]
    ) -> None:
        super().__init__(env)
        self._language = Language(language) if _is_table(language) else load_language(language)  # type: ignore[arg-type]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, self._translated(info)

    def step(self, action: str) -> Step:
        obs, reward, terminated, truncated, info = self.env.step(self._language.understand(action))
        return obs, float(reward), terminated, truncated, self._translated(info)

    def _translated(self, info: Info) -> Info:
        say, told = self._language.say, dict(info)
        if "admissible" in info:
            told["admissible"] = list(dict.fromkeys(map(say, info["admissible"])))
        if "expert" in info:
            told["expert"] = say(info["expert"])
        return told


class Record(TextWrapper):
    """Append every episode to a JSON-lines file: seed, options, observations, actions, rewards and ends.

    An episode is written in one piece when it ends, or when a reset or `close` breaks it off. Several
    environments may share a file.
    """

    def __init__(self, env: gymnasium.Env[str, str], path: str | os.PathLike[str]) -> None:
        super().__init__(env)
        self._path, self._episode = Path(path), dict[str, Any]()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        self._write()
        obs, info = self.env.reset(seed=seed, options=options)
        self._episode = {"seed": seed, "options": options or {}, "obs": obs, "steps": []}
        return obs, info

    def step(self, action: str) -> Step:
        obs, reward, terminated, truncated, info = self.env.step(action)
        if self._episode:
            self._episode["steps"].append(
                {"action": action, "obs": obs, "reward": float(reward), "valid": info.get("valid", True)}
            )
        if terminated or truncated:
            self._episode |= {"success": info.get("success")} if self._episode else {}
            self._write()
        return obs, float(reward), terminated, truncated, info

    def close(self) -> None:
        self._write()
        super().close()

    def _write(self) -> None:
        if not self._episode:
            return
        line, self._episode = json.dumps(self._episode) + "\n", {}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # One write to a file opened for appending is not torn apart by those of other processes.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class Wrapped:
    """Builds an environment inside its wrappers; pickles where the factory does."""

    factory: Factory
    wrappers: tuple[Callable[..., gymnasium.Env[Any, Any]], ...]

    @property
    def __signature__(self) -> Signature:
        """That of the environment, which others ask whether it takes `expert`."""
        return signature(self.factory)

    def __call__(self, **kwargs: Any) -> gymnasium.Env[Any, Any]:
        env = self.factory(**kwargs)
        for wrapper in self.wrappers:
            env = wrapper(env)
        return env


def wrapped(factory: Factory, wrap: Sequence[Wrap]) -> Factory:
    """The factory of an environment inside the wrappers named, the first innermost.

    Raises `UnknownName` for a wrapper that nobody has and `ConfigError` for arguments that it does not take.
    """
    return Wrapped(factory, tuple(_wrapper(one) for one in wrap)) if wrap else factory


def _wrapper(given: Wrap) -> Callable[..., gymnasium.Env[Any, Any]]:
    table = {"name": given} if isinstance(given, str) else dict(given)
    name = table.pop("name", "")
    target = registry.get(name)
    return partial(target, **bind(target, table, f"wrap {name}", given=["env"]))


def _without(info: Info, key: str) -> Info:
    return {name: value for name, value in info.items() if name != key}


def _at_least(least: int, value: int, name: str) -> int:
    if value < least:
        raise ValueError(f"{name} is {value}; give {least} or more")
    return value


def _is_table(language: object) -> bool:
    return not isinstance(language, str | os.PathLike)


registry.register("attempts", "turngym.envs.attempts:Attempts")
registry.register("history", History)
registry.register("clip_observation", ClipObservation)
registry.register("show_admissible", ShowAdmissible)
registry.register("hide_admissible", HideAdmissible)
registry.register("scale_reward", ScaleReward)
registry.register("success_reward", SuccessReward)
registry.register("penalize_invalid", PenalizeInvalid)
registry.register("speak", Speak)
registry.register("record", Record)
registry.register("time_limit", "gymnasium.wrappers:TimeLimit")
