"""Any environment over OpenEnv's protocol, for whoever speaks it: WebSocket sessions and the HTTP routes."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import (
    Action,
    ConcurrencyConfig,
    EnvironmentMetadata,
    Observation,
    State,
)
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from turngym.core.errors import UserError
from turngym.core.types import Info
from turngym.envs.bridges.guard import App, Guard
from turngym.envs.bridges.openenv_protocol import EXECUTOR
from turngym.envs.bridges.variants import Variants
from turngym.envs.bridges.wire import plain_info, well_formed
from turngym.envs.pool import Lease, Pool
from turngym.envs.registration import registry
from turngym.envs.serving import check_open, running, serve_until_interrupted

LONGEST = 8 << 20
"""Bytes of the longest message that is taken; one of over twice that ends its session."""

GOODBYE = 1.0
"""Seconds in which a client that was shown out has to close its end."""

SPARE = 128
"""Plain requests that are answered at once, beside the sessions."""


class TextAction(Action):
    """What an agent does: one text."""

    text: str = Field(description="The action in the environment's own words.")


class TextObservation(Observation):
    """What an agent sees; `done` is `terminated or truncated`."""

    text: str = Field(description="The observation.")
    terminated: bool = Field(default=False, description="The episode came to its end.")
    truncated: bool = Field(default=False, description="The episode was cut off.")
    info: dict[str, Any] = Field(
        default_factory=dict,
        description="What turngym tells beside the observation: state, admissible, valid, success, score, ...",
    )


class Session(Environment[TextAction, TextObservation, State]):
    """One client's environment, leased from a pool at its first reset and given back at its end."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, variants: Variants, patience: float) -> None:
        super().__init__()
        self._name = variants.env_id
        self._variants = variants
        self._patience = patience
        self._state = State(episode_id=None, step_count=0)
        self._held = contextlib.AsyncExitStack()
        self._lease: Lease | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def reset_async(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        turngym_arguments: dict[str, Any] | None = None,
        **options: Any,
    ) -> TextObservation:
        """Start an episode; `options` are those of the environment's own `reset`, such as `task`.

        `turngym_arguments`, the environment's, count in a session's first reset.
        """
        if seed is not None and (not isinstance(seed, int) or seed < 0):
            raise ValueError(f"the seed is {str(seed)[:100]!r}; give a whole number from 0 on")
        lease = self._lease or await self._take(self._variants.pool(turngym_arguments))
        obs, info = await lease.reset(seed=seed, options=options or None)
        self._state = State(episode_id=episode_id or str(uuid.uuid4()), step_count=0)
        return _observation(obs, info)

    async def step_async(
        self, action: TextAction, timeout_s: float | None = None, **_: Any
    ) -> TextObservation:
        """One transition. The server's own time limit holds, whatever `timeout_s` says."""
        if self._lease is None:
            raise RuntimeError(f"{self._name} has to be reset before a step")
        obs, reward, terminated, truncated, info = await self._lease.step(action.text)
        self._state.step_count += 1
        return _observation(
            obs, info, reward=reward, terminated=terminated, truncated=truncated, done=terminated or truncated
        )

    def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> TextObservation:
        """Not offered: the server awaits `reset_async`."""
        raise NotImplementedError

    def step(self, action: TextAction, timeout_s: float | None = None, **_: Any) -> TextObservation:
        """Not offered: the server awaits `step_async`."""
        raise NotImplementedError

    @property
    def state(self) -> State:
        """The episode's id and how many steps it has had."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """The environment's id and what `turngym list` says of it."""
        about = registry.about(self._name) if self._name in registry.names() else self._name
        return EnvironmentMetadata(name=self._name, description=about, version=version("turngym"))

    def close(self) -> None:
        """Give the environment back; OpenEnv calls this in a thread of its own."""
        if self._loop and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._held.aclose(), self._loop)

    async def _take(self, pool: Pool) -> Lease:
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience):
                self._lease = await self._held.enter_async_context(pool.lease())
        except TimeoutError:
            raise RuntimeError(f"all {pool.size} environments are taken; try again later") from None
        return self._lease


class Brisk(WebSocketsSansIOProtocol):
    """Waits for the other side's goodbye no longer than `GOODBYE`, so that those refused do not pile up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = GOODBYE


SETTINGS: dict[str, Any] = {"ws": Brisk, "ws_max_size": 2 * LONGEST, "ws_per_message_deflate": False}
"""Uvicorn's for WebSockets. Compressed messages would let a small one grow large."""


def serve(env_id: str, *, sessions: int = 64, **arguments: Any) -> None:
    """Serve an environment until Ctrl-C; the arguments are those of `serving`."""
    with serving(env_id, sessions=sessions, **arguments) as url:
        serve_until_interrupted(f"{env_id} at {url} ({sessions} sessions)")


@contextlib.contextmanager
def serving(
    env_id: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    sessions: int = 64,
    workers: int = 2,
    timeout: float = 60.0,
    idle: float = 600.0,
    variants: int = 0,
    **kwargs: Any,
) -> Iterator[str]:
    """Serve an environment over OpenEnv's protocol in a thread, and tell its URL.

    host, port: where to listen; port 0 takes a free one.
    token: what a client has to show, as `Authorization: Bearer TOKEN` or in `http://any:TOKEN@host`.
        Required where `host` is not this machine alone.
    sessions: how many clients play at once, each its own environment; the next is told that there is no room.
    workers: processes over which the environments are spread; 0 keeps them in this one.
    timeout: seconds an environment may take for one answer.
    idle: seconds of silence after which a session is closed.
    variants: how many sets of arguments beside its own the server takes from those who use it as an executor, as
        training, evaluation and warm start of one run do; each has `workers` processes of its own.
    kwargs: the environment's own arguments.

    Raises `PrerequisiteError` for a port that is taken or an open host without a token, and what
    `turngym.envs.factory` raises.
    """
    check_open(host, token)
    slots = -(-sessions // max(workers, 1))
    make = partial(Pool, workers=workers, slots=slots, timeout=timeout)
    with contextlib.closing(Variants(env_id, make, kwargs, variants)) as played:
        application = app(played, token=token, sessions=sessions, idle=idle, timeout=timeout)
        with running(application, host, port, limit=sessions + SPARE, **SETTINGS) as url:
            yield url


def app(variants: Variants, *, token: str | None, sessions: int, idle: float, timeout: float) -> App:
    """OpenEnv's own application for the environments, with a route for executors, behind a guard."""
    limits = ConcurrencyConfig(max_concurrent_envs=sessions, session_timeout=idle + timeout)
    inner = create_app(
        partial(Session, variants, timeout), TextAction, TextObservation, concurrency_config=limits
    )
    inner.add_route(EXECUTOR, partial(_told, variants), methods=["POST"])
    return Guard(inner, token=token, idle=idle, longest=LONGEST)


async def _told(variants: Variants, request: Request) -> JSONResponse:
    """Whether an environment is played here with the given arguments."""
    try:
        wanted = await request.json()
        variants.check(wanted["id"], wanted["arguments"])
    except UserError as error:
        return JSONResponse({"detail": str(error)}, status_code=409)
    except (ValueError, KeyError, TypeError):
        return JSONResponse({"detail": 'send {"id": ..., "arguments": {...}}'}, status_code=422)
    return JSONResponse({"id": variants.env_id})


def _observation(text: str, info: Info, **fields: Any) -> TextObservation:
    return TextObservation(text=well_formed(text), info=plain_info(info), **fields)
