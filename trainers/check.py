"""The contract of a trainer, as rules that an author can run one by one.

A rule takes what makes the trainer from `model`, `engine` and `seed`, as a run does, and a seed; it raises `Broken`
with what it saw, and returns a note where it did not apply. `check_trainer` tries them all; the tests of a trainer of
one's own may take them singly:

    @pytest.mark.parametrize("rule", rules)
    def test_my_trainer_keeps_the_contract(rule):
        rule(partial(MyTrainer, lr=1e-2), 0)

The model is a small transformer that speaks the corridor's words, the samples are real episodes. What a trainer has
learned is read from the engine that it publishes, so it may keep its weights wherever it likes.
"""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from turngym.agents.chat import ChatAgent
from turngym.agents.engines.hf import HFEngine
from turngym.agents.llm import Completion, Engine, Sampling
from turngym.agents.renderer import Renderer
from turngym.agents.rollout import Sampler, TooManyFailures
from turngym.core.rules import Broken, Verdict, brief, error_text, need, verdicts
from turngym.core.samples import Sample, pack
from turngym.core.types import Task
from turngym.credit.group import GRPO
from turngym.envs.corridor import Corridor
from turngym.envs.pool import Pool
from turngym.trainers import Trainer
from turngym.trainers.loop import Loop
from turngym.trainers.models import Policy, tiny

__all__ = ["Broken", "Rule", "Verdict", "check_trainer", "rules"]

TrainerFactory = Callable[..., Trainer]
"""Called with `model`, `engine` and `seed`."""
Rule = Callable[[TrainerFactory, int], str | None]

PROMPT = [7, 8, 9]
"""What the published engine is asked."""
DRAWS = 64
"""So often it is asked for one token."""
SAME = 1e-6
"""Log-probabilities that are nearer than this are called equal."""


def check_trainer(trainer: TrainerFactory, *, seed: int = 0) -> list[Verdict]:
    """Try every rule on a trainer, given as what makes it. A broken rule is a verdict, not an exception."""
    return verdicts(rules, trainer, seed)


@dataclass(kw_only=True)
class Bench:
    """A trainer with a policy of its own."""

    policy: Policy
    trainer: Trainer

    def learn(self, samples: Sequence[Sample]) -> dict[str, float]:
        """One step: score, update, publish. The samples are copied, since a trainer fills them in."""
        samples = deepcopy(list(samples))
        self.trainer.score(samples)
        learned = self.trainer.update(samples)
        self.trainer.publish()
        return learned

    def says(self) -> list[Completion]:
        """What the published engine says to `PROMPT`, one token for each of `DRAWS` seeds."""
        return _draw(self.trainer.publish(), DRAWS)

    def chances(self) -> dict[int, float]:
        """The log-probabilities of the tokens that came."""
        return {said.token_ids[0]: said.logprobs[0] for said in self.says()}


# What it is made of and what it gives


def publishes_an_engine(trainer: TrainerFactory, seed: int) -> None:
    """Made from a model, an engine and a seed, it publishes an engine that answers before any update."""
    bench = _bench(trainer, seed)
    published = bench.trainer.publish()
    need(hasattr(published, "generate"), f"publish returned {brief(published)}, which has no generate")
    answers = bench.says()
    sound = all(isinstance(said, Completion) and len(said.token_ids) == 1 for said in answers)
    need(
        sound, f"the published engine said {brief(answers[0])}; publish one whose generate completes a prompt"
    )


def scores_in_place(trainer: TrainerFactory, seed: int) -> str | None:
    """`score` fills lists as long as the sample, with finite numbers, and leaves the rest of it as it was."""
    bench = _bench(trainer, seed)
    samples = _samples(bench.policy, seed)
    before = deepcopy(samples)
    bench.trainer.score(samples)
    filled: set[str] = set()
    for sample, old in zip(samples, before, strict=True):
        for name in ("version", "token_ids", "row", "logprobs", "advantages", "next_ids"):
            kept = getattr(sample, name) == getattr(old, name)
            need(kept, f"score changed a sample's {name}; fill old_logprobs, ref_logprobs and values alone")
        filled |= _filled(sample)
    return None if filled else "it scores nothing"


def gives_finite_metrics(trainer: TrainerFactory, seed: int) -> None:
    """`update` gives a dictionary of finite numbers by name."""
    bench = _bench(trainer, seed)
    learned = bench.learn(_samples(bench.policy, seed))
    need(isinstance(learned, dict), f"update returned {brief(learned)}; return a dict of metrics")
    for name, number in learned.items():
        finite = isinstance(name, str) and isinstance(number, int | float) and math.isfinite(number)
        need(finite, f"the metric {name!r} is {number!r}; give a finite number")


