"""The contract of an environment, as rules that an author can run one by one.

A rule takes a factory and a seed, raises `Broken` with what it saw, and returns a note where it did not
apply. `check_env` tries them all; the tests of an environment of one's own may take them singly:

    @pytest.mark.parametrize("rule", rules)
    def test_my_environment_keeps_the_contract(rule):
        rule(MyEnv, 0)
"""

from __future__ import annotations

import inspect
import math
import pickle
import random
import warnings
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from gymnasium.utils.env_checker import check_env as check_gymnasium
from gymnasium.utils.env_checker import data_equivalence

from turngym.core.rules import Broken, Verdict, brief, error_text, need, verdicts
from turngym.envs.base import Factory
from turngym.envs.experts import NoExpert
from turngym.envs.registration import factory as find_factory
from turngym.envs.walk import TURNS, Seen, choice, guided, replay, reset, step, walk, walks

__all__ = ["Broken", "Rule", "Verdict", "check_env", "rules"]

Rule = Callable[[Factory, int], str | None]

END = 500
"""Within so many turns an expert has to win."""

SOME = 20
"""Of the first turn's admissible actions so many are tried."""

ODDITIES = (
    "",
    " ",
    "\n",
    "no such action",
    "<action>go</action>",
    "go to \N{ROCKET}",
    "\0\N{RIGHT-TO-LEFT OVERRIDE}\N{CAT FACE}\u0301",
    "\udcff",  # half of a surrogate pair cannot be encoded
    "x" * 1_000_000,
    "[" * 10_000,
)
"""What a language model may come to say."""


def check_env(env: str | Factory, *, seed: int = 0, **kwargs: Any) -> list[Verdict]:
    """Try every rule on an environment, given as an id or a factory with its arguments.

    A broken rule is a verdict, not an exception. Raises what `turngym.envs.factory` raises.
    """
    factory = find_factory(env, **kwargs) if isinstance(env, str) else partial(env, **kwargs)
    return verdicts(rules, factory, seed)


# What the calls take and answer


def speaks_strings(factory: Factory, seed: int) -> None:
    """Actions and observations are strings."""
    env = factory()
    need("any text" in env.action_space, f"the action space {env.action_space} holds no text; use Text()")
    for seen in walk(env, seed):
        need(isinstance(seen.obs, str), f"the observation is {brief(seen.obs)}{_after(seen)}; return a str")


def answers_in_form(factory: Factory, seed: int) -> None:
    """`reset` answers (observation, info), `step` (observation, reward, terminated, truncated, info)."""
    env = factory()
    first = env.reset(seed=seed)
    need(_fits(first, (object, dict)), f"reset returned {_types(first)}; return (str, dict)")
    answer = env.step(choice(first[1], random.Random(seed)))
    wanted = (object, int | float, bool, bool, dict)
    need(_fits(answer, wanted), f"step returned {_types(answer)}; return (str, float, bool, bool, dict)")


def rewards_are_finite(factory: Factory, seed: int) -> None:
    """Rewards are finite numbers."""
    for seen in walk(factory(), seed):
        finite = isinstance(seen.reward, int | float) and math.isfinite(seen.reward)
        need(finite, f"the reward is {seen.reward!r}{_after(seen)}; return a finite float")


def survives_nonsense(factory: Factory, seed: int) -> None:
    """No string makes it raise, whatever a model says."""
    env = factory()
    for action in ODDITIES:
        env.reset(seed=seed)
        try:
            env.step(action)
        except Exception as error:
            raise Broken(f"step({brief(action)}) raised {error_text(error)}; answer every string") from error


def survives_random_play(factory: Factory, seed: int) -> None:
    """One environment plays three episodes of random actions, some not admissible, without raising."""
    env = factory()
    for episode in range(3):
        try:
            list(walk(env, seed + episode, nonsense=0.2))
        except Exception as error:
            raise Broken(f"random play with seed {seed + episode} raised {error_text(error)}") from error


def stays_ended(factory: Factory, seed: int) -> str | None:
    """A step after the end raises, or answers that the episode is over and gives no reward."""
    offered = _offers_expert(factory)
    env = _with_expert(factory)() if offered else factory()
    *_, last = guided(env, seed, END) if offered else walk(env, seed, turns=END)
    if not last.over:
        return f"no episode ended in {END} turns"
    try:
        after = step(env, last.action or "")
    except Exception:
        return None
    need(after.over, "a step after the end goes on with the episode; raise, or stay terminated")
    need(not after.reward, f"a step after the end gives reward {after.reward!r}; give none")
    return None


# What repeats, and what is forgotten


