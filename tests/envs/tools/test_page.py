"""What docs/envs/tools.md says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from turngym.envs import make
from turngym.envs.tools.library.env import desk
from turngym.envs.tools.tau.domain import PUBLISHED

PAGE = (Path(__file__).parents[3] / "docs" / "envs" / "tools.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("program", "shown"), EXAMPLES)
def test_an_example_prints_what_is_shown(program: str, shown: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.stderr, done.stdout) == ("", shown)


def test_no_example_is_left_out() -> None:
    assert len(EXAMPLES) == PAGE.count("```python") == 1


def test_the_digests_are_those_of_the_code() -> None:
    digests = [digest for _, digest in PUBLISHED.values()]
    digests += [desk(level, "test", 200).digest for level in ("easy", "medium", "hard")]
    assert all(digest in PAGE for digest in digests)


def test_the_library_s_episode_is_played_as_shown() -> None:
    shown = PAGE.partition("task 5:\n\n```text\n")[2].partition("\n[reward 1.0]")[0]
    env = make("turngym/Library-v0", level="hard", user="scripted", expert=True, brief="request")
    obs, info = env.reset(seed=0, options={"task": 5})
    seen = [obs]
    while "expert" in info:
        action = info["expert"]
        obs, _, _, _, info = env.step(action)
        seen += [f"> {action}", obs]
    assert "\n".join(seen) == shown
