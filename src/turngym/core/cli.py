"""The command `turngym`: the one place that knows every folder, imported only when a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from turngym.core import config, doctor
from turngym.core.errors import ConfigError, PrerequisiteError, UserError, suggest
from turngym.core.registry import Registry, load

REGISTRIES = {
    "envs": "turngym.envs:registry",
    "agents": "turngym.agents:registry",
    "engines": "turngym.agents.engines:registry",
    "credit": "turngym.credit:registry",
    "trainers": "turngym.trainers:registry",
    "benchmarks": "turngym.benchmarks:registry",
}
RECIPES = "recipes"

app = typer.Typer(
    name="turngym",
    help="A gym and trainer for language-model agents in which credit assignment is a plug-in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

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
        Console(stderr=True, soft_wrap=True).print(
            f"[bold red]turngym:[/] {escape(str(error))}", highlight=False
        )
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
    for name in registry.names():
        extra = registry.extra(name)
        lacks = (
            f"  [yellow]needs: pip install 'turngym\\[{extra}]'[/]" if extra and doctor.missing(extra) else ""
        )
        table.add_row(escape(name), escape(registry.about(name)) + lacks)
    return table


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
    return table


@app.command()
def check(env: EnvId, overrides: Overrides = None, seed: Seed = 0) -> None:
    """Put an environment through Gymnasium's checker and turngym's contract, a line per rule."""
    from turngym.envs.check import check_env

    sections = _sections(overrides, env={})
    factory = _factory(env, sections["env"])
    _made(factory, env).close()
    verdicts = check_env(factory, seed=seed)
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
    from turngym import agents
    from turngym.agents.play import play, reply_form

    sections = _sections(overrides, env={}, agent={"name": agent})
    player = config.build(agents.registry, sections["agent"], "agent")
    form = reply_form(agents.registry.get(sections["agent"]["name"]), sections["agent"])
    play(_made(_factory(env, sections["env"], expert=True), env), player, seed=seed, form=form)


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
    with panel.player(chosen, sections, **brain) as sampler:
        result = panel.play(chosen, sampler, entrant, seed=seed, out=out)
    Console().print(panel.table(result))
    raise typer.Exit(1 if result.lost else 0)


def _brain(model: str, engine: config.Table) -> dict[str, Any]:
    """The engine and the renderer of a model's weights."""
    from turngym.agents import engines
    from turngym.agents.renderer import Renderer
    from turngym.trainers.models import pretrained

    try:
        policy = pretrained(path=model)
    except OSError as error:
        reason = str(error).strip().partition("\n")[0]
        raise PrerequisiteError(f"cannot load the model {model!r}: {reason}") from error
    made = config.build(engines.registry, engine, "engine", model=policy.model, eos_ids=policy.eos_ids)
    return {"engine": made, "renderer": Renderer(policy.tokenizer)}


@app.command()
def train(
    run: Annotated[
        str, typer.Argument(help="A run file (.toml) or the name of a recipe: turngym list recipes.")
    ],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard files too.")] = False,
) -> None:
    """Train as a run file says; out=DIR and seed=N are short for what they name."""
    from turngym.trainers.run import train_run

    assignments, out = _split_out(overrides or [])
    path = config.find_run(run)
    out = out or Path("runs") / path.stem
    train_run(config.load_run(path, assignments), out, resume=resume, tensorboard=tensorboard)


def _sections(overrides: list[str] | None, **defaults: config.Table) -> config.Table:
    """The sections a command knows, with the overrides applied."""
    run = config.override(defaults, overrides or [])
    config.check_sections(run, defaults)
    return run


def _factory(id: str, arguments: config.Table, *, expert: bool = False) -> Callable[[], Any]:
    """What builds the environment; with `expert`, one that names the expert's action where it can."""
    from turngym import envs

    name = envs.resolve(id)
    if expert and name in envs.registry.names() and "expert" in signature(envs.registry.get(name)).parameters:
        arguments = {"expert": True} | arguments
    try:
        return envs.factory(name, **arguments)
    except TypeError as error:
        raise ConfigError(str(error)) from error


def _made(factory: Callable[[], Any], id: str) -> Any:
    """The environment; what it says against its arguments is told to the user."""
    try:
        return factory()
    except ValueError as error:
        raise ConfigError(f"{id}: {error}") from error


def _split_out(overrides: Sequence[str]) -> tuple[list[str], Path | None]:
    """The overrides without `out=DIR`, and that folder."""
    folders = [Path(text.removeprefix("out=")) for text in overrides if text.startswith("out=")]
    rest = [text for text in overrides if not text.startswith("out=")]
    return rest, folders[-1] if folders else None


@app.command("doctor")
def doctor_() -> None:
    """Show what is installed, what is missing and how to get it."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in doctor.findings():
        remedy = f"  [yellow]{escape(finding.remedy)}[/]" if finding.remedy else ""
        table.add_row(f"[bold]{finding.subject}[/]", escape(finding.found) + remedy)
    Console().print(table)


if __name__ == "__main__":
    main()
