"""The contract of an engine, as rules that an author can run one by one.

A rule takes what makes the engine and a seed; it raises `Broken` with what it saw, and returns a note where it did not
apply. `check_engine` tries them all; the tests of an engine of one's own may take them singly:

    @pytest.mark.parametrize("rule", rules)
    def test_my_engine_keeps_the_contract(rule):
        rule(MyEngine, 0)

An engine that takes `model` and `stop_ids` is given a small transformer, whose own forward pass says what its
log-probabilities ought to be (extra `train`); any other is held against itself.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from turngym.agents.llm import Completion, Engine, Sampling, session
from turngym.core.rules import Broken, Verdict, brief, need, verdicts

__all__ = ["Broken", "Rule", "Verdict", "check_engine", "rules"]

EngineFactory = Callable[..., Engine]
Rule = Callable[[EngineFactory, int], str | None]

TOKENS = 8
"""Length of a completion."""
DRAWS = 200
"""So many first tokens are compared with their chances."""
NEAR = 1e-3
"""Log-probabilities that are nearer than this are called equal: engines round in their own ways."""


def check_engine(engine: EngineFactory, *, seed: int = 0) -> list[Verdict]:
    """Try every rule on an engine, given as what makes it. A broken rule is a verdict, not an exception."""
    return verdicts(rules, engine, seed)


# The form of an answer


def answers_in_form(engine: EngineFactory, seed: int) -> None:
    """`generate` answers a `Completion` with whole numbers for ids, a log-probability for each, and why it stopped."""
    for said in _ask(engine, seed):
        need(isinstance(said, Completion), f"generate returned {brief(said)}; return a Completion")
        whole = isinstance(said.token_ids, list) and all(type(token) is int for token in said.token_ids)
        need(whole, f"token_ids is {brief(said.token_ids)}; give a list of int")
        ids, logprobs = len(said.token_ids), len(said.logprobs)
        need(ids == logprobs, f"{ids} token_ids came with {logprobs} logprobs; give one for each")
        need(said.stop in ("stop", "length"), f"stop is {said.stop!r}; say 'stop' or 'length'")
        need(type(said.version) is int, f"version is {said.version!r}; give the number of the policy")
        dated = said.versions is None or (len(said.versions) == ids and min(said.versions) == said.version)
        need(dated, f"versions is {brief(said.versions)}; give one for each token, and the oldest as version")


def logprobs_are_logarithms(engine: EngineFactory, seed: int) -> None:
    """Every log-probability is a finite number that is not above 0."""
    for said in _ask(engine, seed):
        for logprob in said.logprobs:
            sound = isinstance(logprob, float) and math.isfinite(logprob) and logprob <= 1e-6
            need(sound, f"a log-probability is {logprob!r}; give the natural logarithm of a chance")


def keeps_to_max_tokens(engine: EngineFactory, seed: int) -> None:
    """A reply has at most `max_tokens` ids, and `length` says that it has so many and does not end in a stop id."""
    made, model = _made(engine, seed)
    for longest in (1, 2, TOKENS):
        for said in _all(made, _prompts(seed), max_tokens=longest):
            length = len(said.token_ids)
            need(length <= longest, f"a reply of at most {longest} tokens has {length}; cut it off")
            need(said.stop == "stop" or length == longest, f"a reply of {length} tokens says 'length'")
            if model is not None:
                _need_stop(said)


def leaves_the_prompt_alone(engine: EngineFactory, seed: int) -> None:
    """`generate` does not change the list of ids that it is given."""
    made, _ = _made(engine, seed)
    prompts = _prompts(seed)
    _all(made, prompts)
    need(prompts == _prompts(seed), "generate changed the ids of a prompt; work on a copy")


# What a completion depends on


def repeats_by_seed(engine: EngineFactory, seed: int) -> None:
    """The same prompt and seed give the same completion, in one engine and in two."""
    made, _ = _made(engine, seed)
    once, again = (_all(made, _prompts(seed)) for _ in range(2))
    _same(once, again, "two completions with one seed")
    _same(once, _ask(engine, seed), "completions of two engines with one seed")


def seeds_differ(engine: EngineFactory, seed: int) -> str | None:
    """Different seeds give different completions, so that a group's episodes are no copies."""
    made, _ = _made(engine, seed)
    prompt = _prompts(seed)[0]
    said = _all(made, [prompt] * 16)
    if all(not any(one.logprobs) for one in said):
        return "it is certain of every token"
    different = {tuple(one.token_ids) for one in said}
    need(len(different) > 1, f"16 seeds gave one completion, {said[0].token_ids}; draw from sampling.seed")
    return None


