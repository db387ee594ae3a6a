"""What is built is what lies on disk: the wheel, the source archive, the links of the editable install."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "turngym/envs/webshop/templates/",
    "turngym/benchmarks/board/templates/",
    "turngym/benchmarks/viewer/static/",
)
FOLDERS = ["envs", "agents", "credit", "trainers", "benchmarks"]


def build(root: Path, target: str, out: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (archive,) = out.glob("turngym-*")
    return archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> set[str]:
    names = zipfile.ZipFile(wheel).namelist()
    return {name for name in names if not name.split("/")[0].endswith(".dist-info")}


def on_disk() -> set[str]:
    places = {ROOT / "src/turngym/core": "turngym/core"} | {
        ROOT / name: f"turngym/{name}" for name in FOLDERS
    }
    found = {
        f"{prefix}/{path.relative_to(place).as_posix()}"
        for place, prefix in places.items()
        for path in place.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return found | {"turngym/__init__.py", "turngym/py.typed"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_link_resolves_to_its_folder(folder: str) -> None:
    link = ROOT / "src/turngym" / folder
    assert link.is_symlink()
    assert link.resolve() == ROOT / folder


def test_the_wheel_holds_exactly_what_lies_on_disk(wheel: Path) -> None:
    assert contents(wheel) == on_disk()


def test_the_wheel_holds_code_run_files_pages_and_no_data(wheel: Path) -> None:
    others = {name for name in contents(wheel) if Path(name).suffix not in {".py", ".toml", ".typed"}}
    pages = {name for name in others if name.startswith(PAGES)}
    texts = {name for name in others if name.startswith("turngym/core/templates/")}
    kept = {"turngym/benchmarks/measured.json", "turngym/envs/virtualhome/splits.json"}
    assert others - pages - texts == kept
    assert {Path(name).suffix for name in pages} == {".html", ".css", ".js"}
    assert {Path(name).suffix for name in texts} == {".txt"}
    assert wheel.stat().st_size < 1_000_000


def test_the_wheel_holds_every_recipe_and_suite(wheel: Path) -> None:
    shipped = contents(wheel)
    assert {
        "turngym/trainers/recipes/quickstart.toml",
        "turngym/benchmarks/suites/household-small.toml",
    } <= shipped


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("turngym-*")
    assert {path.name for path in unpacked.iterdir()} >= {"README.md", "LICENSE", "pyproject.toml", "tests"}
    assert contents(build(unpacked, "wheel", tmp_path / "again")) == contents(wheel)
