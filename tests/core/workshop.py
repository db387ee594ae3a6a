"""A Python of its own that sees everything installed here, for tests that install packages for real."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

OFFLINE = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check"]


@dataclass
class Workshop:
    """A folder to type commands in; what they install stays in it."""

    folder: Path
    python: Path

    @classmethod
    def build(cls, root: Path) -> Workshop:
        venv.create(root / "venv", with_pip=False)
        python = root / "venv" / "bin" / "python"
        here = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        beside = root / "venv" / "lib" / version / "site-packages" / "beside.pth"
        beside.write_text("".join(f"import site; site.addsitedir({folder!r})\n" for folder in here))
        (root / "desk").mkdir()
        return cls(folder=root / "desk", python=python)

    def type(self, line: str, *, cwd: Path | None = None) -> str:
        """What a command prints; fails the test with all of it where the command fails."""
        program, *words = shlex.split(line)
        command = [*self._program(program), *words, *(OFFLINE if line.startswith("pip install") else [])]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "PIP_NO_INDEX": "1"}
        done = subprocess.run(
            command, cwd=cwd or self.folder, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _program(self, name: str) -> list[str]:
        programs = {
            "turngym": ["-c", "from turngym.core.cli import main; main()"],
            "pip": ["-m", "pip"],
            "pytest": ["-m", "pytest", "-q"],
        }
        return [str(self.python), *programs[name]]