def greedy_ignores_the_seed(engine: EngineFactory, seed: int) -> None:
    """At temperature 0 every seed gives the same completion."""
    made, _ = _made(engine, seed)
    for prompt in _prompts(seed)[:2]:
        first, *others = _all(made, [prompt] * 4, temperature=0.0)
        for other in others:
            _same([first], [other], "two completions at temperature 0")


def requests_are_apart(engine: EngineFactory, seed: int) -> None:
    """A request gets the same answer alone and among others."""
    made, _ = _made(engine, seed)
    prompts = _prompts(seed)
    crowd = _all(made, prompts)
    for place, prompt in enumerate(prompts):
        alone = _all(made, [prompt], first=place)
        _same(alone, [crowd[place]], f"the completions of prompt {place} alone and among others")


def sessions_answer_alike(engine: EngineFactory, seed: int) -> str | None:
    """An episode's session, turn after turn, answers as the engine does without one."""
    made, _ = _made(engine, seed)
    if not hasattr(made, "session"):
        return "it has no sessions"
    prompt = _prompts(seed)[0]
    (first,) = _all(made, [prompt])
    longer = [*prompt, *first.token_ids, 7, 8, 9]

    async def turns() -> list[Completion]:
        with session(made) as bound:
            return [await bound.generate(list(ids), _sampling(0)) for ids in (prompt, longer)]

    _same(asyncio.run(turns()), [first, *_all(made, [longer])], "a completion in a session and one without")
    return None


# What the log-probabilities are worth


def goes_on_from_its_own_words(engine: EngineFactory, seed: int) -> str | None:
    """At temperature 0, a prompt that holds the reply's first token goes on as the reply did."""
    made, model = _made(engine, seed)
    if model is None and _certain(made, seed):
        return "it is certain of every token"
    for prompt in _prompts(seed):
        (whole,) = _all(made, [prompt], temperature=0.0)
        if len(whole.token_ids) < 2:
            continue
        (rest,) = _all(
            made, [prompt + whole.token_ids[:1]], temperature=0.0, max_tokens=len(whole.token_ids) - 1
        )
        need(
            rest.token_ids == whole.token_ids[1:] and _near(rest.logprobs, whole.logprobs[1:]),
            f"after {whole.token_ids[:1]} the reply went on with {brief(whole.token_ids[1:])} at "
            f"{brief(whole.logprobs[1:])}, but asked again with {brief(rest.token_ids)} at {brief(rest.logprobs)}",
        )
    return None


def samples_as_it_says(engine: EngineFactory, seed: int) -> str | None:
    """First tokens come about as often as their log-probabilities say, also at another temperature."""
    made, model = _made(engine, seed)
    if model is None and _certain(made, seed):
        return "it is certain of every token"
    for temperature in (1.0, 0.6):
        said = _all(made, [_prompts(seed)[0]] * DRAWS, temperature=temperature, max_tokens=1)
        _need_frequencies(said, temperature)
    return None


def logprobs_are_the_models(engine: EngineFactory, seed: int) -> str | None:
    """Log-probabilities equal those of a fresh forward pass, at the sampling temperature (at 0: at 1)."""
    made, model = _made(engine, seed)
    if model is None:
        return NO_MODEL
    _need_logprobs(made, model, seed)
    return None


def follows_the_weights(engine: EngineFactory, seed: int) -> str | None:
    """After `updated(version)` completions carry the version and come from the weights as they are then."""
    made, model = _made(engine, seed)
    if model is None:
        return NO_MODEL
    if not hasattr(made, "updated"):
        return "it has no `updated`, so it cannot be trained with"
    _all(made, _prompts(seed))  # so that there is something to forget
    _specimen().become(model, seed + 1)
    made.updated(7)
    (said, *_) = _need_logprobs(made, model, seed)
    need(said.version == 7, f"after updated(7) a completion is of version {said.version}")
    return None


rules: tuple[Rule, ...] = (
    answers_in_form,
    logprobs_are_logarithms,
    keeps_to_max_tokens,
    leaves_the_prompt_alone,
    repeats_by_seed,
    seeds_differ,
    greedy_ignores_the_seed,
    requests_are_apart,
    sessions_answer_alike,
    goes_on_from_its_own_words,
    samples_as_it_says,
    logprobs_are_the_models,
    follows_the_weights,
)

