"""Packages that `turngym new` writes: their names, and whether they install, list, check and pass."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.workshop import Workshop

from turngym.core.cli import main
from turngym.core.errors import ConfigError
from turngym.core.new import KINDS, new, wording


@pytest.mark.parametrize(
    ("kind", "name", "published", "class_name"),
    [
        ("agent", "acme/shy", "acme/shy", "ShyAgent"),
        ("agent", "Acme Labs/Very Shy", "acme-labs/very-shy", "VeryShyAgent"),
        ("agent", "acme/shy_agent", "acme/shy-agent", "ShyAgent"),
        ("credit", "acme/none", "acme/none", "NoneCredit"),
        ("env", "acme/shy", "acme/Shy-v0", "ShyEnv"),
        ("env", "acme/shy-room-v3", "acme/ShyRoom-v3", "ShyRoomEnv"),
    ],
)
def test_a_name_becomes_those_of_the_package(kind: str, name: str, published: str, class_name: str) -> None:
    words = wording(kind, name)
    assert (words["name"], words["class_name"]) == (published, class_name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("shy", "the name 'shy' has no owner; write it as owner/name, as acme/shy"),
        ("acme/very/shy", "has no owner"),
        ("../../etc", "has no owner"),
        ("../shy", "cannot be a package's"),
        ("acme/..", "cannot be a package's"),
        ("acme/", "cannot be a package's"),
        ("/shy", "cannot be a package's"),
        ("acme/1st", "begin both parts with a letter"),
        ("acme/caf\u00e9", "holds 'é'; use letters from a to z"),
        ("acme/$shy", r"holds '\$'"),
        ("acme/shy\n", r"holds '\\n'"),
        ('acme/"]', "holds '\"'"),
        (f"acme/{'shy' * 20}", "keep each below 41 letters"),
    ],
)
def test_a_name_that_cannot_be_is_told_in_one_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence):
        new("agent", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no kind 'agents'; did you mean 'agent'\?"):
        new("agents", "acme/shy", tmp_path)


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=12), st.text(max_size=12))
def test_any_name_is_refused_or_made_safe(kind: str, owner: str, own: str) -> None:
    try:
        words = wording(kind, f"{owner}/{own}")
    except ConfigError:
        return
    assert words["module"].isidentifier()
    assert words["class_name"].isidentifier()
    assert set(words["distribution"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    precious = tmp_path / "acme-shy" / "pyproject.toml"
    precious.parent.mkdir()
    precious.write_text("precious")
    with pytest.raises(ConfigError, match="acme-shy is there already; choose another name or another folder"):
        new("agent", "acme/shy", tmp_path)
    assert [path.read_text() for path in precious.parent.iterdir()] == ["precious"]


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write to .*: Not a directory; choose another folder"):
        new("agent", "acme/shy", tmp_path / "file")


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_small_sound_and_leaves_the_licence_open(kind: str, tmp_path: Path) -> None:
    files = {path.name: path for path in new(kind, "acme/shy", tmp_path)}
    assert set(files) == {"pyproject.toml", "README.md", "acme_shy.py", "test_acme_shy.py"}
    module = files["acme_shy.py"].read_text()
    assert ast.get_docstring(ast.parse(module))
    assert len(module.splitlines()) < 50
    project = tomllib.loads(files["pyproject.toml"].read_text())["project"]
    assert "license" not in project
    assert list(project["entry-points"]) == [f"turngym.{KINDS[kind].group}"]
    assert "$" not in module + files["test_acme_shy.py"].read_text()


def test_the_written_code_passes_the_linter(tmp_path: Path) -> None:
    for kind in KINDS:
        new(kind, f"acme/{kind}", tmp_path)
    for package in tmp_path.iterdir():
        for command in (["check", "--select", "E,F,I,B,UP"], ["format", "--check"]):
            ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "110", "."]
            done = subprocess.run(ruff, cwd=package, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


def test_the_command_names_the_files_and_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["new", "agent", "acme/shy", "--into", str(tmp_path)])
    assert ended.value.code == 0
    *files, following = capsys.readouterr().out.splitlines()
    assert all(Path(file).is_file() for file in files)
    assert following == f"Next: pip install -e {tmp_path / 'acme-shy'}"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    pytest.importorskip("hatchling")
    return Workshop.build(tmp_path_factory.mktemp("workshop"))


SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    "kind",
    ["agent", *(pytest.param(kind, marks=SLOW) for kind in ("env", "credit", "trainer", "engine"))],
)
def test_a_new_package_installs_is_listed_checked_and_passes_its_tests(kind: str, workshop: Workshop) -> None:
    if KINDS[kind].extra:
        pytest.importorskip("torch")
    name = wording(kind, f"acme/new-{kind}")["name"]
    workshop.type(f"turngym new {kind} acme/new-{kind}")
    workshop.type(f"pip install ./acme-new-{kind}")
    assert name in workshop.type(f"turngym list {KINDS[kind].group}")
    *rules, summary = workshop.type(f"turngym check {name}").splitlines()
    assert all(rule.startswith("ok ") for rule in rules)
    assert summary == f"{name}: {len(rules)} rules kept, 0 broken"
    assert " passed" in workshop.type("pytest", cwd=workshop.folder / f"acme-new-{kind}")


def test_an_editable_package_shows_its_words_in_the_list(workshop: Workshop) -> None:
    workshop.type("turngym new agent acme/edited")
    workshop.type("pip install -e acme-edited")
    (row,) = [line for line in workshop.type("turngym list agents").splitlines() if "acme/edited" in line]
    assert "Shows the admissible actions" in row
