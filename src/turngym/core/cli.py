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
board_app = typer.Typer(help="Make leaderboards of results, and of training runs.", no_args_is_help=True)
app.add_typer(board_app, name="board")

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
def check(
    name: Annotated[str, typer.Argument(help="Id of an environment, or name of another plug-in.")],
    overrides: Overrides = None,
    kind: Annotated[
        str | None, typer.Option(help="env, agent, engine, credit or trainer; found by the name without it.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Put an environment, or a plug-in of another kind, to turngym's contract, a line per rule."""
    from turngym.trainers import checking

    sections = config.override({}, overrides or [])
    with _extra("train"):
        verdicts = checking.check(name, checking.kind_of(name, kind), sections, seed=seed)
    console = Console(soft_wrap=True, highlight=False)
    for verdict in verdicts:
        mark = "[green]ok    [/]" if verdict.passed else "[bold red]broken[/]"
        console.print(f"{mark} {verdict.rule.replace('_', ' ')}  [dim]{escape(verdict.message)}[/]")
    broken = sum(not verdict.passed for verdict in verdicts)
    console.print(f"{name}: {len(verdicts) - broken} rules kept, {broken} broken")
    raise typer.Exit(1 if broken else 0)


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="env, agent, credit, trainer or engine.")],
    name: Annotated[str, typer.Argument(help="Its owner and its own name, as acme/shy.")],
    into: Annotated[Path, typer.Option(help="Folder to put the package's folder in.")] = Path("."),
) -> None:
    """Write a small package around a plug-in of your own, ready to install, with tests that pass."""
    from turngym.core.new import new

    files = new(kind, name, into)
    console = Console(soft_wrap=True, highlight=False)
    for file in files:
        console.print(escape(str(file)))
    console.print(f"Next: pip install -e {escape(str(files[0].parent))}")


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
    model: Annotated[
        str | None, typer.Option(help="Folder or hub name of the weights, or the name on a server.")
    ] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(help="What the model was trained on: none, train_split, this_panel or unknown."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the result; one with a part goes on.")] = None,
    seed: Seed = 0,
) -> None:
    """Play a benchmark and score the player, with a 95 % interval."""
    from turngym.benchmarks import entrant, find, panel

    one_by_one = {"workers": 0, "slots": 1} if agent == "human" else {}
    sections = _sections(
        overrides, agent={"name": agent}, engine={"name": engine}, pool=one_by_one, sampler={}
    )
    chosen = find(benchmark)
    brain = {} if model is None else _brain(model, sections["engine"])
    hints = {"expert": True} if agent == "expert" and _takes(chosen.env["name"], "expert") else {}
    with panel.player(chosen, sections, info=hints, **brain) as sampler:
        plan = entrant.plan(chosen, sections, sampler, seed=seed, model=model, trained_on=trained_on)
        result = panel.play(chosen, sampler, plan, out=out).record
    Console().print(panel.table(result))
    raise typer.Exit(1 if result["counts"]["lost"] else 0)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder of a result.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Folder of another on the same panel.")],
    metric: Annotated[str, typer.Option(help="success, score or reward.")] = "success",
) -> None:
    """Say whether one entrant beats another on the same panel, or whether it is a tie."""
    from turngym.benchmarks.compare import compare
    from turngym.benchmarks.result import read_result

    comparison = compare(read_result(first), read_result(second), metric)
    Console(soft_wrap=True, highlight=False).print(escape(str(comparison)))


def _brain(model: str, engine: config.Table) -> dict[str, Any]:
    """The engine of a model, which has weights here or a name on a server, and its renderer where it takes tokens."""
    from turngym.agents import engines

    takes = signature(engines.registry.get(config.plugin_name(engine, "engine"))).parameters
    if "url" not in takes:
        return _weights(model, engine)
    if "tokenizer" not in takes:
        return {"engine": config.build(engines.registry, engine, "engine", model=model)}
    renderer = _renderer(engine.get("tokenizer") or model)
    given: dict[str, Any] = {"model": model, "stop_ids": renderer.stop_ids}
    return {"engine": config.build(engines.registry, engine, "engine", **given), "renderer": renderer}