def survives_an_empty_step(trainer: TrainerFactory, seed: int) -> None:
    """A step in which no group could be used is scored, learned from and published like any other."""
    bench = _bench(trainer, seed)
    before = bench.chances()
    try:
        bench.learn([])
    except Exception as error:
        raise Broken(f"a step without samples raised {error_text(error)}; return no metrics") from error
    need(_equal(before, bench.chances()), "a step without samples changed the policy")


# What it learns


def follows_the_advantages(trainer: TrainerFactory, seed: int) -> None:
    """A token with a positive advantage becomes likelier, one with a negative advantage less likely."""
    for sign, wish in ((1.0, "likelier"), (-1.0, "less likely")):
        bench = _bench(trainer, seed)
        before = bench.chances()
        token = max(before, key=lambda one: before[one])
        for _ in range(3):
            bench.learn([_lesson(token, before[token], sign)])
        after = bench.chances()
        if sign < 0 and token not in after:  # so unlikely that it came no more
            continue
        need(token in after, f"a token with advantage {sign:+g} came no more; check the sign of the loss")
        moved = after[token] - before[token]
        need(
            sign * moved > 0,
            f"a token with advantage {sign:+g} should become {wish} and its log-probability moved by {moved:+.2g}; "
            "check the sign of the loss, and that the published engine has the new weights",
        )


def context_teaches_nothing(trainer: TrainerFactory, seed: int) -> None:
    """Numbers on tokens that were not sampled (row -1) change nothing."""
    first, other = _bench(trainer, seed), _bench(trainer, seed)
    samples = _samples(first.policy, seed)
    spoilt = deepcopy(samples)
    for sample in spoilt:
        for place, row in enumerate(sample.row):
            if row < 0:
                sample.advantages[place], sample.logprobs[place] = 5.0, -3.0
    first.learn(samples)
    other.learn(spoilt)
    need(
        _equal(first.chances(), other.chances()),
        "advantages on context tokens changed the policy; learn where sample.row >= 0 alone",
    )


def versions_rise(trainer: TrainerFactory, seed: int) -> None:
    """After an update the published engine's completions carry a higher version."""
    bench = _bench(trainer, seed)
    samples = _samples(bench.policy, seed)
    before = bench.says()[0].version
    for _ in range(2):
        bench.learn(samples)
        after = bench.says()[0].version
        need(after > before, f"an update took the version from {before} to {after}; count updates")
        before = after


# What repeats and what is kept


def repeats(trainer: TrainerFactory, seed: int) -> None:
    """Two trainers with one seed learn the same from the same samples."""
    first, other = _bench(trainer, seed), _bench(trainer, seed)
    samples = _samples(first.policy, seed)
    for bench in (first, other):
        bench.learn(samples)
        bench.learn(samples)
    need(_equal(first.chances(), other.chances()), "two trainers with one seed learned differently")


def state_is_plain(trainer: TrainerFactory, seed: int) -> None:
    """`state_dict` holds tensors and plain values only, so that nothing is unpickled into code."""
    bench = _bench(trainer, seed)
    bench.learn(_samples(bench.policy, seed))
    _stored(bench.trainer.state_dict())


def state_restores(trainer: TrainerFactory, seed: int) -> None:
    """From the model's weights and `state_dict` a new trainer goes on as one that never stopped."""
    bench = _bench(trainer, seed)
    samples = _samples(bench.policy, seed)
    bench.learn(samples)
    resumed = _bench(trainer, seed)
    resumed.policy.model.load_state_dict(bench.policy.model.state_dict())
    resumed.trainer.load_state_dict(_stored(bench.trainer.state_dict()))
    for step in range(3):
        here, there = bench.says(), resumed.says()
        near = _equal(bench.chances(), resumed.chances())
        need(near, f"after {step} more updates the trainer that was resumed differs; store all that changes")
        versions = here[0].version, there[0].version
        need(versions[0] == versions[1], f"the versions are {versions[0]} and {versions[1]} after a resume")
        bench.learn(samples)
        resumed.learn(samples)


