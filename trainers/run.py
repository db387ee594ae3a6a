"""A whole run: warm start, training, evaluation, and the folder it leaves behind."""

from __future__ import annotations

import asyncio
import inspect
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from turngym import __version__
from turngym.agents import engines
from turngym.benchmarks.score import Result
from turngym.core.config import Table, bind, check_sections, dump, section
from turngym.core.episodes import show, write_episodes
from turngym.core.errors import ConfigError
from turngym.core.types import Trajectory
from turngym.credit import Learned
from turngym.trainers import checkpoint, distributed
from turngym.trainers.checkpoint import CheckpointError
from turngym.trainers.demonstrations import cloneable
from turngym.trainers.evaluate import EVALUATION_SEED, evaluate, point, standing
from turngym.trainers.offline import staged
from turngym.trainers.profiling import Step, profiled
from turngym.trainers.report import Report, Silence, forget_after, plot_curve
from turngym.trainers.setup import SECTIONS, Setup, WarmStart, prepare

Summary = dict[str, Any]


def train_run(
    run: Table, out: Path, *, resume: bool = False, tensorboard: bool = False, profile: bool = False
) -> Summary:
    """Train as the run file says and fill the folder `out`.

    It holds `run.toml`, `metrics.jsonl`, `curve.png`, `episodes.jsonl` and `episode.txt` (the panel at the end),
    `summary.json` and `checkpoints/`. With `resume` the newest complete checkpoint goes on, and the result equals
    that of a run that never stopped. Ctrl-C stops after the step under way and saves. Raises `ConfigError` where
    `out` holds another run.

    Of several ranks the first writes, and all see the same folder. With `profile` it also leaves traces of two steps.
    """
    last = checkpoint.newest(out / "checkpoints") if resume else None
    if (out / "run.toml").exists() and not resume:
        raise ConfigError(
            f"{out} already holds a run; add --resume to go on with it, or choose another out=DIR"
        )
    with ExitStack() as stack:
        stop = stack.enter_context(interruptible())
        setup = prepare(run, stack, weights=None if last is None else str(last / "policy"))
        distributed.same("the checkpoint that they go on from", None if last is None else last.name)
        if "offline" in run:
            staged(setup, out)
        report: Report = Silence(out)
        if distributed.leads():
            _open(out, run, fresh=last is None)
            report = Report(out, tensorboard=tensorboard)
        stack.enter_context(report)
        made = _Run(setup=setup, out=out, report=report, stop=stop, profile=profile)
        return asyncio.run(made.finish(last))


def rehearse(run: Table) -> dict[str, str]:
    """Build all that a run names but its weights, for which a random model of a few thousand parameters stands in.

    Gives what was built, by section. Raises what `train_run` would raise before its first episode.
    """
    check_sections(run, SECTIONS)
    stand_in: Table = {
        "name": "tiny",
        "hidden": 32,
        "layers": 2,
        "heads": 2,
        "feed_forward": 64,
        "context": 8192,
    }
    stand_in |= {key: table for key, table in section(run, "model").items() if key == "lora"}
    trainer = section(run, "trainer") | ({"device": "cpu"} if "device" in run["trainer"] else {})
    with ExitStack() as stack:
        setup = prepare(run | {"model": stand_in, "trainer": trainer, "engine": _at_hand(run)}, stack)
        panel = setup.panel.benchmark
        return {
            "env": str(run["env"]),
            "agent": run["agent"]["name"],
            "model": f"{section(run, 'model')} (not loaded)",
            "credit": str(setup.loop.credit),
            "trainer": type(setup.loop.trainer).__name__,
            "loop": str(setup.plan),
            "eval": f"{len(panel.tasks)} tasks of {dict(panel.env)}, digest {panel.digest[:16]}",
        }


def _at_hand(run: Table) -> Table:
    """The run's engine, or `hf` in place of one to which weights travel, once its arguments are checked."""
    table: Table = {"name": "hf"} | run.get("engine", {})
    factory = engines.registry.get(table["name"])
    if "transfer" not in inspect.signature(factory).parameters:
        return table
    arguments = {key: value for key, value in table.items() if key != "name"}
    bind(factory, arguments, "engine", given=("model", "stop_ids", "tokenizer"))
    return {"name": "hf"}


