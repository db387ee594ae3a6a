"""A spawned worker process as a host of environments, spoken to over a socket."""

from __future__ import annotations

import multiprocessing
import socket
from typing import cast

from turngym.envs.remote import Remote
from turngym.envs.worker import HELLO, Frames, frame, serve


class Process(Remote):
    """Environments in a worker process of this machine."""

    @property
    def pid(self) -> int:
        """The process id."""
        return cast(int, self._process.pid)

    def _start(self) -> None:
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        self._frames, self._unsent = Frames(), bytearray()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=serve, args=(theirs, self.name, self._factory), daemon=True)
        self._process.start()
        theirs.close()

    def _listen(self) -> None:
        assert self._loop
        self._loop.add_reader(self._link, self._read)
        self._flush()

    def _deafen(self) -> None:
        assert self._loop
        self._loop.remove_reader(self._link)
        self._loop.remove_writer(self._link)

    def _cut(self) -> None:
        self._link.close()

    def _end(self, grace: float) -> str:
        self._process.join(grace)
        self._process.kill()
        self._process.join()
        return f"exit code {self._process.exitcode}"

    def _send(self, number: int, body: bytes) -> None:
        assert self._loop
        if not self._unsent:
            # What is asked in one turn of the event loop leaves in one system call.
            self._loop.call_soon(self._flush)
        self._unsent += frame(number, body)

    def _flush(self) -> None:
        if not self._unsent or not self._loop:
            return
        try:
            del self._unsent[: self._link.send(self._unsent)]
            # The loop may have been busy since the request was made; its process has heard of it only here.
            self._heard = self._loop.time()
        except BlockingIOError:
            pass
        except OSError:
            return  # The process has died, which `_read` is about to see.
        if self._unsent:
            self._loop.add_writer(self._link, self._flush)
        else:
            self._loop.remove_writer(self._link)

    def _read(self) -> None:
        assert self._loop
        try:
            data = self._link.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._died()
            return
        self._heard = self._loop.time()
        for number, body in self._frames.feed(data):
            if number == HELLO:
                self._ready()
            else:
                self._deliver(number, body)
        self._settled()