def resets_agree(factory: Factory, seed: int) -> None:
    """Resets with one seed start the same episode, in one environment and in two."""
    env = factory()
    first, again, other = (reset(one, seed) for one in (env, env, factory()))
    _same(first, again, "two resets of one environment with one seed")
    _same(first, other, "resets of two environments with one seed")


def takes_large_seeds(factory: Factory, seed: int) -> None:
    """Seeds are whole numbers of 63 bits."""
    try:
        factory().reset(seed=2**63 - 1 - seed)
    except Exception as error:
        raise Broken(
            f"reset(seed=2**63 - {1 + seed}) raised {error_text(error)}; use self.np_random"
        ) from error


def episodes_repeat(factory: Factory, seed: int) -> None:
    """One seed and the same actions give the same episode."""
    once = list(walk(factory(), seed))
    for before, after in zip(once, replay(factory(), seed, once), strict=True):
        _same(before, after, "two episodes with one seed and the same actions")


def reset_forgets(factory: Factory, seed: int) -> None:
    """A reset in the middle of an episode leaves nothing of it."""
    fresh, env = list(walk(factory(), seed)), factory()
    list(islice(walk(env, seed + 1), TURNS // 2))
    for before, after in zip(fresh, replay(env, seed, fresh), strict=True):
        _same(before, after, "an episode in a fresh environment and one after a reset in the middle")


def environments_are_apart(factory: Factory, seed: int) -> None:
    """Two environments in one process share no state."""
    alone = list(walk(factory(), seed))
    beside = zip(walks(factory(), seed + 1), replay(factory(), seed, alone), strict=False)
    for before, (_, after) in zip(alone, beside, strict=False):
        _same(before, after, "an episode alone and one beside another environment")


def infos_are_fresh(factory: Factory, seed: int) -> None:
    """What a caller does to an info does not reach the environment."""
    once = list(walk(factory(), seed))
    for before, after in zip(once, replay(factory(), seed, once), strict=True):
        _same(before, after, "an episode and the same one whose infos the caller emptied")
        for value in after.info.values():
            if isinstance(value, list | dict | set):
                value.clear()
        after.info.clear()


# What info says


def infos_pickle(factory: Factory, seed: int) -> None:
    """Every value of an info pickles, since it may come from a worker process."""
    for seen in walk(factory(), seed):
        for key, value in seen.info.items():
            need(
                _pickles(value),
                f"info[{key!r}] is a {type(value).__name__} that does not pickle; use plain data",
            )


def state_is_hashable(factory: Factory, seed: int) -> str | None:
    """`info["state"]` is hashable, and there always or never."""
    calls = list(walk(factory(), seed))
    if not any("state" in seen.info for seen in calls):
        return "no state is told; the observation stands for it"
    for seen in calls:
        need("state" in seen.info, f"info has no 'state'{_after(seen)}, though it has one at other times")
        state = seen.info["state"]
        need(
            _hashes(state),
            f"info['state'] is {brief(state)}, which is not hashable; make it a str or a tuple",
        )
    return None


def flags_are_bools(factory: Factory, seed: int) -> None:
    """`info["valid"]` is a bool where given, `info["success"]` a bool or None, which is: not known."""
    for seen in walk(factory(), seed, nonsense=0.2):
        valid, success = seen.info.get("valid", True), seen.info.get("success")
        need(isinstance(valid, bool), f"info['valid'] is {valid!r}{_after(seen)}; make it True or False")
        told = success is None or isinstance(success, bool)
        need(told, f"info['success'] is {success!r}{_after(seen)}; make it True, False or None")


def score_is_a_share(factory: Factory, seed: int) -> str | None:
    """`info["score"]` is a number from 0 to 1, or None, which is: not known."""
    calls = list(walk(factory(), seed, nonsense=0.2))
    for seen in calls:
        score = seen.info.get("score")
        share = score is None or (isinstance(score, int | float) and 0 <= score <= 1)
        need(share, f"info['score'] is {score!r}{_after(seen)}; give a share of 1, or None")
    told = any("score" in seen.info for seen in calls)
    return None if told else "no score is told; the sum of the rewards stands for it"


def actions_are_told(factory: Factory, seed: int) -> str | None:
    """The first `info` says what can be done: by `admissible`, by `grammar` or by both."""
    info = reset(factory(), seed).info
    grammar = info.get("grammar", "any")
    need(isinstance(grammar, str) and bool(grammar), f"info['grammar'] is {grammar!r}; write a line of text")
    told = "admissible" in info or "grammar" in info
    return None if told else "neither admissible actions nor a grammar are told"


def admissible_are_strings(factory: Factory, seed: int) -> str | None:
    """`admissible`, and `sample` likewise, lists different non-empty strings, at least one while the episode lasts."""
    calls = list(walk(factory(), seed))
    told = [(seen, key) for seen in calls for key in ("admissible", "sample") if key in seen.info]
    for seen, key in told:
        actions = seen.info[key]
        listed = isinstance(actions, list) and all(isinstance(action, str) and action for action in actions)
        need(listed, f"info[{key!r}] is {brief(actions)}; make it a list of non-empty strings")
        need(len({*actions}) == len(actions), f"info[{key!r}] names an action twice: {brief(actions)}")
        need(seen.over or bool(actions), f"info[{key!r}] is empty{_after(seen)}, but the episode goes on")
    return None if told else "no admissible actions are told"


def admissible_are_valid(factory: Factory, seed: int) -> str | None:
    """No admissible action is answered with `valid` False, in the first turn and on a walk."""
    env = factory()
    first = reset(env, seed).info.get("admissible")
    if first is None:
        return "no admissible actions are told"
    for action in random.Random(seed).sample(first, min(SOME, len(first))):
        reset(env, seed)
        _accepted(step(env, action))
    for seen in walk(env, seed):
        _accepted(seen)
    return None


def expert_wins(factory: Factory, seed: int) -> str | None:
    """Where the environment takes `expert=True`, following `info["expert"]` ends in success."""
    if not _offers_expert(factory):
        return "no expert is offered"
    *_, last = guided(_with_expert(factory)(), seed, END)
    need(last.over or "expert" in last.info, f"info has no 'expert'{_after(last)}, though expert=True")
    need(last.over, f"the expert did not finish in {END} turns")
    success = last.info.get("success")
    need(success is True, f"the expert's episode ended with success {success!r}")
    return None


# What others rely on


def factory_pickles(factory: Factory, seed: int) -> None:
    """The factory pickles and its copy builds the same environment, so that a worker process can."""
    try:
        copy = pickle.loads(pickle.dumps(factory))
    except Exception as error:
        raise Broken(f"the factory does not pickle ({error}); use a class or function of a module") from error
    _same(reset(factory(), seed), reset(copy(), seed), "resets of an environment and of its factory's copy")


def passes_gymnasium(factory: Factory, seed: int) -> None:
    """Gymnasium's own checker finds nothing, not even to warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            check_gymnasium(factory().unwrapped, skip_render_check=True)
        except Exception as error:
            raise Broken(f"Gymnasium's checker says: {error}") from error


rules: tuple[Rule, ...] = (
    speaks_strings,
    answers_in_form,
    rewards_are_finite,
    survives_nonsense,
    survives_random_play,
    stays_ended,
    resets_agree,
    takes_large_seeds,
    episodes_repeat,
    reset_forgets,
    environments_are_apart,
    infos_are_fresh,
    infos_pickle,
    state_is_hashable,
    flags_are_bools,
    score_is_a_share,
    actions_are_told,
    admissible_are_strings,
    admissible_are_valid,
    expert_wins,
    factory_pickles,
    passes_gymnasium,
)


def _accepted(seen: Seen) -> None:
    refused = seen.info.get("valid", True) is False
    need(
        not refused,
        f"the admissible action {seen.action!r} was answered with valid=False: {brief(seen.obs)}",
    )


def _same(one: Seen, other: Seen, what: str) -> None:
    for field, left, right in zip(Seen._fields, one, other, strict=True):
        equal = data_equivalence(left, right, exact=True)
        need(equal, f"{what} differ in {field}{_after(one)}: {brief(left)} and {brief(right)}")


def _offers_expert(factory: Factory) -> bool:
    if "expert" not in inspect.signature(factory).parameters:
        return False
    try:
        _with_expert(factory)().close()
    except NoExpert:
        return False
    return True


def _with_expert(factory: Factory) -> Factory:
    return partial(factory, expert=True)  # type: ignore[call-arg]


def _fits(answer: Any, types: tuple[Any, ...]) -> bool:
    long = isinstance(answer, tuple) and len(answer) == len(types)
    return long and all(isinstance(part, kind) for part, kind in zip(answer, types, strict=True))


def _types(answer: Any) -> str:
    if not isinstance(answer, tuple):
        return type(answer).__name__
    return f"({', '.join(type(part).__name__ for part in answer)})"


def _hashes(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _pickles(value: Any) -> bool:
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:
        return False
    return True


def _after(seen: Seen) -> str:
    return " after the reset" if seen.action is None else f" after {brief(seen.action)}"