def runs_in_the_loop(trainer: TrainerFactory, seed: int) -> str:
    """Two steps of the training loop in the corridor, with GRPO's credit, lose no episode."""
    bench = _bench(trainer, seed)
    with Pool(Corridor, workers=0, slots=16) as pool:
        loop = Loop(
            sampler=_sampler(bench.policy, pool, bench.trainer.publish()),
            credit=GRPO(),
            trainer=bench.trainer,
            tasks=lambda step: [Task(env="checked", seed=4 * step + number) for number in range(4)],
            group_size=4,
            seed=seed,
            keep_equal=True,
        )
        try:
            steps = [asyncio.run(loop.step(number)) for number in range(2)]
        except TooManyFailures as failures:
            raise Broken(f"the loop stopped: {failures}") from failures
    need(not loop.failures, f"episodes failed: {brief(dict(loop.failures))}")
    return f"{sum(step['sampled_tokens'] for step in steps):g} tokens in 2 steps"


rules: tuple[Rule, ...] = (
    publishes_an_engine,
    scores_in_place,
    gives_finite_metrics,
    survives_an_empty_step,
    follows_the_advantages,
    context_teaches_nothing,
    versions_rise,
    repeats,
    state_is_plain,
    state_restores,
    runs_in_the_loop,
)


def _bench(trainer: TrainerFactory, seed: int) -> Bench:
    """A new trainer of a new policy; equal seeds give equal ones."""
    policy = tiny(
        hidden=16, layers=1, heads=2, feed_forward=32, seed=seed, vocabulary=Corridor().vocabulary()
    )
    # Untrained weights are so small that every token is as likely as any other, whatever was said.
    with torch.no_grad():
        for weight in policy.model.parameters():
            weight.mul_(5.0)
    engine = HFEngine(policy.model, stop_ids=policy.eos_ids, gather_s=math.inf)
    return Bench(policy=policy, trainer=trainer(model=policy.model, engine=engine, seed=seed))


def _samples(policy: Policy, seed: int) -> list[Sample]:
    """The training sequences of two groups of episodes in the corridor, with advantages above and below 0."""
    engine = HFEngine(policy.model, stop_ids=policy.eos_ids, gather_s=math.inf)
    with Pool(Corridor, workers=0, slots=8) as pool:
        sampler = _sampler(policy, pool, engine)
        tasks = [Task(env="checked", seed=seed + number) for number in range(2)]
        groups = asyncio.run(sampler.collect(tasks, 4, seed))
    samples = pack(trajectory for group in groups for trajectory in group.trajectories)
    for number, sample in enumerate(samples):  # a policy of chance wins nothing that credit could compare
        advantage = number - (len(samples) - 1) / 2
        sample.advantages = [advantage if row >= 0 else 0.0 for row in sample.row]
        sample.returns = list(sample.advantages)
    return samples


def _sampler(policy: Policy, pool: Pool, engine: Engine) -> Sampler:
    return Sampler(
        pool=pool,
        agent=ChatAgent,
        engine=engine,
        renderer=Renderer(policy.tokenizer),
        max_tokens=4,
        max_turns=4,
    )


def _lesson(token: int, logprob: float, advantage: float) -> Sample:
    """One token after `PROMPT`."""
    context = [0.0] * len(PROMPT)
    return Sample(
        version=0,
        token_ids=[*PROMPT, token],
        row=[-1] * len(PROMPT) + [0],
        logprobs=[*context, logprob],
        advantages=[*context, advantage],
        returns=[*context, advantage],
    )


def _draw(engine: Engine, count: int) -> list[Completion]:
    async def answers() -> list[Completion]:
        asked = (
            engine.generate(list(PROMPT), Sampling(max_tokens=1, seed=number)) for number in range(count)
        )
        return list(await asyncio.gather(*asked))

    return asyncio.run(answers())


def _filled(sample: Sample) -> set[str]:
    """Names of the lists that are there; raises `Broken` for one of a wrong length or with other than numbers."""
    lists = {name: getattr(sample, name) for name in ("old_logprobs", "ref_logprobs", "values")}
    there = {name: numbers for name, numbers in lists.items() if numbers is not None}
    for name, numbers in there.items():
        length = len(sample.token_ids)
        need(
            len(numbers) == length,
            f"{name} has {len(numbers)} numbers for {length} tokens; give one for each",
        )
        need(all(map(math.isfinite, numbers)), f"{name} holds {brief(numbers)}; give finite numbers")
    return set(there)


def _stored(state: dict[str, Any]) -> dict[str, Any]:
    """The state as a checkpoint gives it back."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        read: dict[str, Any] = torch.load(file, weights_only=True)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise Broken(f"state_dict does not read back ({reason}); store tensors and plain values") from error
    return read


def _equal(one: dict[int, float], other: dict[int, float]) -> bool:
    return one.keys() == other.keys() and all(abs(one[token] - other[token]) <= SAME for token in one)
