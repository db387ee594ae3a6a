"""Run files: what is read, what is refused and with which words."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turngym.core import config
from turngym.core.errors import ConfigError, PrerequisiteError
from turngym.core.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Method:
    gamma: float = 1.0
    depth: int = 2
    variant: Literal["paper", "released"] = "released"
    layers: Sequence[int] = ()
    path: str | None = None
    trace: bool = False


def needs_a_model(model: str, rows: Any = None) -> str:
    return model


def method_registry() -> Registry:
    registry = Registry("credit")
    registry.register("method", Method)
    return registry


keys = st.text(max_size=6)
scalars = (
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner | st.dictionaries(keys, inner, max_size=2), max_size=3),
    max_leaves=6,
)
tables = st.recursive(
    st.dictionaries(keys, values, max_size=3),
    lambda inner: st.dictionaries(keys, values | inner, max_size=3),
    max_leaves=5,
)


@given(tables)
def test_a_dumped_run_reads_back_equal(run: dict[str, Any]) -> None:
    assert tomllib.loads(config.dump(run)) == run


def test_a_run_cannot_hold_what_toml_cannot_spell() -> None:
    with pytest.raises(ConfigError, match="TOML has no NoneType"):
        config.dump({"trainer": {"lr": None}})


@given(scalars.filter(lambda value: not isinstance(value, str)))
def test_an_override_means_its_toml_value(value: object) -> None:
    text = config.dump({"value": value}).removeprefix("value = ").strip()
    assert config.override({}, [f"trainer.key={text}"]) == {"trainer": {"key": value}}


@pytest.mark.parametrize("text", ["hgpo", "a/b.toml", "", "1\nother = 2", "x=y", "[1, 2"])
def test_an_override_that_is_no_toml_is_a_string(text: str) -> None:
    assert config.override({}, [f"credit.name={text}"]) == {"credit": {"name": text}}


def test_overrides_change_a_copy_and_leave_the_other_keys() -> None:
    run = {"credit": {"name": "hgpo", "base": {"gamma": 1.0}}}
    changed = config.override(run, ["credit.base.gamma=0.5", "seed=3"])
    assert changed == {"credit": {"name": "hgpo", "base": {"gamma": 0.5}}, "loop": {"seed": 3}}
    assert run == {"credit": {"name": "hgpo", "base": {"gamma": 1.0}}}


@pytest.mark.parametrize("text", ["steps", "steps=3", "=3", ".x=1", "loop.=1", "loop..x=1"])
def test_an_override_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no override; write it as section\.key=value"):
        config.override({}, [text])


def test_an_override_below_a_plain_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot set loop\.seed\.x: loop\.seed is 0, not a section"):
        config.override({"loop": {"seed": 0}}, ["loop.seed.x=1"])


def test_an_unknown_section_suggests_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"no section \[trainner\]; did you mean 'trainer'\? \(known are env, trainer\)"
    ):
        config.check_sections({"trainner": {}}, ["trainer", "env"])


def test_a_section_that_must_be_there_is_named() -> None:
    assert config.section({"loop": {"steps": 3}}, "loop") == {"steps": 3}
    with pytest.raises(ConfigError, match=r"the run has no section \[trainer\]; add it"):
        config.section({"loop": {}}, "trainer")


def test_what_a_plug_in_says_against_a_value_or_a_file_is_told_as_the_users(tmp_path: Path) -> None:
    def refuse() -> None:
        raise ValueError("depth is -1; give 0 or more")

    with pytest.raises(ConfigError, match=r"\[credit\] depth is -1; give 0 or more"):
        config.construct(refuse, "credit")
    with pytest.raises(PrerequisiteError, match="No such file"):
        config.construct((tmp_path / "absent").read_text, "env")


def test_a_bug_in_a_plug_in_keeps_its_traceback() -> None:
    def bug() -> None:
        raise KeyError("turns")

    with pytest.raises(KeyError):
        config.construct(bug, "credit")


def test_a_key_outside_a_section_is_refused() -> None:
    with pytest.raises(ConfigError, match="trainer = 3 is no section"):
        config.check_sections({"trainer": 3}, ["trainer"])


def test_a_wrong_key_names_the_right_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        config.bind(Method, {"gama": 0.9}, "credit")
    assert str(caught.value) == (
        "[credit] has no key 'gama'; did you mean 'gamma'? "
        "(known are depth, gamma, layers, path, trace, variant)"
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"gamma": "high"}, "credit.gamma = 'high' is of the wrong type; it takes float"),
        ({"depth": 1.5}, "credit.depth = 1.5 is of the wrong type; it takes int"),
        ({"depth": True}, "credit.depth = True is of the wrong type; it takes int"),
        ({"gamma": False}, "credit.gamma = False is of the wrong type; it takes float"),
        ({"trace": 1}, "credit.trace = 1 is of the wrong type; it takes bool"),
        ({"path": 1}, "credit.path = 1 is of the wrong type; it takes str | None"),
        ({"layers": 3}, "credit.layers = 3 is of the wrong type; it takes Sequence[int]"),
        ({"layers": [1, "2"]}, "credit.layers = [1, '2'] is of the wrong type; it takes Sequence[int]"),
        (
            {"variant": "papre"},
            "credit.variant = 'papre' is of the wrong type; it takes Literal['paper', 'released']",
        ),
    ],
)
def test_a_value_of_the_wrong_type_names_the_right_one(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.bind(Method, table, "credit")
    assert str(caught.value).replace("collections.abc.", "").replace("typing.", "") == message


def test_values_of_the_right_type_are_bound_and_integers_serve_as_floats() -> None:
    bound = config.bind(Method, {"gamma": 1, "layers": [1, 2], "path": "x", "variant": "paper"}, "credit")
    assert bound == {"gamma": 1.0, "layers": [1, 2], "path": "x", "variant": "paper"}
    assert type(bound["gamma"]) is float


def test_a_required_parameter_must_be_there_unless_the_code_gives_it() -> None:
    with pytest.raises(ConfigError, match=r"\[trainer\] needs a value for 'model'"):
        config.bind(needs_a_model, {}, "trainer")
    assert config.bind(needs_a_model, {}, "trainer", given=["model"]) == {}


def test_the_user_may_not_set_what_the_code_gives() -> None:
    with pytest.raises(ConfigError, match=r"\[trainer\] has no key 'model'"):
        config.bind(needs_a_model, {"model": "x"}, "trainer", given=["model"])


def test_a_factory_that_takes_any_keyword_gets_any_key() -> None:
    def anything(**kwargs: Any) -> dict[str, Any]:
        return kwargs

    assert config.bind(anything, {"a": 1}, "env") == {"a": 1}


def test_a_section_builds_the_plug_in_that_it_names() -> None:
    built = config.build(method_registry(), {"name": "method", "gamma": 0.5}, "credit", depth=7)
    assert built == Method(gamma=0.5, depth=7)


def test_a_section_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\[credit\] does not say which plug-in it means"):
        config.build(method_registry(), {"gamma": 0.5}, "credit")


def test_a_run_file_is_found_by_path_and_a_wrong_recipe_name_is_refused() -> None:
    assert config.find_run("runs/mine.toml") == Path("runs/mine.toml")
    with pytest.raises(ConfigError, match="no recipe is called 'no such thing'"):
        config.find_run("no such thing")


def test_a_run_file_that_is_missing_or_malformed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the run file .*absent\.toml: No such file"):
        config.load_run(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match=r"cannot read the run file .*: Is a directory"):
        config.load_run(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("[loop]\nsteps = = 3\n")
    with pytest.raises(ConfigError, match=r"broken\.toml is no valid TOML: .*line 2"):
        config.load_run(broken)
    broken.write_bytes(b"\xff\xfe[loop]")
    with pytest.raises(ConfigError, match=r"broken\.toml is no valid TOML"):
        config.load_run(broken)


def test_a_run_file_is_read_with_its_overrides(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[credit]\nname = "grpo"\n')
    assert config.load_run(path, ["credit.name=hgpo"]) == {"credit": {"name": "hgpo"}}


def test_a_whole_section_can_be_replaced():
    run = config.override({"credit": {"name": "hgpo", "depth": 2}}, ['credit={name="grpo"}'])
    assert run == {"credit": {"name": "grpo"}}
    with pytest.raises(ConfigError, match="'credit=grpo' is no override"):
        config.override({}, ["credit=grpo"])
