"""A catalogue from a seed: products, attributes and goals in the original files' formats, in our own words.

Products come in families of four that are told apart by one thing only: a trait, the choices on offer or the
price. Whoever buys the first hit without looking gets part of the score.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from turngym.envs.draw import Draw
from turngym.envs.webshop import wording
from turngym.envs.webshop.vocabulary import KINDS
from turngym.envs.webshop.vocabulary.kind import attribute
from turngym.envs.webshop.wording import Plan

SHIPPED = 500
"""Products of seed 0 that are the default catalogue."""

FILES = ("items_shuffle.json", "items_ins_v2.json", "items_human_ins.json", "nouns.json")
"""Products, attributes, human goals (the original's formats) and each title's nouns by asin."""

_FAMILY = 4
_ASINS = 36**8
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENDINGS = (99, 95, 49, 50, 0)
_NO_PRICE = 10_000
"""What the shop charges, in cents, for a product without a price."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One product and all that the original's files say about it."""

    product: dict[str, Any]
    """A record of `items_shuffle.json`."""
    attributes: dict[str, Any]
    """Its value in `items_ins_v2.json`; with an instruction where the product is a synthetic goal."""
    human: list[dict[str, Any]]
    """Its value in `items_human_ins.json`; empty where nobody asks for it."""
    nouns: list[str]
    """Nouns of the title in lower case, in order and with repeats, known from its grammar."""

    @property
    def asin(self) -> str:
        return str(self.product["asin"])


def entry(index: int, seed: int = 0) -> Entry:
    """The product of this index: it depends on seed and index alone, not on how many are made.

    Raises:
        ValueError: an index or a seed below 0, or an index of 36^8 and more.
    """
    return next(entries(1, seed, index))


def entries(count: int, seed: int = 0, start: int = 0) -> Iterator[Entry]:
    """The products from index `start` on, one at a time.

    Raises:
        ValueError: see `entry`.
    """
    if min(count, seed, start) < 0 or start + count > _ASINS:
        raise ValueError(
            f"count, seed and start are whole numbers of 0 or more and start + count is at most 36^8, "
            f"not {count}, {seed} and {start}"
        )
    return _entries(start, start + count, seed)


@lru_cache(maxsize=1)
def shipped() -> tuple[Entry, ...]:
    """The default catalogue."""
    return tuple(entries(SHIPPED))


def write(folder: Path | str, count: int, seed: int = 0) -> None:
    """Writes the catalogue in the original's formats (see `FILES`), a product at a time.

    Raises:
        ValueError: see `entry`.
        OSError: the folder cannot be written.
    """
    made, folder = entries(count, seed), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        opened = [stack.enter_context((folder / name).open("w", encoding="utf-8")) for name in FILES]
        _write(made, *(_Json(file, "[]" if file is opened[0] else "{}") for file in opened))


class _Json:
    """A JSON array or object that is written an element at a time."""

    def __init__(self, file: TextIO, brackets: str) -> None:
        self._file, self._close, self._before = file, brackets[1], brackets[0]

    def add(self, value: Any, key: str | None = None) -> None:
        name = "" if key is None else f"{json.dumps(key)}: "
        self._file.write(f"{self._before}\n{name}{json.dumps(value, ensure_ascii=False)}")
        self._before = ","

    def end(self) -> None:
        opening = self._before if self._before != "," else ""
        self._file.write(f"{opening}\n{self._close}\n")


def _write(made: Iterator[Entry], products: _Json, attributes: _Json, human: _Json, nouns: _Json) -> None:
    for one in made:
        products.add(one.product)
        attributes.add(one.attributes, one.asin)
        nouns.add(one.nouns, one.asin)
        if one.human:
            human.add(one.human, one.asin)
    for file in (products, attributes, human, nouns):
        file.end()


def _entries(start: int, stop: int, seed: int) -> Iterator[Entry]:
    for number in range(start // _FAMILY, -(-stop // _FAMILY)):
        first = number * _FAMILY
        family = _family(number, seed)
        yield from family[max(start - first, 0) : stop - first]


def _family(number: int, seed: int) -> list[Entry]:
    draw = Draw(seed, number)
    target = _plan(draw)
    telling = draw.below(len(target.traits))
    rivals = _other_trait(target, telling, draw), _other_choice(target, telling, draw), _dearer(target, draw)
    return [
        _entry(plan, telling, _asin(number * _FAMILY + place, seed), draw, is_target=plan is target)
        for place, plan in enumerate(draw.some((target, *rivals), _FAMILY))
    ]


def _plan(draw: Draw) -> Plan:
    kind = draw.one(KINDS)
    groups = sorted(draw.some(range(len(kind.traits)), 3 + draw.below(2)))
    return Plan(
        kind=kind,
        form=draw.one(kind.forms),
        use=draw.one(kind.uses),
        traits=tuple(draw.one(kind.traits[group]) for group in groups),
        options={name: _some_values(values, draw) for name, values in kind.options.items() if draw.below(4)},
        price=_price(draw.between(kind.price), draw),
        span=draw.between((4, 15)) * 100 if draw.below(10) == 0 else 0,
        listed=draw.below(11) > 0,
    )


def _some_values(values: tuple[str, ...], draw: Draw) -> tuple[str, ...]:
    """Two to five of the values, fewer where there are few, in their own order."""
    picked = draw.some(range(len(values)), 2 + draw.below(min(4, max(1, len(values) // 2))))
    return tuple(values[i] for i in sorted(picked))


def _price(dollars: int, draw: Draw) -> int:
    return dollars * 100 + draw.one(_ENDINGS)


def _other_trait(plan: Plan, place: int, draw: Draw) -> Plan:
    """The plan with a rival in this place of its traits."""
    group = next(group for group in plan.kind.traits if plan.traits[place] in group)
    rival = draw.one([trait for trait in group if trait != plan.traits[place]])
    return replace(plan, traits=(*plan.traits[:place], rival, *plan.traits[place + 1 :]))


def _other_choice(plan: Plan, telling: int, draw: Draw) -> Plan:
    """The plan with other values of one option, none of which it has; where it has no option, another trait."""
    if not plan.options:
        return _other_trait(plan, telling, draw)
    name = draw.one(list(plan.options))
    rest = [value for value in plan.kind.options[name] if value not in plan.options[name]]
    return replace(plan, options=plan.options | {name: _some_values(tuple(rest), draw)})


def _dearer(plan: Plan, draw: Draw) -> Plan:
    """The plan at a price over the limit of every goal of the first: a limit is at most 40 dollars up."""
    most = plan.price + plan.span if plan.listed else _NO_PRICE
    return replace(plan, price=_price(most // 100 + draw.between((42, 75)), draw), span=0, listed=True)


def _asin(index: int, seed: int) -> str:
    """Ten characters; different for every index, and in no visible order (search breaks ties by asin)."""
    number = ((index + 1) * 1_234_567_891_007 + seed * 982_451_653) % _ASINS
    digits = []
    for _ in range(8):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "G0" + "".join(reversed(digits))


def _entry(plan: Plan, telling: int, asin: str, draw: Draw, *, is_target: bool) -> Entry:
    maker = wording.brand(draw)
    title, nouns = wording.title(plan, maker, draw)
    return Entry(
        product={
            "asin": asin,
            "name": title,
            "category": plan.kind.category,
            "query": plan.kind.query,
            "product_category": plan.kind.path,
            "page": 1,
            "pricing": _pricing(plan),
            "average_rating": "",
            "images": [],
            "full_description": wording.description(plan, maker, draw),
            "small_description": wording.features(plan, maker, draw),
            "customization_options": _customization(plan),
        },
        attributes=_attributes(plan, telling, draw, is_goal=is_target or draw.below(4) == 0),
        human=[_human_goal(plan, telling, asin, draw)] if is_target and draw.below(5) else [],
        nouns=nouns,
    )


def _pricing(plan: Plan) -> str:
    if not plan.listed:
        return ""
    prices = [plan.price, plan.price + plan.span] if plan.span else [plan.price]
    return " - ".join(f"${cents // 100}.{cents % 100:02d}" for cents in prices)


def _customization(plan: Plan) -> dict[str, list[dict[str, Any]]] | str:
    return {
        name: [{"value": value, "image": None, "price": 0} for value in values]
        for name, values in plan.options.items()
    } or ""


def _attributes(plan: Plan, telling: int, draw: Draw, *, is_goal: bool) -> dict[str, Any]:
    named: dict[str, Any] = {"attributes": [attribute(trait) for trait in plan.traits]}
    if is_goal:
        asked = _asked(plan, telling, draw)
        named["instruction"] = wording.instruction(plan, asked)
        named["instruction_attributes"] = [attribute(trait) for trait in asked]
    return named


def _asked(plan: Plan, telling: int, draw: Draw) -> list[str]:
    """The trait that tells the family apart and up to two others, in their own order."""
    others = [place for place in range(len(plan.traits)) if place != telling]
    return [plan.traits[place] for place in sorted([telling, *draw.some(others, draw.below(3))])]


def _human_goal(plan: Plan, telling: int, asin: str, draw: Draw) -> dict[str, Any]:
    asked = _asked(plan, telling, draw)
    chosen = {name: draw.one(values) for name, values in plan.options.items()}
    wanted = {name: value for name, value in chosen.items() if draw.below(3)}
    return {
        "asin": asin,
        "instruction": wording.request(plan, asked, wanted, draw),
        "attributes": [attribute(trait) for trait in plan.traits],
        "options": [f"{name}: {value}".lower() for name, value in chosen.items()],
        "instruction_attributes": [attribute(trait) for trait in asked],
        "instruction_options": [value.lower() for value in wanted.values()],
        "assignment_id": "",
        "worker_id": "",
    }