def _open(out: Path, run: Table, *, fresh: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "run.toml").write_text(dump(run), encoding="utf-8")
    if fresh:
        (out / "metrics.jsonl").write_text("")


@dataclass(kw_only=True)
class Stop:
    """Whether somebody asked the run to stop."""

    requested: bool = False
    agreed: bool = False
    """Whether all ranks know it, at the same step."""

    def listen(self) -> None:
        """Hear whether any rank was asked."""
        self.agreed = distributed.any_of(self.requested)


@contextmanager
def interruptible() -> Iterator[Stop]:
    """While open, the first Ctrl-C only sets a flag; the second interrupts at once."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def restored(setup: Setup, last: Path) -> dict[str, Any]:
    """Give trainer and credit what they had learned at a checkpoint; gives the run's progress.

    At step 0 only the policy has learned, so any trainer and credit may go on from it. Raises `CheckpointError`.
    """
    progress, parts = checkpoint.read(last)
    _check_model(last, progress.get("model"), setup.run["model"])
    if not progress["step"]:
        return progress
    try:
        setup.loop.trainer.load_state_dict(parts["trainer"])
        if isinstance(setup.loop.credit, Learned):
            setup.loop.credit.load_state_dict(parts["credit"])
    except (KeyError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"checkpoint {last} does not fit this run's trainer or credit ({reason}); resume with those that it was "
            "made with"
        ) from error
    return progress


def _check_model(last: Path, made: Table | None, named: Table) -> None:
    """A checkpoint goes on as the model it was; where the first weights came from no longer matters."""
    source = ("path", "gguf")
    then, now = ({key: it[key] for key in it if key not in source} for it in (made or {}, named))
    if made is not None and then != now:
        raise CheckpointError(
            f"checkpoint {last} was made with [model] {then} and this run names {now}; resume with the first, or "
            "train the other in a folder of its own"
        )


@dataclass(kw_only=True)
class _Run:
    setup: Setup
    out: Path
    report: Report
    stop: Stop
    profile: bool = False
    summary: Summary = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    async def finish(self, last: Path | None) -> Summary:
        """Go from the start, or from a checkpoint, to the summary."""
        done = await self._begin() if last is None else self._resume(last)
        try:
            done = await self._train(done)
        finally:
            await self.setup.loop.close()
        if self.stop.agreed:
            self.report.say(f"stopped after step {done}; go on with --resume")
            return self.summary
        return await self._conclude(done)

    def _about(self) -> Summary:
        panel = self.setup.panel.benchmark
        return {
            "turngym": __version__,
            "seed": self.setup.plan.seed,
            "seeds": {"run": self.setup.plan.seed, "evaluation": EVALUATION_SEED},
            "credit": self.setup.run["credit"]["name"],
            "panel": {"env": dict(panel.env), "tasks": len(panel.tasks), "digest": panel.digest},
        }

    async def _begin(self) -> int:
        if self.setup.warm_start is not None:
            await self._clone(self.setup.warm_start)
        self.summary = self._about() | {"warm_start": (await self._standing(0))[0]}
        self._save(0)
        return 0

    def _resume(self, last: Path) -> int:
        progress = restored(self.setup, last)
        self.setup.loop.sampler.engine = self.setup.loop.trainer.publish()
        if distributed.leads():
            forget_after(self.out / "metrics.jsonl", progress["step"])
        self.summary = self._about() | {"warm_start": progress["warm_start"]}
        self.began -= progress["seconds"]
        self.report.say(f"going on after step {progress['step']}")
        return int(progress["step"])

    async def _clone(self, warm_start: WarmStart) -> None:
        groups = await warm_start.sampler.collect(warm_start.tasks, 1, self.setup.plan.seed)
        samples = cloneable(groups)
        for number in range(1, warm_start.passes + 1):
            metrics = warm_start.trainer.update(samples)
            self.report.record("warm start", number, metrics, total=warm_start.passes)
        self.setup.loop.sampler.engine = self.setup.loop.trainer.publish()

    async def _train(self, done: int) -> int:
        plan, panel = self.setup.plan, self.setup.panel
        step: Step = self.setup.loop.step
        if self.profile and distributed.leads():
            step = profiled(step, done, self.out / "profile")
        self.stop.listen()
        for number in range(done, plan.steps):
            if self.stop.agreed:
                break
            metrics = await step(number)
            done = number + 1
            self.stop.listen()
            self.report.record("train", done, metrics, total=plan.steps)
            self._say_what_failed(done)
            if done % panel.every == 0 and done < plan.steps:
                await self._measure(done)
            if done % plan.save_every == 0 or done == plan.steps or self.stop.agreed:
                self._save(done)
        return done

    def _say_what_failed(self, step: int) -> None:
        failures = self.setup.loop.failures
        for cause, count in failures.most_common():
            text = f"step {step}: {count} attempts failed and were made again: {cause}"
            self.report.say(text, style="yellow")
        failures.clear()

    async def _measure(self, step: int) -> tuple[Result, list[Trajectory]]:
        result, episodes = await evaluate(self.setup.panel, self.setup.loop.trainer.publish())
        self.report.record("eval", step, point(result))
        self.report.say(f"step {step}: {told(result)}")
        return result, episodes

    async def _standing(self, step: int) -> tuple[dict[str, Any], list[Trajectory]]:
        """What the summary says of the policy as it is, and the episodes it played."""
        sampled, episodes = await self._measure(step)
        greedy = None
        if self.setup.panel.greedy:
            greedy, _ = await evaluate(self.setup.panel, self.setup.loop.trainer.publish(), greedy=True)
        return standing(sampled, greedy), episodes

    async def _conclude(self, done: int) -> Summary:
        self.summary["final"], episodes = await self._standing(done)
        self.summary |= {"steps": done, "seconds": round(time.perf_counter() - self.began, 1)}
        if distributed.leads():
            self._leave(episodes)
        return self.summary

    def _leave(self, episodes: list[Trajectory]) -> None:
        """Write what remains of a run that came to its end."""
        write_episodes(self.out / "episodes.jsonl", episodes)
        (self.out / "episode.txt").write_text("\n\n".join(map(show, episodes[:4])), encoding="utf-8")
        (self.out / "summary.json").write_text(json.dumps(self.summary, indent=1), encoding="utf-8")
        title = f"{self.summary['credit']} on {self.setup.panel.benchmark.env['name']}, seed {self.summary['seed']}"
        plot_curve(self.out / "metrics.jsonl", self.out / "curve.png", title)
        self._say_what_came_of_it()

    def _say_what_came_of_it(self) -> None:
        before, after = self.summary["warm_start"], self.summary["final"]
        for name in ("success", "greedy_success"):
            if name in before and name in after:
                text = f"{name.replace('_', ' ')} on held-out tasks: {before[name]:.1%} -> {after[name]:.1%}"
                self.report.say(text, style="bold")
        self.report.say(
            f"{self.summary['seconds']:.0f} s; see curve.png, episode.txt and summary.json in {self.out}"
        )

    def _save(self, step: int) -> None:
        """Checkpoint; where the disk refuses, say so and train on, since the earlier checkpoint is still there."""
        loop, root = self.setup.loop, self.out / "checkpoints"
        parts = {"trainer": loop.trainer.state_dict()}
        if isinstance(loop.credit, Learned):
            parts["credit"] = loop.credit.state_dict()
        if not distributed.leads():
            return
        progress = {
            "warm_start": self.summary["warm_start"],
            "seconds": time.perf_counter() - self.began,
            "model": self.setup.run["model"],
        }
        try:
            checkpoint.save(root, step, progress, parts, self.setup.policy.save)
            checkpoint.prune(root, self.setup.plan.keep_checkpoints)
        except CheckpointError as error:
            self.report.say(str(error), style="red")


def told(result: Result) -> str:
    """A result in one line."""
    low, high = result.interval
    if result.success is None:
        return f"held-out reward {result.reward}"
    return f"held-out success {result.success:.1%} (95 % interval {low:.1%} to {high:.1%})"