NO_MODEL = "it takes no model to compare with"


def _made(engine: EngineFactory, seed: int) -> tuple[Any, Any]:
    """An engine, and the model that it was given if it takes one."""
    parameters = inspect.signature(engine).parameters
    asks = [name for name in ("model", "stop_ids") if name in parameters]
    if len(asks) < 2 or parameters["model"].default is not inspect.Parameter.empty:
        return engine(), None
    specimen = _specimen()
    model = specimen.llama(seed)
    return engine(model=model, stop_ids=specimen.STOP_IDS), model


def _specimen() -> Any:
    """The module of the small transformer; imported here since only some engines need torch."""
    from turngym.agents.engines import specimen

    return specimen


def _prompts(seed: int) -> list[list[int]]:
    """Six prompts of different lengths; two begin alike."""
    chance = random.Random(seed)
    prompts = [[chance.randrange(5, 100) for _ in range(length)] for length in (1, 3, 7, 12, 30)]
    return [*prompts, [*prompts[3], 9]]


def _sampling(number: int, *, temperature: float = 1.0, max_tokens: int = TOKENS) -> Sampling:
    return Sampling(temperature=temperature, max_tokens=max_tokens, seed=2**62 + number)


def _ask(engine: EngineFactory, seed: int) -> list[Completion]:
    """What a new engine says to all prompts at once."""
    made, _ = _made(engine, seed)
    return _all(made, _prompts(seed))


def _all(made: Engine, prompts: list[list[int]], *, first: int = 0, **options: Any) -> list[Completion]:
    """What an engine says to prompts asked at once; the n-th has a seed of its own, counted from `first`."""

    async def together() -> list[Completion]:
        asked = [
            made.generate(prompt, _sampling(first + number, **options))
            for number, prompt in enumerate(prompts)
        ]
        return list(await asyncio.gather(*asked))

    return asyncio.run(together())


def _certain(made: Engine, seed: int) -> bool:
    return not any(logprob for said in _all(made, _prompts(seed)) for logprob in said.logprobs)


def _need_stop(said: Completion) -> None:
    ended = said.token_ids[-1] in _specimen().STOP_IDS
    need(ended == (said.stop == "stop"), f"a reply that ends in {said.token_ids[-1]} says {said.stop!r}")
    early = [token for token in said.token_ids[:-1] if token in _specimen().STOP_IDS]
    need(not early, f"a reply goes on after the stop id {early[:1]}")


def _need_logprobs(made: Engine, model: Any, seed: int) -> list[Completion]:
    for temperature in (0.7, 0.0, 1.0):
        answers = _all(made, _prompts(seed), temperature=temperature)
        for prompt, said in zip(_prompts(seed), answers, strict=True):
            wanted = _specimen().logprobs(model, prompt, said.token_ids, temperature)
            need(
                _near(said.logprobs, wanted),
                f"log-probabilities at temperature {temperature:g} are {brief(said.logprobs)}; "
                f"the model's are {brief(wanted)}",
            )
    return answers


def _need_frequencies(said: Sequence[Completion], temperature: float) -> None:
    counts = Counter(one.token_ids[0] for one in said)
    chances = {one.token_ids[0]: math.exp(one.logprobs[0]) for one in said}
    for token, count in counts.items():
        chance = min(chances[token], 1.0)
        spread = 4 * math.sqrt(max(chance * (1 - chance), 1e-9) / len(said)) + 3 / len(said)
        near = abs(count / len(said) - chance) <= spread
        need(
            near,
            f"at temperature {temperature:g} token {token} came {count} times in {len(said)} draws, "
            f"though its chance is said to be {chance:.3f}",
        )


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    close = all(abs(left - right) <= NEAR for left, right in zip(one, other, strict=False))
    return len(one) == len(other) and close


def _same(some: Sequence[Completion], others: Sequence[Completion], what: str) -> None:
    for one, other in zip(some, others, strict=True):
        need(one.token_ids == other.token_ids, f"{what} are {one.token_ids} and {other.token_ids}")
        near = _near(one.logprobs, other.logprobs)
        need(near, f"{what} have log-probabilities {brief(one.logprobs)} and {brief(other.logprobs)}")
