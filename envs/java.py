"""One Java process for all environments of a kind in this process: started on need, ended with the last one."""

from __future__ import annotations

import atexit
import os
import weakref
from contextlib import suppress
from typing import Any

from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JError, Py4JNetworkError

from turngym.core.errors import PrerequisiteError


class JavaError(PrerequisiteError):
    """Java is missing, or its process has died."""


class Machine:
    """A Java process with a package's `jar`, reached over loopback with a token."""

    def __init__(self, package: str, jar: str, options: tuple[str, ...] = ()) -> None:
        self.package = package
        self.users = 0
        try:
            port, token, self._process = launch_gateway(
                classpath=jar,
                cwd=os.path.dirname(jar),  # the games read files that lie beside it
                javaopts=[*options],
                die_on_exit=True,
                enable_auth=True,
                return_proc=True,
            )
        except (OSError, Py4JError, ValueError) as error:
            raise JavaError(
                f"{package} needs Java 8 or newer, which does not start here ({error}); "
                "install a Java runtime so that `java` is on the PATH"
            ) from error
        parameters = GatewayParameters(port=port, auth_token=token)
        self._gateway = JavaGateway(gateway_parameters=parameters, java_process=self._process)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def new(self, name: str) -> Any:
        """An object of the Java class of that full name."""
        package, _, kind = name.rpartition(".")
        return self.call(java_package(self._gateway, package), kind)

    def call(self, target: Any, method: str, *arguments: Any) -> Any:
        """Call a method of a Java object. Raises `JavaError` where the process is dead or the method raises."""
        if not self.alive:
            raise self._dead()
        try:
            return getattr(target, method)(*arguments)
        except (Py4JError, OSError) as error:
            if isinstance(error, Py4JNetworkError | OSError) or not self.alive:
                raise self._dead() from None
            reason = str(error).partition("\n: ")[2].partition("\n")[0][:200] or type(error).__name__
            raise JavaError(f"{self.package} failed in Java: {reason}; reset the environment") from error

    def end(self) -> None:
        """Stop the process."""
        with suppress(Exception):
            self._gateway.shutdown()
        with suppress(OSError, ValueError):
            self._process.stdin.close()  # the process ends when its input does
        self._process.terminate()
        self._process.wait(10)

    def _dead(self) -> JavaError:
        return JavaError(
            f"the Java process of {self.package} has ended (exit code {self._process.poll()}); "
            "reset the environment to start another"
        )


def java_package(gateway: JavaGateway, name: str) -> Any:
    """A package of the Java process by its full name."""
    package = gateway.jvm
    for part in name.split("."):
        package = getattr(package, part)
    return package


class Lease:
    """One environment's share in the machine of its package; the process ends when the last is given back.

    A share that is only forgotten leaves the machine to the next environment, or to the end of Python.
    """

    def __init__(self, package: str, jar: str, options: tuple[str, ...] = ()) -> None:
        self.machine = _machine(package, jar, options)
        self.machine.users += 1
        self._forget = weakref.finalize(self, _release, self.machine)

    def give_back(self) -> None:
        """Give the share back; a second time does nothing."""
        if self._forget.alive:
            self._forget()
            if self.machine.users == 0:
                self.machine.end()


_machines: dict[tuple[int, str], Machine] = {}
"""By process, since a forked one must start its own, and package."""


def _machine(package: str, jar: str, options: tuple[str, ...]) -> Machine:
    key = os.getpid(), package
    if key not in _machines or not _machines[key].alive:
        _machines[key] = Machine(package, jar, options)
    return _machines[key]


def _release(machine: Machine) -> None:
    machine.users -= 1


@atexit.register
def _end_all() -> None:
    for (process, _), machine in _machines.items():
        if process == os.getpid() and machine.alive:
            machine.end()
