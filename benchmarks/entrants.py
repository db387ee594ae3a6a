"""Three entrants on every panel: chance, the expert, and a small model that cloned the expert for a minute.

    python -m turngym.benchmarks.entrants --out results
    turngym board build results --out board

Plays every panel whose environment runs here, replays each result, and writes `results/table.md` of all that lie in
`results`. What is there already is not played again, so environments that do not share a Python can be played one
after the other into one folder. What cannot be played is told in a line. `entrants.toml` says how the models are made.
"""

from __future__ import annotations

import argparse
import io
import json
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.resources import files
from pathlib import Path

from turngym import benchmarks
from turngym.benchmarks.result import RESULT, Record, read_result
from turngym.core import cli, config
from turngym.core.errors import ConfigError, UserError

ENTRANTS = ("random", "expert", "model")
POOL = dict.fromkeys(
    ("browsergym-click-test", "miniwob-click-test", "miniwob-login-user"), "pool={workers=1, slots=1}"
)
"""A browser has a process to itself."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is missing, then write the table."""
    given = _parse(arguments)
    for name in given.panels:
        for entrant in given.entrants:
            print(f"{name} {entrant}: {played(given.out, name, entrant)}", flush=True)
    table = "\n".join(rows(given.out))
    (given.out / "table.md").write_text(f"{table}\n", encoding="utf-8")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--panels", nargs="*", default=benchmarks.registry.names())
    parser.add_argument("--entrants", nargs="+", choices=ENTRANTS, default=list(ENTRANTS))
    return parser.parse_args(arguments)


def played(out: Path, panel: str, entrant: str) -> str:
    """Play a panel, unless its result is there, and step it again; says how that went in a line."""
    folder = out / panel / entrant
    if (folder / RESULT).exists():
        return "is there"
    try:
        how = ["--agent", entrant] if entrant != "model" else modelled(out, panel)
    except (RuntimeError, UserError) as error:
        return str(error)
    pool = POOL.get(panel, "pool={workers=0, slots=32}")
    problem = _turngym("run", panel, *how, "--out", str(folder), pool)
    return problem or _turngym("replay", str(folder), pool) or "replayed"


def modelled(out: Path, panel: str) -> list[str]:
    """The words that have a panel's model play it; the model is trained first where it is not there yet.

    Raises `RuntimeError` with what `turngym train` said where that fails.
    """
    entry = entry_of(panel)
    run, folder = run_file(entry), out / "models" / entry["name"]
    policy = folder / "run" / "checkpoints" / "step-000000" / "policy"
    if not policy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "asked.toml"
        path.write_text(config.dump(run), encoding="utf-8")
        if problem := _turngym("train", str(path), "--resume", f"out={folder / 'run'}"):
            raise RuntimeError(problem)
    seen = "none" if panel.startswith("alfworld") or "warm_start" not in run else "train_split"
    words = [*_words(run, "agent"), *_words(run, "sampler"), "sampler.temperature=0.0"]
    return [
        *("--agent", run["agent"]["name"], "--model", str(policy)),
        *("--trained-on", seen),
        *(word for word in words if not word.startswith(("agent.name=", "sampler.max_turns="))),
    ]


def entry_of(panel: str) -> Record:
    """The model that plays a panel, as `entrants.toml` describes it; raises `ConfigError` where none does."""
    for entry in _table()["model"]:
        if panel in entry["panels"]:
            return dict(entry)
    raise ConfigError(f"no model is described for the panel {panel!r}; name it in an entry of entrants.toml")


def run_file(entry: Record) -> config.Table:
    """The run that makes a model: only a warm start, on the train split of its first panel's environment."""
    panel = benchmarks.find(entry["panels"][0])
    env = {**panel.env, **({"split": "train"} if "split" in panel.env else {})}
    run = {**_table()["base"], "env": env}
    run["sampler"] = run["sampler"] | {"max_turns": panel.max_turns}
    if not entry.get("cloned", True):
        del run["warm_start"]
    return config.override(run, entry.get("set", ()))


def _words(run: config.Table, section: str) -> list[str]:
    return [f"{section}.{key}={json.dumps(value)}" for key, value in run[section].items()]


def _table() -> Record:
    return tomllib.loads(files("turngym").joinpath("benchmarks/entrants.toml").read_text(encoding="utf-8"))


def _turngym(*words: str) -> str:
    """Run the command here, in silence; the last line it said where it failed, else nothing."""
    said, failed = io.StringIO(), None
    try:
        with redirect_stdout(said), redirect_stderr(said):
            cli.main(words)
    except (RuntimeError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    except SystemExit as ended:
        failed = ended.code
    return (said.getvalue().strip().splitlines() or ["nothing said"])[-1] if failed else ""


def rows(out: Path) -> Iterator[str]:
    """A Markdown table: a row per panel of which some result lies in `out`."""
    yield f"| panel | tasks | {' | '.join(ENTRANTS)} | what the model is |"
    yield "|---|---:|---:|---:|---:|---|"
    for name in benchmarks.registry.names():
        found = {one: read_result(out / name / one).record for one in ENTRANTS if _there(out / name / one)}
        if found:
            tasks = next(iter(found.values()))["panel"]["tasks"]
            cells = [_cell(found.get(one)) for one in ENTRANTS]
            yield f"| `{name}` | {tasks} | {' | '.join(cells)} | {_made_of(found.get('model'))} |"


def _there(folder: Path) -> bool:
    return (folder / RESULT).exists()


def _cell(record: Record | None) -> str:
    """Success with its interval, in per cent, and after a comma the score where that says more."""
    if record is None:
        return "–"
    said = record["metrics"]["success"] or record["metrics"]["score"]
    return f"{100 * said['mean']:.1f} ({100 * said['low']:.1f} to {100 * said['high']:.1f})"


def _made_of(record: Record | None) -> str:
    if record is None:
        return ""
    name = Path(record["model"]["name"]).parents[3].name
    return f"{name}, `{record['agent']['name']}`"


if __name__ == "__main__":
    main()
