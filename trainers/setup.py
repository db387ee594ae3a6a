"""From a run file to the things it names: pools, agent, policy, engine, trainer, credit, loop."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from turngym import agents, credit, envs
from turngym.agents import Agent, engines
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.core.config import Table, bind, build, check_sections, plugin_name
from turngym.core.seeding import derive_seed
from turngym.core.types import Task
from turngym.envs.pool import Pool
from turngym.trainers import models, registry
from turngym.trainers.cloning import CloningTrainer
from turngym.trainers.demonstrations import Demonstrator, Dictation
from turngym.trainers.loop import Loop
from turngym.trainers.models import Policy

SECTIONS = ("agent", "credit", "engine", "env", "eval", "loop", "model", "pool", "sampler", "trainer", "warm_start")


@dataclass(kw_only=True)
class Plan:
    """The numbers of a run that belong to no plug-in: section [loop]."""

    steps: int
    tasks_per_step: int
    group_size: int
    seed: int = 0
    keep_equal: bool = False
    """Train also on groups whose episodes all earned the same."""
    save_every: int = 10
    keep_checkpoints: int = 2


@dataclass(kw_only=True)
class Panel:
    """A fixed list of held-out tasks and what plays them; equal digests mean comparable results."""

    sampler: Sampler
    tasks: list[Task]
    every: int
    greedy: bool
    name: str
    digest: str


@dataclass(kw_only=True)
class WarmStart:
    """Demonstrations by the expert and the trainer that clones them: section [warm_start]."""

    sampler: Sampler
    trainer: CloningTrainer
    tasks: list[Task]
    passes: int


@dataclass(kw_only=True)
class Setup:
    """Everything a run needs, built and checked before the first episode."""

    run: Table
    plan: Plan
    policy: Policy
    loop: Loop
    panel: Panel
    warm_start: WarmStart | None


def prepare(run: Table, stack: ExitStack, *, weights: str | None = None) -> Setup:
    """Build what the run names; worker processes end when `stack` closes.

    `weights` is a folder with a checkpoint's policy, which then replaces the run's own model. Raises `ConfigError`,
    `UnknownName` or `MissingExtra` with one sentence before the first episode.
    """
    check_sections(run, SECTIONS)
    plan = Plan(**bind(Plan, run.get("loop", {}), "loop"))
    policy = _policy(run, plan.seed, weights)
    engine = build(
        engines.registry, {"name": "hf"} | run.get("engine", {}), "engine", model=policy.model, stop_ids=policy.eos_ids
    )
    trainer = build(registry, run["trainer"], "trainer", model=policy.model, engine=engine, seed=plan.seed)
    sampler = _sampler(run, policy, _pool(run, run["env"], "env", stack), trainer.publish())
    loop = Loop(
        sampler=sampler,
        credit=build(credit.registry, run["credit"], "credit"),
        trainer=trainer,
        tasks=partial(training_tasks, plugin_name(run["env"], "env"), plan.seed, plan.tasks_per_step),
        group_size=plan.group_size,
        seed=plan.seed,
        keep_equal=plan.keep_equal,
    )
    panel = _panel(run, sampler, stack, **run.get("eval", {}))
    warm_start = _warm_start(run, plan, policy, sampler, stack) if "warm_start" in run and weights is None else None
    return Setup(run=run, plan=plan, policy=policy, loop=loop, panel=panel, warm_start=warm_start)


def training_tasks(env: str, seed: int, count: int, step: int) -> list[Task]:
    """The tasks of a training step, which follow from the run's seed and the step alone."""
    return [Task(env=env, seed=derive_seed(seed, "task", step, i)) for i in range(count)]


def _pool(run: Table, env: Table, where: str, stack: ExitStack) -> Pool:
    options = bind(Pool, run.get("pool", {}), "pool", given=("env",))
    return stack.enter_context(Pool(plugin_name(env, where), **options, **_arguments(env)))


def _policy(run: Table, seed: int, weights: str | None) -> Policy:
    if weights is not None:
        return models.pretrained(path=weights)
    table = ({"seed": seed} if run["model"].get("name") == "tiny" else {}) | run["model"]
    policy: Policy = build(models.registry, table, "model", vocabulary=_vocabulary(run["env"]))
    return policy


def _vocabulary(env: Table) -> Sequence[str] | None:
    """The phrases an environment speaks, where it says so."""
    made = envs.make(plugin_name(env, "env"), **_arguments(env))
    speak = getattr(made.unwrapped, "vocabulary", None)
    made.close()
    return speak() if callable(speak) else None


def _sampler(run: Table, policy: Policy, pool: Pool, engine: Any) -> Sampler:
    given = {"pool": pool, "agent": _agent(run), "engine": engine, "renderer": Renderer(policy.tokenizer)}
    return Sampler(**given, **bind(Sampler, run.get("sampler", {}), "sampler", given=given))


def _agent(run: Table) -> Callable[[], Agent]:
    factory = agents.registry.get(plugin_name(run["agent"], "agent"))
    return partial(factory, **bind(factory, _arguments(run["agent"]), "agent"))


def _arguments(table: Table) -> Table:
    return {key: value for key, value in table.items() if key != "name"}


def _panel(
    run: Table,
    sampler: Sampler,
    stack: ExitStack,
    *,
    tasks: int = 256,
    every: int = 10,
    greedy: bool = True,
    env: Table | None = None,
) -> Panel:
    """The same tasks whatever the run's seed, so that runs of different seeds compare."""
    held_out = run["env"] | (env or {})
    panel = [Task(env=held_out["name"], seed=derive_seed("panel", i)) for i in range(tasks)]
    limits = [sampler.max_turns, sampler.max_tokens, sampler.max_context]
    text = json.dumps([held_out, limits, [task.id for task in panel]], sort_keys=True)
    return Panel(
        sampler=replace(sampler, pool=_pool(run, held_out, "eval.env", stack)),
        tasks=panel,
        every=every,
        greedy=greedy,
        name=f"{held_out['name']}, {tasks} held-out tasks",
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def _warm_start(run: Table, plan: Plan, policy: Policy, sampler: Sampler, stack: ExitStack) -> WarmStart:
    table = run["warm_start"]
    own = {"episodes", "passes", "noise", "form"}
    trainer_options = {key: value for key, value in table.items() if key not in own}
    episodes, passes = table["episodes"], table.get("passes", 1)
    steps = passes * math.ceil(episodes / trainer_options.get("minibatch", 32))
    given = {"model": policy.model, "seed": plan.seed, "steps": steps}
    trainer = CloningTrainer(**given, **bind(CloningTrainer, trainer_options, "warm_start", given=given))
    pool = _pool(run, run["env"] | {"expert": True}, "env", stack)
    demonstrator = partial(
        _demonstrator, _agent(run), policy, noise=table.get("noise", 0.0), form=table.get("form", "{action}")
    )
    env = run["env"]["name"]
    return WarmStart(
        sampler=replace(sampler, pool=pool, agent=demonstrator, engine=Dictation(token_ids=[])),
        trainer=trainer,
        tasks=[Task(env=env, seed=derive_seed(plan.seed, "demonstration", i)) for i in range(episodes)],
        passes=passes,
    )


def _demonstrator(agent: Callable[[], Agent], policy: Policy, *, noise: float, form: str) -> Demonstrator:
    encode = partial(policy.tokenizer.encode, add_special_tokens=False)
    return Demonstrator(agent(), encode, policy.eos_ids[0], noise=noise, form=form)
