from __future__ import annotations

import asyncio
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from turngym import envs
from turngym.core.errors import UserError
from turngym.core.registry import MissingExtra, UnknownName
from turngym.envs import registration
from turngym.envs.base import TextEnv
from turngym.envs.corridor import Corridor

BUILT_IN = ["turngym/ALFWorld-v0", "turngym/Corridor-v0", "turngym/Household-v0"]


@pytest.fixture(autouse=True)
def _registries_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envs.registry, "_targets", dict(envs.registry._targets))
    monkeypatch.setattr(envs.registry, "_extras", dict(envs.registry._extras))
    monkeypatch.setattr(registration, "_defaults", dict(registration._defaults))
    for id in ("test/Echo-v0", "test/Long-v0", "acme/Echo-v0"):
        monkeypatch.delitem(gymnasium.registry, id, raising=False)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that registers acme/Echo-v0 when it is imported."""
    (tmp_path / "acme_echo.py").write_text(
        "from turngym.envs import TextEnv, register\n"
        "class Echo(TextEnv):\n"
        "    def __init__(self, word='tea'):\n"
        "        self.word = word\n"
        "    def reset(self, *, seed=None, options=None):\n"
        "        super().reset(seed=seed)\n"
        "        return f'Repeat: {self.word}', {}\n"
        "    def step(self, action):\n"
        "        return '', float(action == self.word), True, False, {}\n"
        "register('acme/Echo-v0', Echo, word='milk')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_echo", raising=False)
    return "acme_echo:acme/Echo-v0"


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


# Names


def test_the_built_in_environments_are_listed() -> None:
    assert set(BUILT_IN) <= set(envs.registry.names())


def test_listing_imports_no_environment() -> None:
    loaded = run("import sys, turngym.envs as e; e.registry.names(); print(*sys.modules)")
    assert "turngym.envs.registration" in loaded
    assert not {"turngym.envs.corridor", "turngym.envs.alfworld", "turngym.envs.household.env"} & set(loaded)


def test_importing_the_environments_loads_no_model_library() -> None:
    assert not {"torch", "transformers", "textworld"} & set(
        run("import sys, turngym.envs; print(*sys.modules)")
    )


@pytest.mark.parametrize("id", ["turngym/Corridor-v0", "Corridor-v0"])
def test_a_built_in_is_made_by_its_id_with_or_without_the_namespace(id: str) -> None:
    assert envs.resolve(id) == "turngym/Corridor-v0"
    env = envs.make(id, length=9)
    assert isinstance(env, Corridor)
    assert env.length == 9


def test_an_id_of_gymnasium_makes_its_environment() -> None:
    env = envs.make("CartPole-v1")
    assert env.spec is not None
    assert env.spec.id == "CartPole-v1"
    obs, _ = env.reset(seed=0)
    assert obs in env.observation_space


def test_a_module_before_the_id_is_imported_first(plugin: str) -> None:
    env = envs.make(plugin)
    assert env.reset(seed=0)[0] == "Repeat: milk"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("turngym/Coridor-v0", "turngym/Corridor-v0"),
        ("corridor", "turngym/Corridor-v0"),
        ("alfworld-v0", "turngym/ALFWorld-v0"),
        ("turngym/Household-v7", "turngym/Household-v0"),
        ("CartPole", "CartPole-v1"),
    ],
)
def test_an_unknown_id_suggests_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=rf"^no environment is called {typed!r}; did you mean {meant!r}\?$"):
        envs.make(typed)


def test_an_id_like_nothing_lists_what_there_is() -> None:
    with pytest.raises(UnknownName, match=r"turngym has .*turngym/ALFWorld-v0, .*turngym/Corridor-v0"):
        envs.make("qqqqqqqq")


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownName, match="'acme_nowhere', which cannot be found"):
        envs.make("acme_nowhere:acme/Echo-v0")


def test_a_module_that_lacks_a_package_says_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_broken.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        envs.make("acme_broken:acme/Broken-v0")


# Registering


def test_a_registered_class_is_made_here_and_by_gymnasium() -> None:
    envs.register("test/Long-v0", Corridor, length=11)
    assert envs.make("test/Long-v0").unwrapped.length == 11
    assert gymnasium.make("test/Long-v0").unwrapped.length == 11
    assert gymnasium.make("test/Long-v0", length=4).unwrapped.length == 4


def test_a_plug_in_is_reachable_by_gymnasium_too(plugin: str) -> None:
    assert gymnasium.make(plugin, word="salt").reset(seed=0)[0] == "Repeat: salt"


def test_an_id_of_gymnasium_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match="'CartPole-v1' is an environment of Gymnasium's registry already"):
        envs.register("CartPole-v1", Corridor)


def test_an_id_cannot_be_taken_twice() -> None:
    with pytest.raises(ValueError, match="already registered"):
        envs.register("turngym/Corridor-v0", TextEnv)


def test_an_id_that_gymnasium_cannot_read_is_refused() -> None:
    with pytest.raises(gymnasium.error.Error, match="Malformed environment ID"):
        envs.register("my echo", Corridor)
    assert "my echo" not in envs.registry.names()


def test_a_missing_extra_says_the_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy.py").write_text("import no_such_package.inner\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    envs.register("test/Echo-v0", "needy:Echo", extra="webshop")
    sentence = re.escape("test/Echo-v0 needs the package 'no_such_package': pip install 'turngym[webshop]'")
    for make in (envs.make, gymnasium.make):
        with pytest.raises(MissingExtra, match=f"^{sentence}$"):
            make("test/Echo-v0")


# Arguments


def test_a_wrong_argument_is_named_with_the_right_ones() -> None:
    sentence = "^turngym/Corridor-v0 does not take 'lenght'; it takes length, expert$"
    with pytest.raises(TypeError, match=sentence) as caught:
        envs.factory("Corridor-v0", lenght=3)
    assert isinstance(caught.value, UserError)


def test_a_missing_argument_is_named() -> None:
    def needy(word: str) -> TextEnv:
        raise AssertionError(word)

    envs.register("test/Echo-v0", needy)
    with pytest.raises(
        TypeError, match=r"^test/Echo-v0 is missing a required argument: 'word'; it takes word$"
    ):
        envs.make("test/Echo-v0")


@pytest.mark.parametrize(("id", "kwargs"), [("turngym/Corridor-v0", {"length": 8}), ("CartPole-v1", {})])
def test_a_factory_pickles_and_holds_what_it_makes(id: str, kwargs: dict[str, Any]) -> None:
    factory = pickle.loads(pickle.dumps(envs.factory(id, **kwargs)))
    one, other = factory(), factory()
    assert one is not other
    for env in (one, other):
        assert type(env.unwrapped) is type(envs.make(id).unwrapped)
        assert all(getattr(env, key) == value for key, value in kwargs.items())


def test_a_worker_needs_no_registration(plugin: str) -> None:
    """Only the parent imports the plug-in by its id; the worker gets the class."""

    async def observation() -> str:
        async with envs.Pool(plugin, workers=1) as pool, pool.lease() as env:
            return (await env.reset(seed=0))[0]

    assert asyncio.run(observation()) == "Repeat: milk"


# Gymnasium


def test_gymnasium_makes_a_built_in_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    env = gymnasium.make("turngym/Corridor-v0", length=7)
    obs, info = env.reset(seed=1)
    assert obs in env.observation_space
    assert env.step(info["admissible"][0])[0] in env.observation_space
    assert [str(warning.message) for warning in recwarn] == []


def test_an_environment_is_made_again_from_its_spec() -> None:
    spec = gymnasium.make("turngym/Corridor-v0", length=7).spec
    assert spec is not None
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(spec.to_json()))
    assert again.unwrapped.length == 7


def test_gymnasium_wrappers_compose() -> None:
    env = gymnasium.wrappers.TimeLimit(envs.make("Corridor-v0"), 2)
    env.reset(seed=0)
    assert [env.step("neither")[3] for _ in range(2)] == [False, True]


@pytest.mark.parametrize("processes", [False, True])
def test_a_vector_environment_speaks_tuples_of_strings(processes: bool) -> None:
    vector = envs.make_vec("Corridor-v0", 3, processes=processes, length=7, expert=True)
    obs, info = vector.reset(seed=10)
    alone = [envs.make("Corridor-v0", length=7, expert=True) for _ in range(3)]
    assert obs == tuple(env.reset(seed=10 + i)[0] for i, env in enumerate(alone))
    assert obs in vector.observation_space
    for _ in range(2):
        actions = tuple(info["expert"])
        assert actions in vector.action_space
        obs, rewards, terminated, _, info = vector.step(actions)
        steps = [env.step(action) for env, action in zip(alone, actions, strict=True)]
        assert obs == tuple(step[0] for step in steps)
        assert rewards.tolist() == [step[1] for step in steps]
        assert terminated.tolist() == [step[2] for step in steps]
        assert [list(actions) for actions in info["admissible"]] == [step[4]["admissible"] for step in steps]
        if any(terminated):
            break
    vector.close()


def test_gymnasium_makes_a_vector_of_a_built_in() -> None:
    vector = gymnasium.make_vec("turngym/Corridor-v0", num_envs=2, length=5)
    obs, _ = vector.reset(seed=[3, 3])
    assert obs[0] == obs[1]


def test_a_vector_of_a_gymnasium_environment_is_gymnasiums() -> None:
    vector = envs.make_vec("CartPole-v1", 2)
    assert vector.reset(seed=0)[0].shape == (2, 4)
