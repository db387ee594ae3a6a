"""Any environment as what TRL's `GRPOTrainer` takes for its `environment_factory`; TRL itself is not needed here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from turngym.envs.base import Factory
from turngym.envs.registration import factory

INSTRUCTION = "Play by calling the tool `act` with one action at a time until the episode is over.\n\n"


def environment_factory(env_id: str, **kwargs: Any) -> Callable[[], TurngymEnvironment]:
    """For `GRPOTrainer(environment_factory=...)`; `kwargs` are the environment's own arguments.

    Raises what `turngym.envs.factory` raises.
    """
    return partial(TurngymEnvironment, factory(env_id, **kwargs))


def rows(count: int, *, seed: int = 0, prompt: str = INSTRUCTION, **columns: Any) -> list[dict[str, Any]]:
    """A training set of `count` episodes by seed: `datasets.Dataset.from_list(rows(64))`.

    All completions of one row play the same episode, as a group has to. `columns` go into every row; those that
    are not `prompt` or `seed` reach the environment as `options` of its reset.
    """
    message = {"role": "user", "content": prompt}
    return [{"prompt": [message], "seed": number, **columns} for number in range(seed, seed + count)]


class TurngymEnvironment:
    """One environment: `reset` gives the first observation, `act` is the model's only tool, the return the reward.

    TRL makes a tool of every public method but `reset` and `get_reward`, so there is no other.
    """

    def __init__(self, build: Factory) -> None:
        self._env = build()
        self._over = True
        self._return: float | None = None

    def reset(self, **row: Any) -> str:
        """Start the episode of a row; what the model is shown after the prompt."""
        options = {name: value for name, value in row.items() if name not in ("prompt", "seed")}
        obs, _ = self._env.reset(seed=row.get("seed"), options=options or None)
        self._over, self._return = False, 0.0
        return str(obs)

    def act(self, action: str) -> str:
        """Take one action and see what comes of it.

        Args:
            action: The action, written as the observations ask for it.

        Returns:
            The next observation.
        """
        if self._over or self._return is None:
            return "The episode is over."
        earned, self._return = self._return, None
        obs, reward, terminated, truncated, _ = self._env.step(str(action))
        self._return = earned + float(reward)
        self._over = bool(terminated or truncated)
        return f"{obs}\nThe episode is over." if self._over else str(obs)

    def get_reward(self) -> float | None:
        """The sum of the rewards; `None`, which TRL leaves out of the loss, where the environment failed."""
        return self._return
