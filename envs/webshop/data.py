"""Makes a catalogue that opens at once: checks WebShop's files, or generates products, and indexes them.

The folder it writes has every product as a line of JSON, the place of each line, and the search index; the
engine maps them into memory and reads a product when it is shown.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from turngym.core.errors import UserError
from turngym.envs.webshop import generator
from turngym.envs.webshop.goals import Offer
from turngym.envs.webshop.index import Builder
from turngym.envs.webshop.originals import Left, Line, checked, found, line, with_nouns
from turngym.envs.webshop.products import Product
from turngym.envs.webshop.shelf import LINES, OFFSETS
from turngym.envs.webshop.store import write_goals

_BATCH = 1000

Progress = Callable[[int], None]
"""Told, now and then, how many products are done."""


@dataclass(kw_only=True, slots=True)
class Summary:
    """What was read and written."""

    folder: Path
    products: int = 0
    synthetic: int = 0
    """Products with an instruction: each has synthetic goals, one for every choice of options."""
    human: int = 0
    """Goals written by people."""
    seconds: float = 0.0
    bytes: int = 0
    left: Left = field(default_factory=Left)

    def __str__(self) -> str:
        lines = [
            f"{self.products:,} products, {self.synthetic:,} of them with synthetic goals, {self.human:,} human goals",
            f"{self.folder}: {self.bytes / 1e6:,.1f} MB in {self.seconds:,.1f} s",
        ]
        return "\n".join([*lines, *self.left.sentences()])


def prepare(
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    nouns: bool = True,
    progress: Progress = lambda done: None,
) -> Summary:
    """Checks WebShop's original files, or files of that format, and indexes them into the new folder `out`.

    `paths` is the folder that has them, or the files themselves. Each title's nouns come from a `nouns.json`
    (asin -> nouns) among the files, else from spaCy. `nouns=False` does without: then buying something of
    another kind is judged by query and category alone.

    Raises:
        UserError: a file is missing or damaged, does not fit the others, or `out` exists.
        PrerequisiteError: nouns are wanted, and there is neither a file of them nor spaCy.
    """
    files = found([Path(path) for path in paths])
    summary = Summary(folder=Path(out))
    lines = checked(files, summary.left)
    if nouns and "nouns" not in files:
        lines = with_nouns(lines)
    return _index(lines, summary, progress)


def generate(count: int, seed: int, out: Path | str, *, progress: Progress = lambda done: None) -> Summary:
    """Generates products of this seed and indexes them into the new folder `out`, in bounded memory.

    Raises:
        UserError: `out` exists, or there are no products to make.
        ValueError: see `generator.entries`.
    """
    if count < 1:
        raise UserError(f"a catalogue has at least one product, not {count}")
    made = generator.entries(count, seed)
    return _index((line(_raw(entry)) for entry in made), Summary(folder=Path(out)), progress)


def _raw(entry: generator.Entry) -> dict[str, Any]:
    return {
        "product": entry.product,
        "attributes": entry.attributes,
        "human": entry.human,
        "nouns": entry.nouns,
    }


def _index(lines: Iterable[Line], summary: Summary, progress: Progress) -> Summary:
    """Writes the folder beside its place and moves it there when it is whole."""
    started, folder = time.monotonic(), summary.folder
    if folder.exists():
        raise UserError(f"{folder} exists: remove it, or choose another folder")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _write(lines, part, summary, progress)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    summary.bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    summary.seconds = time.monotonic() - started
    return summary


def _write(lines: Iterable[Line], folder: Path, summary: Summary, progress: Progress) -> None:
    builder, offers, offsets = Builder(), list[Offer](), [0]
    with (folder / LINES).open("wb") as file:
        for one in lines:
            offsets.append(offsets[-1] + _put(one.raw, file))
            builder.add(one.product.asin, one.product.document)
            offers.append(Offer.of(one.product))
            _count(one.product, summary)
            if summary.products % _BATCH == 0:
                progress(summary.products)
    np.save(folder / OFFSETS, np.array(offsets, dtype=np.int64))
    builder.finish().save(folder / "index")
    write_goals(folder, offers)


def _put(raw: Mapping[str, Any], file: BinaryIO) -> int:
    return file.write(json.dumps(raw, separators=(",", ":")).encode() + b"\n")


def _count(product: Product, summary: Summary) -> None:
    summary.products += 1
    summary.synthetic += product.instruction is not None
    summary.human += len(product.human)
