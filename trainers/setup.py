"""From a run file to the things it names: pools, agent, policy, engine, trainer, credit, loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from turngym import agents, credit, envs
from turngym.agents import Agent, engines
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler
from turngym.benchmarks import numbered
from turngym.core.config import Table, bind, build, check_sections, construct, plugin_name, section
from turngym.core.errors import ConfigError
from turngym.core.registry import MissingExtra
from turngym.core.seeding import derive_seed
from turngym.core.types import Task
from turngym.credit import Credit
from turngym.envs import Lender, executors
from turngym.envs.walk import guided
from turngym.trainers import distributed, models, registry
from turngym.trainers.adapters import AdaptedPolicy
from turngym.trainers.backbone import OwnModel
from turngym.trainers.cloning import CloningTrainer
from turngym.trainers.demonstrations import Demonstrator, Dictation
from turngym.trainers.evaluate import Panel
from turngym.trainers.loop import Loop
from turngym.trainers.models import Policy
from turngym.trainers.overlapped import Overlapped, suited
from turngym.trainers.spread import SpreadSampler

SECTIONS = (
    "agent",
    "credit",
    "engine",
    "env",
    "eval",
    "loop",
    "model",
    "offline",
    "pool",
    "sampler",
    "trainer",
    "warm_start",
)


@dataclass(kw_only=True)
class Plan:
    """The numbers of a run that belong to no plug-in: section [loop]."""

    steps: int
    tasks_per_step: int
    group_size: int
    seed: int = 0
    keep_equal: bool = False
    """Train also on groups whose episodes all earned the same."""
    ahead: int = 0
    """So many steps are played ahead of training, which goes on meanwhile; 0: one after the other."""
    threads: int | None = None
    """Of torch on the CPU; one makes a run repeat on a machine that others use too."""
    save_every: int = 10
    keep_checkpoints: int = 2
    rank_timeout: float = 1800.0
    """Seconds that a rank waits for another one, which may still be playing, before it gives the run up."""


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
    """Build what the run names; worker processes, and the tie to other ranks, end when `stack` closes.

    `weights` is a folder with a checkpoint's policy, which then replaces the run's own model. Raises a `UserError`
    with one sentence, before the first episode, for whatever the run file gets wrong.
    """
    check_sections(run, SECTIONS)
    plan = Plan(**bind(Plan, section(run, "loop"), "loop"))
    run = suited(run) if plan.ahead else run
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    device = section(run, "trainer").get("device", "cpu")
    stack.enter_context(distributed.joined(device, plan.rank_timeout))
    held_out = _held_out(run)
    cloning = None if weights or "warm_start" not in run else _cloning_plan(run)
    policy = policy_of(run, plan.seed, weights)
    engine_table = {"name": "hf"} | run.get("engine", {})
    engine = _engine(engine_table, policy)
    trainer = build(
        registry, section(run, "trainer"), "trainer", model=policy.model, engine=engine, seed=plan.seed
    )
    made = _credit(run, plan.seed, policy)
    sampler = _sampler(run, policy, _pool(run, section(run, "env"), stack), trainer.publish())
    criticized = getattr(trainer, "critic", None) is not None
    loop = _loop(
        plan,
        sampler=replace(sampler, next_prompts=criticized),
        credit=made,
        trainer=trainer,
        tasks=partial(training_tasks, plugin_name(run["env"], "env"), plan.seed, plan.tasks_per_step),
        group_size=plan.group_size,
        seed=plan.seed,
        keep_equal=plan.keep_equal,
    )
    return Setup(
        run=run,
        plan=plan,
        policy=policy,
        loop=loop,
        panel=_panel(run, held_out, sampler, stack),
        warm_start=_warm_start(run, plan, policy, sampler, cloning, stack) if cloning else None,
    )


def _loop(plan: Plan, **parts: Any) -> Loop:
    return Overlapped(**parts, ahead=plan.ahead, steps=plan.steps) if plan.ahead else Loop(**parts)


def _engine(table: Table, policy: Policy) -> Any:
    """What samples; an engine whose server has a tokenizer of its own is given the policy's to compare with."""
    asked = inspect.signature(engines.registry.get(plugin_name(table, "engine"))).parameters
    given = {"tokenizer": policy.tokenizer} if "tokenizer" in asked else {}
    return build(engines.registry, table, "engine", model=policy.model, stop_ids=policy.eos_ids, **given)


def training_tasks(env: str, seed: int, count: int, step: int) -> list[Task]:
    """The tasks of a training step, which follow from the run's seed and the step alone."""
    return [Task(env=env, seed=derive_seed(seed, "task", step, i)) for i in range(count)]


