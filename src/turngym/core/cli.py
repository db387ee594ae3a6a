"""The command `turngym`: the one place that knows every folder, imported only when a command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.core import config, doctor
from turngym.core.errors import ConfigError, PrerequisiteError, UserError, suggest
from turngym.core.registry import MissingExtra, Registry, load

REGISTRIES = {
    "envs": "turngym.envs:registry",
    "agents": "turngym.agents:registry",
    "engines": "turngym.agents.engines:registry",
    "credit": "turngym.credit:registry",
    "trainers": "turngym.trainers:registry",
    "benchmarks": "turngym.benchmarks:registry",
}
RECIPES = "recipes"
DOWNLOAD = "pip install 'turngym[alfworld]', run alfworld-download, set ALFWORLD_DATA to its folder"

app = typer.Typer(
    name="turngym",
    help="A gym and trainer for language-model agents in which credit assignment is a plug-in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

data_app = typer.Typer(help="Prepare data that an environment reads.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[section.key=value]...", help="Set single keys, as in a run file."),
]
EnvId = Annotated[str, typer.Argument(help="Id of an environment: turngym list envs.")]
AgentName = Annotated[str, typer.Option(help="Name of an agent: turngym list agents.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.")]
Seed = Annotated[int, typer.Option(help="Decides everything drawn at random.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a mistake of the user's is told in one sentence, with exit code 2."""
    try:
        app(args=arguments)
    except UserError as error:
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print(f"[bold red]turngym:[/] {escape(str(error))}")
        sys.exit(2)


@app.command("list")
def list_(
    kind: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join([*REGISTRIES, RECIPES])}; all without it.")
    ] = None,
) -> None:
    """List what can be named: environments, agents, engines, credit, trainers, benchmarks, recipes."""
    kinds = [*REGISTRIES, RECIPES]
    if kind is not None and kind not in kinds:
        raise ConfigError(f"there is no kind {kind!r}; {suggest(kind, kinds)}")
    for shown in [kind] if kind else kinds:
        Console().print(_recipes() if shown == RECIPES else _plugins(shown))


def _plugins(kind: str) -> Table:
    registry: Registry = load(REGISTRIES[kind])  # type: ignore[assignment]
    table = _table(kind)
    speed = _speeds() if kind == "envs" else {}
    for name in registry.names():
        extra = registry.extra(name)
        lacking = extra is not None and doctor.missing(extra)
        remedy = f"  [yellow]pip install 'turngym\\[{extra}]'[/]" if lacking else ""
        table.add_row(escape(name), escape(registry.about(name)) + remedy, speed.get(name, ""))
    return table


def _speeds() -> dict[str, str]:
    """Measured steps a second of the environments, which the documentation's table shows too."""
    from turngym.benchmarks.envs_table import speeds

    return speeds()


def _recipes() -> Table:
    table = _table(RECIPES)
    for name in config.shipped_names("trainers/recipes"):
        text = config.find_run(name).read_text(encoding="utf-8")
        first = text.partition("\n")[0]
        table.add_row(escape(name), escape(first.removeprefix("#").strip()) if first.startswith("#") else "")
    return table


