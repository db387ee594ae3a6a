"""The contract of an environment, as rules that an author can run one by one.

Each rule takes a factory and a seed, raises `Broken` with what it saw, and returns a note where it did not
apply. `check_env` runs them all; a test of one's own environment may run them one by one:

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
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import gymnasium
from gymnasium.utils.env_checker import check_env as check_gymnasium
from gymnasium.utils.env_checker import data_equivalence

from turngym.core.types import Info
from turngym.envs.base import Factory
from turngym.envs.registration import factory as find_factory

Rule = Callable[[Factory, int], str | None]

TURNS = 30
"""How long a walk is; an environment need not end in it."""

EXPERT_TURNS = 500
"""How many turns an expert has for its win."""

ODDITIES = ("", " ", "\n", "no such action", "<action>go</action>", "go to \N{ROCKET}", "x" * 10_000)
"""What a language model may come to say."""


class Broken(AssertionError):
    """An environment breaks a rule; the message says how."""


class Verdict(NamedTuple):
    """What became of one rule."""

    rule: str
    passed: bool
    message: str
    """How it was broken, or a note where the rule did not apply."""


class Turn(NamedTuple):
    """What one call of an environment showed: the reset is the turn without an action."""

    action: str | None
    obs: Any
    reward: Any
    terminated: Any
    truncated: Any
    info: Any

    @property
    def over(self) -> bool:
        """Whether the episode ended here."""
        return bool(self.terminated or self.truncated)


def check_env(env: str | Factory, *, seed: int = 0, **kwargs: Any) -> list[Verdict]:
    """Try every rule on an environment, given as an id (with its arguments) or as a factory.

    Raises what `turngym.envs.factory` raises; a broken rule is a verdict, not an exception.
    """
    factory = find_factory(env, **kwargs) if isinstance(env, str) else partial(env, **kwargs) if kwargs else env
    return [_verdict(rule, factory, seed) for rule in rules]


def _verdict(rule: Rule, factory: Factory, seed: int) -> Verdict:
    try:
        return Verdict(rule.__name__, True, rule(factory, seed) or "")
    except Broken as broken:
        return Verdict(rule.__name__, False, str(broken))
    except Exception as error:
        return Verdict(rule.__name__, False, f"raised {type(error).__name__}: {error}")


# The rules


def speaks_strings(factory: Factory, seed: int) -> None:
    """Observations are strings, and so is every action."""
    for turn in _walk(factory(), seed):
        _need(isinstance(turn.obs, str), f"an observation is {turn.obs!r} after {turn.action!r}; return a str")


def answers_five(factory: Factory, seed: int) -> None:
    """`reset` answers (observation, info); `step` answers (observation, reward, terminated, truncated, info)."""
    env = factory()
    answer = env.reset(seed=seed)
    _need(_shaped(answer, (object, dict)), f"reset returned {_types(answer)}; return (str, dict)")
    action = _choice(answer[1], random.Random(seed))
    step = env.step(action)
    shape = (object, int | float, bool, bool, dict)
    _need(_shaped(step, shape), f"step returned {_types(step)}; return (str, float, bool, bool, dict)")


def rewards_are_finite(factory: Factory, seed: int) -> None:
    """Rewards are finite numbers."""
    for turn in _walk(factory(), seed):
        finite = isinstance(turn.reward, int | float) and math.isfinite(turn.reward)
        _need(finite, f"the reward is {turn.reward!r} after {turn.action!r}; return a finite float")


def resets_agree(factory: Factory, seed: int) -> None:
    """Two resets with one seed start the same episode, in one environment and in two."""
    env = factory()
    first, again, other = (_reset(one, seed) for one in (env, env, factory()))
    _same(first, again, "two resets of one environment with one seed")
    _same(first, other, "resets of two environments with one seed")


def episodes_repeat(factory: Factory, seed: int) -> None:
    """One seed and the same actions give the same episode."""
    walk = list(_walk(factory(), seed))
    for before, after in zip(walk, _replay(factory(), seed, walk), strict=True):
        _same(before, after, "two episodes with one seed and the same actions")


def reset_forgets(factory: Factory, seed: int) -> None:
    """A reset in the middle of an episode leaves nothing of it."""
    env = factory()
    walk = list(_walk(factory(), seed))
    for _ in islice(_walk(env, seed + 1), TURNS // 2):
        pass
    for fresh, used in zip(walk, _replay(env, seed, walk), strict=True):
        _same(fresh, used, "an episode in a fresh environment and one after a reset in the middle")


def environments_are_apart(factory: Factory, seed: int) -> None:
    """Two environments in one process share no state."""
    alone = list(_walk(factory(), seed))
    beside = _replay(factory(), seed, alone)
    for turn, intruder in zip(alone, _endless(factory(), seed + 1), strict=False):
        _same(turn, next(beside), f"an episode alone and one beside another environment (there {intruder.action!r})")


def state_is_comparable(factory: Factory, seed: int) -> str | None:
    """`info["state"]` is hashable and present always or never."""
    turns = list(_walk(factory(), seed))
    if not any("state" in turn.info for turn in turns):
        return "no state is reported; the observation stands for it"
    for turn in turns:
        _need("state" in turn.info, f"info has no 'state' after {turn.action!r}, but had one before")
        _need(_hashes(turn.info["state"]), f"the state {turn.info['state']!r} is not hashable; make it a str or a tuple")
    return None


def flags_are_bools(factory: Factory, seed: int) -> None:
    """`info["valid"]` and `info["success"]` are bools where given (`success` may be None: not known)."""
    for turn in _walk(factory(), seed):
        valid, success = turn.info.get("valid", True), turn.info.get("success")
        _need(isinstance(valid, bool), f"info['valid'] is {valid!r} after {turn.action!r}; make it True or False")
        _need(success is None or isinstance(success, bool), f"info['success'] is {success!r}; make it a bool or None")


def admissible_are_words(factory: Factory, seed: int) -> str | None:
    """`info["admissible"]` is a list of different non-empty strings, with one at least while the episode lasts."""
    turns = [turn for turn in _walk(factory(), seed) if "admissible" in turn.info]
    for turn in turns:
        actions = turn.info["admissible"]
        words = isinstance(actions, list) and all(isinstance(action, str) and action.strip() for action in actions)
        _need(words, f"info['admissible'] is {_short(actions)}; make it a list of non-empty strings")
        _need(len(set(actions)) == len(actions), f"info['admissible'] names an action twice: {_short(actions)}")
        _need(turn.over or bool(actions), f"nothing is admissible after {turn.action!r}, but the episode goes on")
    return None if turns else "no admissible actions are reported"


def admissible_are_valid(factory: Factory, seed: int) -> str | None:
    """No admissible action is answered with `valid` False: all of the first turn, and those of a walk."""
    env = factory()
    first = _reset(env, seed).info.get("admissible")
    if first is None:
        return "no admissible actions are reported"
    for action in first:
        env.reset(seed=seed)
        _need_valid(_step(env, action))
    for turn in _walk(env, seed):
        _need_valid(turn)
    return None


def infos_are_fresh(factory: Factory, seed: int) -> None:
    """What a caller does to an info does not reach the environment."""
    walk = list(_walk(factory(), seed))
    for before, after in zip(walk, _replay(factory(), seed, walk), strict=True):
        _same(before, after, "an episode and the same one whose infos were emptied by the caller")
        for value in after.info.values():
            if isinstance(value, list | dict | set):
                value.clear()
        after.info.clear()


def infos_pickle(factory: Factory, seed: int) -> None:
    """Every value of an info pickles, since it comes from a worker process."""
    for turn in _walk(factory(), seed):
        for key, value in turn.info.items():
            _need(_pickles(value), f"info[{key!r}] is a {type(value).__name__} that does not pickle; use plain data")


def ended_stays_ended(factory: Factory, seed: int) -> str | None:
    """A step after the end raises, or answers that the episode is over and gives no reward."""
    env = factory()
    turns = list(_walk(env, seed, turns=EXPERT_TURNS))
    if not turns[-1].over:
        return f"random play did not end in {EXPERT_TURNS} turns"
    try:
        after = _step(env, turns[-1].action or "")
    except Exception:
        return None
    _need(after.over, "a step after the end goes on with the episode; raise, or stay terminated")
    _need(not after.reward, f"a step after the end gives reward {after.reward!r}; give none")
    return None


def survives_nonsense(factory: Factory, seed: int) -> None:
    """No string makes it raise, whatever a model says."""
    env = factory()
    for action in ODDITIES:
        env.reset(seed=seed)
        try:
            env.step(action)
        except Exception as error:
            raise Broken(f"step({_short(action)}) raised {type(error).__name__}: {error}; answer any string") from error


def random_play_survives(factory: Factory, seed: int) -> None:
    """Three episodes of random actions, admissible or not, do not crash one environment."""
    env = factory()
    for episode in range(3):
        for turn in _walk(env, seed + episode, nonsense=0.2):
            _need(isinstance(turn.info, dict), f"info is {turn.info!r}; return a dict")


def factory_pickles(factory: Factory, seed: int) -> None:
    """The factory pickles and its copy builds the same environment, so a worker process can."""
    try:
        copy = pickle.loads(pickle.dumps(factory))
    except Exception as error:
        raise Broken(f"the factory does not pickle ({error}); use a class or function of a module") from error
    _same(_reset(factory(), seed), _reset(copy(), seed), "resets of an environment and of one from the pickled factory")


def expert_wins(factory: Factory, seed: int) -> str | None:
    """Where the environment takes `expert=True`, following `info["expert"]` wins."""
    if "expert" not in inspect.signature(factory).parameters:
        return "no expert is offered"
    env = factory(expert=True)  # type: ignore[call-arg]
    turn = _reset(env, seed)
    for _ in range(EXPERT_TURNS):
        if turn.over:
            break
        _need("expert" in turn.info, f"info has no 'expert' after {turn.action!r}, though expert=True")
        turn = _step(env, turn.info["expert"])
    _need(turn.over, f"the expert did not finish in {EXPERT_TURNS} turns")
    _need(turn.info.get("success") is True, f"the expert ended with success={turn.info.get('success')!r}")
    return None


def passes_gymnasium(factory: Factory, seed: int) -> None:
    """Gymnasium's own checker finds nothing, not even a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            check_gymnasium(factory().unwrapped, skip_render_check=True)
        except Exception as error:
            raise Broken(f"Gymnasium's checker: {error}") from error


