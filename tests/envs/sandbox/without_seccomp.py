"""The sandbox's program on a processor whose system calls have no table."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from types import SimpleNamespace

os.uname = lambda: SimpleNamespace(machine="vax")  # type: ignore[assignment,return-value]
runpy.run_path(str(Path(__file__).parents[3] / "envs/sandbox/jail/main.py"), run_name="__main__")