def _table(kind: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title=kind, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(no_wrap=True, justify="right", style="dim")
    return table


@app.command()
def check(env: EnvId, overrides: Overrides = None, seed: Seed = 0) -> None:
    """Put an environment through Gymnasium's checker and turngym's contract, a line per rule."""
    from turngym import envs

    arguments = _sections(overrides, env={})["env"]
    config.construct(envs.factory(env, **arguments), "env").close()
    verdicts = envs.check_env(env, seed=seed, **arguments)
    console = Console(soft_wrap=True, highlight=False)
    for verdict in verdicts:
        mark = "[green]ok    [/]" if verdict.passed else "[bold red]broken[/]"
        console.print(f"{mark} {verdict.rule.replace('_', ' ')}  [dim]{escape(verdict.message)}[/]")
    broken = sum(not verdict.passed for verdict in verdicts)
    console.print(f"{env}: {len(verdicts) - broken} rules kept, {broken} broken")
    raise typer.Exit(1 if broken else 0)


@app.command()
def play(env: EnvId, overrides: Overrides = None, agent: AgentName = "window", seed: Seed = 0) -> None:
    """Play an environment yourself, in the place of an agent's model; /help says how."""
    from turngym import agents, envs
    from turngym.agents.play import play, reply_form

    sections = _sections(overrides, env={}, agent={"name": agent})
    player = config.build(agents.registry, sections["agent"], "agent")
    form = reply_form(agents.registry.get(sections["agent"]["name"]), sections["agent"])
    hints = {"expert": True} if _takes(env, "expert") else {}
    made = config.construct(envs.factory(env, **(hints | sections["env"])), "env")
    play(made, player, seed=seed, form=form)


@app.command()
def run(
    benchmark: Annotated[str, typer.Argument(help="Name of a benchmark, or the path of a suite file.")],
    overrides: Overrides = None,
    agent: AgentName = "expert",
    engine: Annotated[str, typer.Option(help="What runs the model: turngym list engines.")] = "hf",
    model: Annotated[str | None, typer.Option(help="Folder or hub name of the model's weights.")] = None,
    out: Out = None,
    seed: Seed = 0,
) -> None:
    """Play a benchmark and score the player, with a 95 % interval."""
    from turngym.benchmarks import find, panel

    sections = _sections(overrides, agent={"name": agent}, engine={"name": engine}, pool={}, sampler={})
    chosen = find(benchmark)
    brain = {} if model is None else _brain(model, sections["engine"])
    entrant = {**sections, "model": model} if brain else {"agent": sections["agent"]}
    hints = {"expert": True} if agent == "expert" and _takes(chosen.env["name"], "expert") else {}
    with panel.player(chosen, sections, info=hints, **brain) as sampler:
        result = panel.play(chosen, sampler, entrant, seed=seed, out=out)
    Console().print(panel.table(result))
    raise typer.Exit(1 if result.lost else 0)


def _brain(model: str, engine: config.Table) -> dict[str, Any]:
    """The engine and the renderer of a model's weights."""
    with _extra("train"):
        from turngym.agents import engines
        from turngym.agents.renderer import Renderer
        from turngym.trainers.models import pretrained

    try:
        policy = pretrained(path=model)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise PrerequisiteError(f"cannot load the model {model!r}: {reason}") from error
    made = config.build(engines.registry, engine, "engine", model=policy.model, stop_ids=policy.eos_ids)
    return {"engine": made, "renderer": Renderer(policy.tokenizer)}


@app.command()
def train(
    run: Annotated[
        str, typer.Argument(help="A run file (.toml) or the name of a recipe: turngym list recipes.")
    ],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard files too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Build everything but the weights.")] = False,
) -> None:
    """Train as a run file says; out=DIR and seed=N are short for what they name."""
    assignments, out = _split_out(overrides or [])
    path = config.find_run(run)
    plan = config.load_run(path, assignments)

    with _extra("train"):
        from turngym.trainers.run import rehearse, train_run

    if dry_run:
        Console(soft_wrap=True).print(_built(rehearse(plan)))
        return
    train_run(plan, out or Path("runs") / path.stem, resume=resume, tensorboard=tensorboard)


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Imports that an extra provides: a package that is absent is told with the line that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "turngym").startswith("turngym"):
            raise
        raise MissingExtra(f"this needs the package {error.name!r}: pip install 'turngym[{name}]'") from error


def _built(parts: dict[str, str]) -> Table:
    table = _table("built, all but the weights")
    for name, text in parts.items():
        table.add_row(f"[bold]{name}[/]", escape(text))
    return table


def _sections(overrides: list[str] | None, **defaults: config.Table) -> config.Table:
    """The sections a command knows, with the overrides applied."""
    run = config.override(defaults, overrides or [])
    config.check_sections(run, defaults)
    return run


def _takes(env: str, key: str) -> bool:
    """Whether an environment has an argument of that name."""
    from turngym import envs

    name = envs.resolve(env)
    return name in envs.registry.names() and key in signature(envs.registry.get(name)).parameters


def _split_out(overrides: Sequence[str]) -> tuple[list[str], Path | None]:
    """The overrides without `out=DIR`, and that folder."""
    folders = [Path(text.removeprefix("out=")) for text in overrides if text.startswith("out=")]
    rest = [text for text in overrides if not text.startswith("out=")]
    return rest, folders[-1] if folders else None


@app.command()
def credit(
    episodes: Annotated[Path, typer.Argument(help="A file of episodes: episodes.jsonl of a run.")],
    method: Annotated[
        list[str] | None, typer.Option(help="A method, or '{name = \"hgpo\", depth = 4}'; may be repeated.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the credit as coloured bars into this file.")] = None,
    limit: Annotated[int | None, typer.Option(help="Show so many episodes.")] = None,
) -> None:
    """Show what credit methods give to every turn of stored episodes, side by side."""
    from turngym.benchmarks import credit_table

    with _extra("train"):
        credit_table.main(episodes, method or ["grpo", "gigpo", "hgpo"], picture=png, limit=limit)