def _pool(run: Table, env: Table, stack: ExitStack) -> Lender:
    """Environments where section [pool] has them."""
    made = executors.pool(run.get("pool", {}), plugin_name(env, "env"), _arguments(env))
    return stack.enter_context(made)


def policy_of(run: Table, seed: int, weights: str | None) -> Policy:
    """The model of the run, with `weights`, a checkpoint's, where they are given, and with the adapters of `lora`."""
    table = section(run, "model")
    plain = _without(table, "lora")
    if "lora" in table:
        return _with_adapters(_model(run, plain, seed), table["lora"], seed, weights)
    if weights is None:
        return _model(run, plain, seed)
    return models.pretrained(
        path=weights, **{key: plain[key] for key in ("attention", "dtype") if key in plain}
    )


def _with_adapters(policy: Policy, table: Table, seed: int, weights: str | None) -> Policy:
    try:
        from turngym.trainers import lora
    except ModuleNotFoundError as error:
        raise MissingExtra("adapters need the package 'peft': pip install 'turngym[lora]'") from error
    options = bind(lora.adapt, table, "model.lora", given=("policy", "seed"))
    seeded = partial(lora.adapt, policy, seed=derive_seed(seed, "lora"), **options)
    adapted: Policy = construct(seeded, "model.lora")
    if weights is not None:
        lora.read_adapters(adapted.model, Path(weights))
    return adapted


def _model(run: Table, table: Table, seed: int) -> Policy:
    if table.get("name") != "tiny":
        return _built(table, vocabulary=None)
    heard = {"texts": texts(section(run, "env"))} if table.get("pieces") else {}
    return _built({"seed": seed} | table, vocabulary=_vocabulary(section(run, "env")), **heard)


def _built(table: Table, **given: Any) -> Policy:
    policy: Policy = build(models.registry, table, "model", **given)
    return policy


def _vocabulary(env: Table) -> Sequence[str] | None:
    """The phrases an environment speaks, where it says so."""
    made = construct(envs.factory(plugin_name(env, "env"), **_arguments(env)), "env")
    speak = getattr(made.unwrapped, "vocabulary", None)
    made.close()
    return speak() if callable(speak) else None


def texts(env: Table, episodes: int = 64, turns: int = 50) -> list[str]:
    """What is said and done in an environment's first expert episodes, for a tokenizer to learn from."""
    made = construct(envs.factory(plugin_name(env, "env"), **_arguments(env), expert=True), "env")
    seen = [call for seed in range(episodes) for call in guided(made, derive_seed(seed, "text"), turns)]
    made.close()
    return [
        text for call in seen for text in (call.obs, call.action, *call.info.get("admissible", ())) if text
    ]


def _credit(run: Table, seed: int, policy: Policy) -> Credit:
    """The run's credit; what learns gets a model of its own, described in [credit.backbone], and a seed."""
    table = dict(section(run, "credit"))
    asked = inspect.signature(credit.registry.get(plugin_name(table, "credit"))).parameters
    given: dict[str, Any] = {}
    if "backbone" in asked:
        given["backbone"] = _backbone(run, table.pop("backbone", {}), seed, policy)
        given |= {"seed": derive_seed(seed, "credit")} if "seed" in asked else {}
    made: Credit = build(credit.registry, table, "credit", **given)
    return made


def _backbone(run: Table, table: Table, seed: int, policy: Policy) -> OwnModel:
    """A copy of the policy when training begins, or the model of [credit.backbone.model].

    Where the section is silent it computes as the trainer does.
    """
    trainer = {
        key: run["trainer"][key] for key in ("device", "max_tokens", "precision") if key in run["trainer"]
    }
    if "lora" in table:
        return _adapted(trainer | table, seed, policy)
    options = bind(OwnModel, trainer | _without(table, "model"), "credit.backbone", given=("make",))
    if "model" not in table:
        return OwnModel(partial(deepcopy, policy.model), **options)
    where = "credit.backbone.model"
    factory = models.registry.get(plugin_name(table["model"], where))
    bind(factory, _arguments(table["model"]), where, given=("vocabulary",))
    return OwnModel(partial(_other_model, run, table["model"], seed, policy), **options)


def _adapted(table: Table, seed: int, policy: Policy) -> OwnModel:
    """Adapters on the policy itself."""
    if "model" in table:
        raise ConfigError(
            "[credit.backbone] has both lora and model; adapters are the policy's, so leave one out"
        )
    options = bind(AdaptedPolicy, table, "credit.backbone", given=("make", "seed"))
    made = partial(AdaptedPolicy, lambda: policy.model, seed=derive_seed(seed, "adapters"), **options)
    adapted: OwnModel = construct(made, "credit.backbone")
    return adapted


