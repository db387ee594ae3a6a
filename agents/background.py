"""One event loop in a thread of its own, for what outlives a rollout's loop and is asked from several threads."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")

_starting = Lock()


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Run a coroutine in the background loop; cancelling what is returned cancels it there."""
    with _starting:
        loop = _loop()
    return asyncio.run_coroutine_threadsafe(work, loop)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="turngym-background", daemon=True).start()
    return loop