def _renderer(tokenizer: str) -> Any:
    with _extra("train"):
        from transformers import AutoTokenizer

        from turngym.agents.renderer import Renderer

    try:
        return Renderer(AutoTokenizer.from_pretrained(tokenizer))
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise PrerequisiteError(f"cannot load the tokenizer {tokenizer!r}: {reason}") from error


def _weights(model: str, engine: config.Table) -> dict[str, Any]:
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
def view(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN", help="A training run's folder, a result directory, a file of episodes."
        ),
    ],
    port: Annotated[
        int, typer.Option(help="Port to listen on, on this machine alone; 0 takes a free one.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Write one page instead, which needs no server.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="A credit method to show at first; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Episodes of a run that the written page keeps.")] = 500,
) -> None:
    """Look at episodes turn by turn, with the credit that methods give, in a browser."""
    from turngym.benchmarks.viewer import view as viewer

    viewer.main(runs, method or (), port=port, out=out, limit=limit)


SuiteFile = Annotated[
    Path | None, typer.Option(help="Suite file of the panel, where it is not one of turngym list benchmarks.")
]
ResultFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a result.")]


@app.command()
def verify(folder: ResultFolder, suite: SuiteFile = None) -> None:
    """Compute every aggregate, digest and id of a result again from its episodes; list what differs."""
    from turngym.benchmarks import audit

    raise typer.Exit(0 if audit.verified(folder, suite) else 1)


@app.command()
def replay(
    folder: ResultFolder,
    overrides: Overrides = None,
    sample: Annotated[int | None, typer.Option(help="Step so many attempts, drawn by --seed.", min=1)] = None,
    suite: SuiteFile = None,
    seed: Seed = 0,
) -> None:
    """Verify a result, then step its actions again in the real environment, without a model; list what differs."""
    from turngym.benchmarks import audit

    pool = _sections(overrides, pool={})["pool"]
    raise typer.Exit(0 if audit.replayed(folder, suite, sample=sample, seed=seed, pool=pool) else 1)


@app.command()
def reproduce(
    folder: ResultFolder,
    out: Annotated[Path, typer.Option(help="Folder of the new result.")],
    overrides: Overrides = None,
    model: Annotated[str | None, typer.Option(help="The weights that played, as for run.")] = None,
    suite: SuiteFile = None,
) -> None:
    """Run a result again from its own record, and say what came out the same."""
    from turngym.benchmarks import entrant, panel, reproduce

    first, chosen = reproduce.sound(folder, suite)
    sections = reproduce.sections(first.record, overrides or [])
    reproduce.check_model(first.record, model)
    brain = {} if model is None else _brain(model, sections["engine"])
    expert = sections["agent"]["name"] == "expert" and _takes(chosen.env["name"], "expert")
    given = {"seed": first.record["seed"], "model": model, "trained_on": first.record["trained_on"]}
    with panel.player(chosen, sections, info={"expert": True} if expert else {}, **brain) as sampler:
        plan = entrant.plan(chosen, sections, sampler, **given)
        reproduce.check_weights(first.record, plan)
        second = panel.play(chosen, sampler, plan, out=out)
    found = reproduce.compare(first, second)
    Console(soft_wrap=True, highlight=False).print(escape(str(found)))
    raise typer.Exit(0 if found.holds else 1)


@app.command("export")
def export_(
    source: Annotated[
        Path, typer.Argument(help="A file of episodes, or the folder of a result or of a training run.")
    ],
    out: Annotated[Path, typer.Option(help="File to write: *.jsonl or *.parquet.")],
    overrides: Overrides = None,
    to: Annotated[str, typer.Option(help="sft, preference or steps.")] = "sft",
    agent: AgentName = "chat",
    as_seen: Annotated[
        bool, typer.Option("--as-seen", help="The stored prompts, word for word, instead of an agent's.")
    ] = False,
    form: Annotated[str, typer.Option(help="How an action is a reply where none is stored.")] = "{action}",
    rows: Annotated[str | None, typer.Option(help="A row per `episode` or per `turn`.")] = None,
    method: Annotated[str | None, typer.Option(help="Credit method of the steps.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Keep lost episodes in sft.")] = False,
) -> None:
    """Write episodes as a data set for `datasets` and TRL: conversations, preference pairs, step rewards."""
    from turngym.benchmarks import export

    section = _sections(overrides, agent={"name": agent})["agent"]
    player = None if as_seen else export.player(section)
    summary = export.export(
        source, out, to, agent=player, form=form, rows=rows, method=method, everything=everything
    )
    _told(f"{summary.written:,} rows in {out}; {summary.left_out:,} episodes left out", summary.faults)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A JSON list, JSON lines or one JSON object.")],
    format: Annotated[str, typer.Option(help="eto, react or sharegpt.")],
    env: Annotated[str, typer.Option(help="The environment that was played.")],
    out: Annotated[Path, typer.Option(help="File of episodes to write.")],
    reply: Annotated[
        str | None, typer.Option(help="Where the action stands in a reply: plain, tags, react.")
    ] = None,
    reward: Annotated[float | None, typer.Option(help="Of trajectories that do not tell theirs.")] = None,
) -> None:
    """Read other people's trajectories as episodes; records that hold none are told by number."""
    from turngym.benchmarks.export import imports

    summary = imports.import_file(file, out, format=format, env=env, reply=reply, reward=reward)
    unrewarded = f"; {summary.unrewarded:,} tell no reward, which is 0 there" if summary.unrewarded else ""
    _told(f"{summary.written:,} episodes in {out}{unrewarded}", summary.faults)