def _other_model(run: Table, table: Table, seed: int, policy: Policy) -> nn.Module:
    own = policy_of(run | {"model": table}, seed, None)
    if len(own.tokenizer) != len(policy.tokenizer):
        raise ConfigError(
            f"[credit.backbone.model] knows {len(own.tokenizer)} tokens and the policy {len(policy.tokenizer)}; "
            "choose a model with the policy's tokenizer"
        )
    return own.model


def _sampler(run: Table, policy: Policy, pool: Lender, engine: Any) -> Sampler:
    given = {"pool": pool, "agent": _agent(run), "engine": engine, "renderer": Renderer(policy.tokenizer)}
    made = SpreadSampler if distributed.world() > 1 else Sampler
    return made(**given, **bind(Sampler, run.get("sampler", {}), "sampler", given=given))


def _agent(run: Table) -> Callable[[], Agent]:
    table = section(run, "agent")
    factory = agents.registry.get(plugin_name(table, "agent"))
    agent = partial(factory, **bind(factory, _arguments(table), "agent"))
    construct(agent, "agent")
    return agent


def _arguments(table: Table) -> Table:
    return _without(table, "name")


def _without(table: Table, name: str) -> Table:
    return {key: value for key, value in table.items() if key != name}


@dataclass(kw_only=True)
class HeldOut:
    """Section [eval]: `env` changes the environment's arguments, for a split that training never sees."""

    tasks: int = 256
    every: int = 10
    greedy: bool = True
    temperature: float | None = None
    """Of the sampled evaluation; training's own without it."""
    option: str | None = None
    """The reset option that numbers the tasks; without it the number is the seed."""
    env: Table = field(default_factory=dict)


def _held_out(run: Table) -> HeldOut:
    return HeldOut(**bind(HeldOut, run.get("eval", {}), "eval"))


def _panel(run: Table, held_out: HeldOut, sampler: Sampler, stack: ExitStack) -> Panel:
    """The same tasks whatever the run's seed, so that runs of different seeds compare."""
    env = run["env"] | held_out.env
    numbers: dict[str, Any] = {"first": 0, "count": held_out.tasks, "option": held_out.option}
    benchmark = numbered(name="held-out", env=env, max_turns=sampler.max_turns, **numbers)
    temperature = sampler.temperature if held_out.temperature is None else held_out.temperature
    panel_sampler = replace(sampler, pool=_pool(run, env, stack), temperature=temperature)
    return Panel(benchmark=benchmark, sampler=panel_sampler, every=held_out.every, greedy=held_out.greedy)


@dataclass(kw_only=True)
class CloningPlan:
    """Section [warm_start]: how the expert is cloned before reinforcement learning begins."""

    episodes: int
    passes: int = 1
    """How often every episode is cloned."""
    noise: float = 0.05
    """Share of turns in which the demonstrator takes any admissible action instead of the expert's."""
    form: str = "{action}"
    """The reply that carries an action."""
    trainer: Table = field(default_factory=dict)
    """Arguments of `CloningTrainer`."""


def _cloning_plan(run: Table) -> CloningPlan:
    return CloningPlan(**bind(CloningPlan, run["warm_start"], "warm_start"))


def _warm_start(
    run: Table, plan: Plan, policy: Policy, sampler: Sampler, cloning: CloningPlan, stack: ExitStack
) -> WarmStart:
    given: dict[str, Any] = {"model": policy.model, "seed": plan.seed}
    given["episodes"] = cloning.episodes * cloning.passes
    options = bind(CloningTrainer, cloning.trainer, "warm_start.trainer", given=given)
    encode = partial(policy.tokenizer.encode, add_special_tokens=False)
    demonstrator = partial(
        _demonstrator, _agent(run), encode, policy.eos_ids[0], noise=cloning.noise, form=cloning.form
    )
    pool = _pool(run, run["env"] | {"expert": True}, stack)
    env = plugin_name(run["env"], "env")
    return WarmStart(
        sampler=replace(sampler, pool=pool, agent=demonstrator, engine=Dictation(token_ids=[])),
        trainer=CloningTrainer(**given, **options),
        tasks=[
            Task(env=env, seed=derive_seed(plan.seed, "demonstration", i)) for i in range(cloning.episodes)
        ],
        passes=cloning.passes,
    )


def _demonstrator(
    agent: Callable[[], Agent], encode: Callable[[str], list[int]], end_id: int, *, noise: float, form: str
) -> Demonstrator:
    return Demonstrator(agent(), encode, end_id, noise=noise, form=form)