rules: tuple[Rule, ...] = (
    speaks_strings,
    answers_five,
    rewards_are_finite,
    resets_agree,
    episodes_repeat,
    reset_forgets,
    environments_are_apart,
    state_is_comparable,
    flags_are_bools,
    admissible_are_words,
    admissible_are_valid,
    infos_are_fresh,
    infos_pickle,
    ended_stays_ended,
    survives_nonsense,
    random_play_survives,
    factory_pickles,
    expert_wins,
    passes_gymnasium,
)


# Playing


def _walk(
    env: gymnasium.Env[Any, Any], seed: int, *, turns: int = TURNS, nonsense: float = 0.0
) -> Iterator[Turn]:
    """A random episode, from its reset to its end or for `turns` steps; equal for equal seeds."""
    chance = random.Random(seed)
    turn = _reset(env, seed)
    yield turn
    for _ in range(turns):
        if turn.over:
            return
        turn = _step(env, _choice({} if chance.random() < nonsense else turn.info, chance))
        yield turn


def _endless(env: gymnasium.Env[Any, Any], seed: int) -> Iterator[Turn]:
    """One random episode after another."""
    while True:
        yield from _walk(env, seed)
        seed += 1


def _replay(env: gymnasium.Env[Any, Any], seed: int, turns: Iterable[Turn]) -> Iterator[Turn]:
    """The same actions again."""
    for turn in turns:
        yield _reset(env, seed) if turn.action is None else _step(env, turn.action)


