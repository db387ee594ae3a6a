"""Made games on disk: whole or not there, whoever makes them."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from turngym.envs.textworld.cache import CONTENT, PARTIAL, STALE, cache_folder, stored


def write(folder: Path) -> None:
    (folder / "a").write_text("one")
    (folder / "b").write_bytes(b"\x00\x01")


def write_slowly(folder: Path) -> None:
    write(folder)
    time.sleep(0.05)
    (folder / "c").write_text(str(os.getpid()))


def ask(root: Path) -> list[str]:
    folder = stored(root, "game", write_slowly)
    return sorted(file.read_text() for file in folder.iterdir() if file.name in "ac")


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        write(folder)

    first, again = (stored(tmp_path / "deep", "game", make) for _ in range(2))
    assert first == again == tmp_path / "deep" / "game"
    assert len(made) == 1
    assert sorted(file.name for file in first.iterdir()) == sorted(["a", "b", CONTENT])


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "more", "unnamed"])
def test_a_damaged_folder_is_made_anew(tmp_path: Path, damage: str) -> None:
    folder = stored(tmp_path, "game", write)
    if damage == "gone":
        (folder / "a").unlink()
    elif damage == "more":
        (folder / "d").write_text("")
    elif damage == "unnamed":
        (folder / CONTENT).unlink()
    else:
        (folder / "a").write_text("on" if damage == "cut" else "two")
    assert stored(tmp_path, "game", write) == folder
    assert (folder / "a").read_text() == "one"
    assert not (folder / "d").exists()


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        stored(tmp_path, "game", fail)
    assert list(tmp_path.iterdir()) == []


def test_what_dead_processes_left_is_swept_and_what_others_write_is_not(tmp_path: Path) -> None:
    old, fresh = (tmp_path / f"{PARTIAL}{name}" for name in ("old", "fresh"))
    for folder in (old, fresh):
        folder.mkdir()
        write(folder)
    os.utime(old, (time.time() - STALE - 60,) * 2)
    stored(tmp_path, "game", write)
    assert not old.exists()
    assert fresh.exists()


def test_processes_that_make_one_game_at_once_all_see_the_same_whole_one(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
        seen = list(processes.map(ask, [tmp_path] * 6))
    assert all(one == seen[0] for one in seen)
    assert [file.name for file in tmp_path.iterdir()] == ["game"]


def test_the_folder_is_the_users_or_the_chosen_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TURNGYM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TURNGYM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "turngym"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "turngym"