@app.command()
def serve(
    what: Annotated[str, typer.Argument(help="`webshop`, the shop as a web page, or an environment's id.")],
    overrides: Overrides = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need a token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    token: Annotated[str | None, typer.Option(help="What every visitor has to show.")] = None,
    sessions: Annotated[int, typer.Option(help="Visitors at once.")] = 64,
    mcp: Annotated[
        str | None, typer.Option(help="Serve the tools of a domain instead: http or stdio.")
    ] = None,
) -> None:
    """Serve an environment to OpenEnv clients, its tools over MCP, or WebShop to browsers; env.key=value as usual."""
    arguments = _sections(overrides, env={})["env"]
    listening: dict[str, Any] = {"host": host, "port": port, "token": token}
    if mcp is not None:
        _serve_tools(what, mcp, arguments, listening | {"desks": sessions})
    elif what == "webshop":
        _serve_webshop(arguments, listening | {"visits": sessions})
    else:
        with _extra("openenv"):
            from turngym.envs.bridges import openenv_server
        openenv_server.serve(what, **listening, sessions=sessions, **arguments)


def _serve_tools(env: str, transport: str, arguments: config.Table, listening: dict[str, Any]) -> None:
    with _extra("mcp"):
        from turngym.envs.tools import mcp_server
    if transport == "stdio":
        mcp_server.serve_stdio(env, **arguments)
    elif transport == "http":
        mcp_server.serve_http(env, **listening, **arguments)
    else:
        raise ConfigError(f"--mcp is {transport!r}; choose http or stdio")


def _serve_webshop(arguments: config.Table, listening: dict[str, Any]) -> None:
    with _extra("serve"):
        from turngym.envs.webshop import web
    web.serve(**listening, **config.bind(web.serve, arguments, "env", given=listening))


@data_app.command("webshop")
def data_webshop(
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="More files.")] = None,
    source: Annotated[
        list[Path] | None, typer.Option("--from", help="WebShop's files, or the folder that has them.")
    ] = None,
    generate: Annotated[int | None, typer.Option(help="Make so many products instead.")] = None,
    nouns: Annotated[bool, typer.Option(help="Find the nouns of titles, which the reward reads.")] = True,
    out: Annotated[Path, typer.Option(help="New folder to write to.")] = Path("webshop-data"),
    seed: Seed = 0,
) -> None:
    """Check and index a catalogue for WebShop: the original files, or generated products."""
    from turngym.envs.webshop import data

    paths = [*(source or []), *(more or [])]
    if bool(paths) == (generate is not None):
        raise ConfigError("say where the products come from: --from FILES, or --generate NUMBER")
    console = Console(soft_wrap=True, highlight=False)
    with console.status("reading") as status:
        told = partial(_counted, status)
        if generate is None:
            summary = data.prepare(paths, out, nouns=nouns, progress=told)
        else:
            summary = data.generate(generate, seed, out, progress=told)
    console.print(escape(str(summary)))


def _counted(status: Any, done: int) -> None:
    status.update(f"{done:,} products")


@app.command("doctor")
def doctor_() -> None:
    """Show what is installed, what is missing and how to get it."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in [*doctor.findings(), *_games()]:
        remedy = f"  [yellow]{escape(finding.remedy)}[/]" if finding.remedy else ""
        table.add_row(f"[bold]{finding.subject}[/]", escape(finding.found) + remedy)
    Console().print(table)


def _games() -> Iterator[doctor.Finding]:
    """Whether ALFWorld's published games are where its environment looks for them."""
    from turngym.envs.household.games import PUBLISHED, load_split

    folder = os.environ.get("ALFWORLD_DATA")
    if folder is None:
        yield doctor.Finding(subject="ALFWorld", found="ALFWORLD_DATA is not set", remedy=DOWNLOAD)
        return
    for split in PUBLISHED:
        subject = f"ALFWorld {split}"
        try:
            games = load_split(split, folder)
        except (ValueError, FileNotFoundError) as error:
            yield doctor.Finding(subject=subject, found=str(error))
            continue
        faults = {} if games.canonical else {"remedy": f"these are not the published games: {DOWNLOAD}"}
        yield doctor.Finding(subject=subject, found=f"{len(games.games)} games in {folder}", **faults)


if __name__ == "__main__":
    main()