def _told(done: str, faults: Sequence[str], shown: int = 20) -> None:
    """What a command did, and what it could not use."""
    console = Console(soft_wrap=True, highlight=False)
    console.print(escape(done))
    for fault in faults[:shown]:
        console.print(f"[yellow]{escape(fault)}[/]")
    if len(faults) > shown:
        console.print(f"[yellow]and {len(faults) - shown:,} more[/]")


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


@board_app.command("build")
def board_build(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results, or folders of results.")],
    out: Annotated[Path, typer.Option(help="Folder of the site.")] = Path("board"),
    title: Annotated[str, typer.Option(help="Heading of the first page.")] = "Leaderboard",
    min_tasks: Annotated[int, typer.Option(help="Entries of fewer tasks are not ranked.")] = 30,
    attach: Annotated[
        bool, typer.Option("--attach", help="Copy the results into the site, for its readers to replay.")
    ] = False,
) -> None:
    """Turn results into a leaderboard: JSON, Markdown and a static site that opens from a file."""
    with _extra("board"):
        from turngym.benchmarks.board.build import build
        from turngym.benchmarks.board.site import counted

    made = build(folders, out, title=title, min_tasks=min_tasks, attach=attach)
    console = Console(soft_wrap=True, highlight=False)
    for refused in made.refused:
        console.print(f"[bold red]refused[/] {escape(refused.folder)}: {escape(refused.reason)}")
    rows = sum(len(panel.rows) for panel in made.panels)
    console.print(
        f"{counted(rows, 'result')} on {counted(len(made.panels), 'panel')}: {escape(str(out / 'index.html'))}"
    )


@board_app.command("methods")
def board_methods(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of training runs.")],
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("board"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Credit methods",
    min_seeds: Annotated[int, typer.Option(help="Methods with fewer seeds are not ranked.")] = 3,
) -> None:
    """Rank the credit methods of training runs that had one budget, over seeds."""
    with _extra("board"):
        from turngym.benchmarks.board.build import build_methods

    ranked, refused = build_methods(folders, out, title=title, min_seeds=min_seeds)
    console = Console(soft_wrap=True, highlight=False)
    for one in refused:
        console.print(f"[bold red]refused[/] {escape(one.folder)}: {escape(one.reason)}")
    console.print(f"{len(ranked)} methods: {escape(str(out / 'methods.html'))}")


@board_app.command("export")
def board_export(
    result: Annotated[Path, typer.Argument(help="Folder of a result.")],
    to: Annotated[str, typer.Option(help="inspect, a log of Inspect AI, or hub, .eval_results of the Hub.")],
    out: Annotated[Path, typer.Option(help="File to write, or a folder for it.")],
    dataset: Annotated[str | None, typer.Option(help="hub: the benchmark's data set there.")] = None,
    url: Annotated[str | None, typer.Option(help="hub: where the result can be seen.")] = None,
) -> None:
    """Write a result in the format of Inspect AI or of the Hugging Face Hub."""
    from turngym.benchmarks.board.export import export

    with _extra("hub"):
        file = export(result, to, out, dataset=dataset, url=url)
    Console(soft_wrap=True, highlight=False).print(escape(str(file)))


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
