"""Real OpenEnv servers as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class Served:
    """`turngym serve ENV_ID ...` on a port of this machine; it is there once `url` is asked for."""

    def __init__(self, env_id: str, *options: str, port: int = 0) -> None:
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "turngym.core.cli", "serve", env_id, "--port", str(port), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
        )
        self._url = ""

    @property
    def url(self) -> str:
        assert self.process.stdout
        if not self._url:
            self._url = self.process.stdout.readline().rpartition(" at ")[2].split()[0]
        return self._url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