def _reset(env: gymnasium.Env[Any, Any], seed: int) -> Turn:
    obs, info = env.reset(seed=seed)
    return Turn(None, obs, 0.0, False, False, info)


def _step(env: gymnasium.Env[Any, Any], action: str) -> Turn:
    return Turn(action, *env.step(action))


def _choice(info: Info, chance: random.Random) -> str:
    actions = info.get("admissible") or ["look", "left", "no such action"]
    return chance.choice(actions)


# Judging


def _need(kept: bool, message: str) -> None:
    if not kept:
        raise Broken(message)


def _need_valid(turn: Turn) -> None:
    valid = turn.info.get("valid", True)
    _need(valid is not False, f"the admissible action {turn.action!r} was answered with valid=False: {_short(turn.obs)}")


def _same(one: Turn, other: Turn, what: str) -> None:
    for field, left, right in zip(Turn._fields, one, other, strict=True):
        equal = data_equivalence(left, right, exact=True)
        _need(equal, f"{what} differ in {field} after {one.action!r}: {_short(left)} and {_short(right)}")


def _shaped(answer: Any, types: tuple[Any, ...]) -> bool:
    sized = isinstance(answer, tuple) and len(answer) == len(types)
    return sized and all(isinstance(part, kind) for part, kind in zip(answer, types, strict=True))


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
        return pickle.loads(pickle.dumps(value)) is not None or value is None
    except Exception:
        return False


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
