from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from turngym.core import registry as registries
from turngym.core.errors import UserError
from turngym.core.registry import MissingExtra, Registry, UnknownName, docstring_of, load


class Tea:
    """Hot."""

    def __init__(self, sugar: int = 0) -> None:
        self.sugar = sugar


@pytest.fixture
def registry() -> Registry:
    registry = Registry("drinks")
    registry.register("tea", Tea)
    registry.register("counter", "collections:Counter")
    return registry


def install(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    """Pretend that packages offer these entry points."""
    found = [EntryPoint(name, value, "turngym.drinks") for name, value in points]
    monkeypatch.setattr(registries, "entry_points", lambda group: found if group == "turngym.drinks" else [])


def test_a_plug_in_is_made_with_its_arguments(registry: Registry) -> None:
    assert registry.make("tea", sugar=2).sugar == 2


def test_a_name_among_the_arguments_reaches_the_plug_in(registry: Registry) -> None:
    registry.register("dict", dict)
    assert registry.make("dict", name="x") == {"name": "x"}


def test_a_target_given_as_text_is_imported_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lazy_drink.py").write_text("class Milk: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry("drinks")
    registry.register("milk", "lazy_drink:Milk")
    assert registry.names() == ["milk"]
    assert "lazy_drink" not in sys.modules
    assert type(registry.make("milk")).__name__ == "Milk"
    assert "lazy_drink" in sys.modules


def test_an_unknown_name_suggests_the_nearest(registry: Registry) -> None:
    with pytest.raises(UnknownName, match=r"is called 'tee'; did you mean 'tea'\?") as caught:
        registry.get("tee")
    assert isinstance(caught.value, UserError)
    assert isinstance(caught.value, LookupError)


def test_an_empty_registry_says_so() -> None:
    with pytest.raises(UnknownName, match="none is known"):
        Registry("drinks").get("tea")


def test_a_name_cannot_be_taken_by_another_target(registry: Registry) -> None:
    registry.register("tea", Tea)
    with pytest.raises(ValueError, match="drinks 'tea' is already registered"):
        registry.register("tea", dict)
    assert registry.get("tea") is Tea


def test_a_missing_package_says_the_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy_drink.py").write_text("import no_such_package.leaf\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry("drinks")
    registry.register("ours", "needy_drink:Milk", extra="dairy")
    registry.register("theirs", "needy_drink:Milk")
    with pytest.raises(
        MissingExtra, match=r"^ours needs the package 'no_such_package': pip install 'turngym\[dairy\]'$"
    ):
        registry.get("ours")
    with pytest.raises(
        MissingExtra, match=r"^theirs needs the package 'no_such_package': pip install no_such_package$"
    ):
        registry.get("theirs")


def test_a_mistake_inside_turngym_is_not_taken_for_a_missing_extra() -> None:
    registry = Registry("drinks")
    registry.register("milk", "turngym.no_such_module:Milk", extra="dairy")
    with pytest.raises(ModuleNotFoundError) as caught:
        registry.get("milk")
    assert not isinstance(caught.value, MissingExtra)


def test_an_installed_plug_in_is_found_without_registration(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, ("acme/order", "collections:OrderedDict"))
    assert registry.names() == ["acme/order", "counter", "tea"]
    assert registry.make("acme/order") == {}


def test_two_packages_with_one_name_are_refused(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ("acme/x", "json:loads"), ("acme/x", "pickle:loads"))
    with pytest.raises(ValueError, match="'acme/x' is offered by json:loads and pickle:loads; uninstall one"):
        registry.get("acme/x")


def test_an_own_name_wins_over_an_installed_one(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ("tea", "collections:OrderedDict"))
    assert registry.get("tea") is Tea
    assert registry.names() == ["counter", "tea"]


def test_what_a_plug_in_is_about_is_its_first_line(registry: Registry) -> None:
    assert registry.about("tea") == "Hot."


def test_what_a_plug_in_is_about_is_read_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shy_drink.py").write_text('raise RuntimeError\nclass Milk:\n    """White.\n\n    More."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert docstring_of("shy_drink:Milk") == "White.\n\nMore."
    assert docstring_of("shy_drink:Wine") is None
    assert docstring_of("no_such_module:Milk") is None


def test_a_target_without_an_attribute_is_refused() -> None:
    with pytest.raises(ValueError, match="'json' does not name an object; write it as 'module:attribute'"):
        load("json")


def test_the_registry_loads_nothing_heavy() -> None:
    program = "import sys, turngym, turngym.core.registry; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "turngym.core.registry" in loaded
    assert not {"numpy", "gymnasium", "torch"} & set(loaded)
