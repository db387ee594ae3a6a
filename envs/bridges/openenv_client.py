"""Any OpenEnv server as an environment: its protocol over a WebSocket of one's own."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.bridges.actions import ActionForm, observed
from turngym.envs.bridges.openenv_protocol import (
    LONGEST_ANSWER,
    OURS,
    Address,
    ServerError,
    parsed,
    reason,
    short,
)
from turngym.envs.bridges.wire import plain, restored_info, well_formed

LONGEST_ACTION = 1 << 20
"""Characters; a longer action is refused here and never sent."""


class Refused(Exception):
    """The server does not understand the action, or takes none that long."""


class OpenEnv(TextEnv):
    """Any OpenEnv server as an environment: `url`, a token if it asks for one, and text for its actions.

    url: where the server is, `http://host:port` or `ws://host:port`.
    token: sent as `Authorization: Bearer TOKEN`.
    action: which field of the server's action the text goes into, where several are required.
    observation: which field of its observation is shown.
    timeout: seconds to wait for one answer.

    Actions and observations are put in words as `turngym.envs.bridges.actions` says. A turngym server tells
    `info` whole; of any other the observation stands for the state and `success` is not known. `options` of
    `reset` are sent beside the seed. A reset connects anew where the connection was lost.

    Raises `ServerError` where the server is not there, does not answer in time, or reports a failure.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        action: str | None = None,
        observation: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.line = Line(url, token, timeout)
        self._field = action
        self._shown = observation
        self._form: ActionForm | None = None
        self._over = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Start an episode; without a seed its seed is drawn from the last one given."""
        super().reset(seed=seed)
        if self._form is None:
            self._form = ActionForm(self.line.action_schema(), self._field)
        drawn = int(self.np_random.integers(2**31)) if seed is None else seed
        answer = self.line.reset({**plain(options or {}), "seed": drawn})
        obs, _, terminated, truncated, info = self._read(answer)
        self._over = terminated or truncated
        return obs, info

    def step(self, action: str) -> Step:
        """Send an action; one that the server cannot take changes nothing."""
        if self._form is None:
            raise ServerError(f"{self.line} has to be reset before a step")
        if self._over:
            return "The episode is over.", 0.0, True, False, self._info | {"valid": False}
        if len(action) > LONGEST_ACTION:
            return self._nothing(
                f"The action has {len(action)} characters; at most {LONGEST_ACTION} are sent."
            )
        data = self._form.action(well_formed(action))
        if data is None:
            return self._nothing(f"Nothing happens. An action is {self._form.grammar}.")
        try:
            obs, reward, terminated, truncated, info = self._read(self.line.ask("step", data))
        except Refused as refused:
            return self._nothing(f"Nothing happens. {refused}")
        self._over = terminated or truncated
        return obs, reward, terminated, truncated, info

    def close(self) -> None:
        """End the session on the server."""
        self.line.close()

    def _read(self, answer: dict[str, Any]) -> Step:
        observation = answer.get("observation", {})
        self._info = self._told(observation)
        truncated = bool(observation.get("truncated", False))
        terminated = bool(observation.get("terminated", answer.get("done", False)))
        reward = float(answer.get("reward") or 0.0)
        return observed(observation, self._shown), reward, terminated, truncated, dict(self._info)

    def _told(self, observation: dict[str, Any]) -> Info:
        """The info of a turngym server, or what can be said without one."""
        if observation.keys() >= OURS and isinstance(observation["info"], dict):
            return restored_info(observation["info"])
        assert self._form
        return {"grammar": self._form.grammar, "valid": True, "success": None}

    def _nothing(self, problem: str) -> Step:
        return problem, 0.0, False, False, self._info | {"valid": False}


class Line:
    """A session on a server, over one WebSocket that is opened when it is first needed."""

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        self._address = Address(url, token)
        self._timeout = timeout
        self._socket: ClientConnection | None = None

    def __str__(self) -> str:
        return str(self._address)

    def action_schema(self) -> dict[str, Any]:
        """The JSON schema of the server's actions; raises `ServerError`."""
        try:
            return cast(dict[str, Any], self._address.fetch("/schema", self._timeout)["action"])
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError(f"{self} tells no schema of its actions; is it an OpenEnv server?") from error

    def reset(self, data: dict[str, Any]) -> dict[str, Any]:
        """Start an episode, on a new connection where the last one is gone."""
        fresh = self._socket is None
        try:
            return self.ask("reset", data)
        except Lost:
            if fresh:
                raise
            return self.ask("reset", data)
        except Refused as refused:
            raise ServerError(f"{self} refused to reset with {short(data)}: {refused}") from refused

    def ask(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        """One message and its answer.

        Raises `Refused` for data that the server does not take, `ServerError` for anything else it reports,
        `Lost` where the connection is gone, which the next message opens again.
        """
        with self._listening(kind):
            socket = self._connected()
            with suppress(ConnectionClosed):  # What it said before it hung up is still to be read.
                socket.send(json.dumps({"type": kind, "data": data}, ensure_ascii=False))
            failed, data = parsed(socket.recv(timeout=self._timeout))
        if failed:
            raise self._failure(kind, data)
        return data

    def close(self) -> None:
        """Say good-bye and hang up."""
        if self._socket is not None:
            with suppress(WebSocketException, OSError):
                self._socket.send('{"type": "close"}')
            self._hang_up()

    def _connected(self) -> ClientConnection:
        if self._socket is None:
            opened = connect(
                self._address.ws,
                additional_headers=self._address.headers,
                open_timeout=self._timeout,
                close_timeout=1.0,
                max_size=LONGEST_ANSWER,
                compression=None,
                proxy=None,
            )
            held = ExitStack()
            self._socket = held.enter_context(opened)
            self._end = weakref.finalize(self, _close, held)
        return self._socket

    @contextmanager
    def _listening(self, kind: str) -> Iterator[None]:
        """Tell what goes wrong on the connection, and give it up."""
        try:
            yield
        except TimeoutError as error:
            self._hang_up()
            raise ServerError(
                f"{self} did not answer {kind} in {self._timeout:g}s; reset to go on"
            ) from error
        except InvalidStatus as error:
            status = error.response.status_code
            raise ServerError(f"{self} refused: {reason(error.response.body, status)}") from error
        except (ConnectionClosed, OSError) as error:
            self._hang_up()
            raise Lost(f"{self} hung up during {kind} ({error}); reset to connect again") from error
        except (WebSocketException, ValueError) as error:
            self._hang_up()
            raise ServerError(f"{self} sent what is no answer to {kind}: {error}") from error

    def _failure(self, kind: str, data: dict[str, Any]) -> Exception:
        message, code = str(data.get("message", "no reason told")), data.get("code")
        if code in ("VALIDATION_ERROR", "INVALID_JSON"):
            return Refused("; ".join([message, *_faults(data.get("errors"))]))
        if code != "EXECUTION_ERROR":
            self._hang_up()
        failure = Lost if code == "SESSION_ERROR" else ServerError
        return failure(f"{self} failed in {kind}: {message}")

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket = None
            self._end()


class Lost(ServerError):
    """The connection is gone, and with it the episode."""


def _close(held: ExitStack) -> None:
    with suppress(WebSocketException, OSError):
        held.close()


def _faults(errors: Any) -> list[str]:
    """The fields at fault, as Pydantic lists them."""
    listed = [one for one in errors or () if isinstance(one, dict)]
    return [f"{'.'.join(map(str, one.get('loc', ())))}: {one.get('msg')}" for one in listed]
