"""Scenarios from a seed, each of which its expert can bring to a good end from either side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from numbers import Integral

from turngym.envs import tasks
from turngym.envs.bargain import stories
from turngym.envs.bargain.expert import best_plan
from turngym.envs.bargain.partner import Mind
from turngym.envs.bargain.scenario import Argument, Issue, Persona, Scenario, Side
from turngym.envs.draw import Draw
from turngym.envs.tasks import check_split

SPLITS = ("train", "test")

HASTE = (0.6, 1.0, 1.7)

TURNS, GOOD = 10, 8.0
"""From either side the expert comes to a goal score of `GOOD` or more within `TURNS` turns."""

_TRIES = 1000

Values = tuple[tuple[int, ...], ...]


class ScenarioError(ValueError):
    """A seed or a kind from which no scenario can be made."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A scenario and the side that is played."""

    seed: int
    split: str
    scenario: Scenario
    side: int

    @property
    def id(self) -> str:
        return f"{self.split}-{self.seed}"

    @property
    def content(self) -> str:
        """What decides the task."""
        return f"{self.side} {self.scenario.content}"


@lru_cache(maxsize=1024, typed=True)
def make_task(seed: int, *, kinds: tuple[str, ...], split: str = "train", side: int | None = None) -> Task:
    """The task of this seed: equal arguments give equal scenarios, in every process and on every machine.

    A quarter of all scenarios, told by a digest of everything in them, belong to the split "test" and never come up in
    "train". `side` is 0 or 1; drawn if `None`.

    Raises `ScenarioError` for a seed below 0 and an unknown kind, `UnknownSplit` likewise.
    """
    check_kinds(kinds)
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise ScenarioError(f"a scenario's number is a whole number of 0 or more, not {str(seed)[:200]!r}")
    draw = Draw(seed, SPLITS.index(check_split(split, SPLITS)), 0xBA26)
    drawn = draw.below(2)
    for _ in range(_TRIES):
        scenario = _KINDS[draw.one(kinds)](draw)
        if split_of(scenario) == split and _winnable(scenario):
            return Task(seed=seed, split=split, scenario=scenario, side=drawn if side is None else side)
    raise ScenarioError(f"{_TRIES} scenarios of {', '.join(kinds)} could not be won")


def check_kinds(kinds: Sequence[str]) -> None:
    """Raises `ScenarioError` where a kind is unknown or none is given."""
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown or not kinds:
        raise ScenarioError(f"unknown kind {', '.join(unknown) or '(none)'}: choose of {', '.join(_KINDS)}")


def split_of(scenario: Scenario) -> str:
    """The split to which the scenario belongs."""
    return tasks.split_of(scenario.content)


def _winnable(scenario: Scenario) -> bool:
    """Whether there are at least three deals by which both gain, and a plan for either side to a good one."""
    (one, other), (mine, yours) = scenario.sides, scenario.worth
    gains = sum(mine[deal] > one.reserve and yours[deal] > other.reserve for deal in scenario.deals)
    return gains >= 3 and all(_planned(scenario, side) >= GOOD for side in (0, 1))


def _planned(scenario: Scenario, side: int) -> float:
    return scenario.goal_score(side, best_plan(Mind(scenario, 1 - side, TURNS))[1])


def _sale(draw: Draw) -> Scenario:
    """One issue, the price: what one gains the other loses."""
    good, (seller, buyer) = draw.one(stories.GOODS), draw.some(stories.PEOPLE, 2)
    prices, low, high = _prices(draw, good.lowest, good.step, (6, 14))
    mine, yours = (_above(prices, low),), (_below(prices, high),)
    sides = (
        _side(draw, seller, stories.SELLER, mine, [_price_above(low)], good.seller, good.buyer),
        _side(draw, buyer, stories.BUYER, yours, [_price_below(high)], good.buyer, good.seller),
    )
    background = f"{seller} sells {good.name}. {buyer} has come to look at it and would like to buy it."
    return Scenario("sale", background, (Issue("price", tuple(map(str, prices))),), sides)


def _contract(draw: Draw) -> Scenario:
    """Price, day and an extra, which the two sides value differently: there is something to trade."""
    job, (doer, payer) = draw.one(stories.JOBS), draw.some(stories.PEOPLE, 2)
    prices, low, high = _prices(draw, job.lowest, job.step, (3, 6))
    later, dearer, sooner, more = (_rising(draw, count, job.step) for count in (4, 3, 4, 3))
    mine = (_above(prices, low), later, tuple(-cost for cost in dearer))
    yours = (_below(prices, high), sooner[::-1], more)
    names, options = ("day", job.extra), (stories.DAYS, stories.EXTRAS)
    my_notes = [_price_above(low), *_told(names, options, mine[1:])]
    your_notes = [_price_below(high), *_told(names, options, yours[1:])]
    return Scenario(
        "contract",
        f"{payer} wants to hire {doer} for {job.name}. They talk about the price, the day and {job.extra}.",
        (Issue("price", tuple(map(str, prices))), *map(Issue, names, options)),
        (
            _side(draw, doer, stories.DOER, mine, my_notes, job.doer, job.payer),
            _side(draw, payer, stories.PAYER, yours, your_notes, job.payer, job.doer),
        ),
    )


def _division(sharing: stories.Sharing, draw: Draw) -> Scenario:
    """Five things, each of which one of the two gets."""
    (story, things), people = draw.one(sharing.settings), draw.some(stories.PEOPLE, 2)
    items = draw.some(things, 5)
    return Scenario(
        sharing.kind,
        f"{' and '.join(people)} {story}. They share out what is left: {', '.join(items)}.",
        tuple(Issue(item, tuple(people)) for item in items),
        (_sharer(sharing, draw, people, 0, items), _sharer(sharing, draw, people, 1, items)),
    )


def _sharer(sharing: stories.Sharing, draw: Draw, people: list[str], mine: int, items: list[str]) -> Side:
    points = [sharing.sign * draw.between((1, 10)) for _ in items]
    values = tuple((point, 0) if mine == 0 else (0, point) for point in points)
    notes = [f"{item}: {_points(point)} if it goes to you" for item, point in zip(items, points, strict=True)]
    reserve = sum(points) * sharing.thirds // 3
    return _side(
        draw, people[mine], sharing.part, values, notes, sharing.arguments, sharing.arguments, reserve
    )


def _trip(draw: Draw) -> Scenario:
    """Where, when and how to travel together, by two different tastes."""
    people = draw.some(stories.PEOPLE, 2)
    background = f"{' and '.join(people)} plan a trip together."
    sides = (_traveller(draw, people[0]), _traveller(draw, people[1]))
    return Scenario("trip", background, tuple(Issue(name, options) for name, options in stories.TRIP), sides)


def _traveller(draw: Draw, name: str) -> Side:
    values = tuple(tuple(draw.below(21) for _ in options) for _, options in stories.TRIP)
    notes = _told([name for name, _ in stories.TRIP], [options for _, options in stories.TRIP], values)
    reserve = sum(map(max, values)) * draw.between((35, 50)) // 100
    return _side(draw, name, stories.TRAVELLER, values, notes, stories.WISHES, stories.WISHES, reserve)


def _side(
    draw: Draw,
    name: str,
    part: stories.Part,
    values: Values,
    notes: list[str],
    arguments: tuple[Argument, ...],
    others: tuple[Argument, ...],
    reserve: int = 0,
) -> Side:
    """A party, with a persona that one or two of the other's arguments move."""
    moved = tuple(sorted(one.keyword for one in draw.some(others, draw.between((1, 2)))))
    persona = Persona(draw.one(HASTE), draw.between((1, 3)), moved)
    return Side(name, part.role, part.goal, values, reserve, tuple(notes), arguments, persona)


def _prices(draw: Draw, least: int, step: int, room: tuple[int, int]) -> tuple[range, int, int]:
    """The prices to talk about, the least that the one side wants and the most that the other has."""
    low = least + step * draw.below(8)
    high = low + step * draw.between(room)
    return range(low - step * draw.between((2, 5)), high + step * draw.between((3, 6)), step), low, high


def _price_above(low: int) -> str:
    return f"price: you gain what it is above {low}"


def _price_below(high: int) -> str:
    return f"price: you gain what it is below {high}"


def _above(prices: range, reserve: int) -> tuple[int, ...]:
    return tuple(price - reserve for price in prices)


def _below(prices: range, reserve: int) -> tuple[int, ...]:
    return tuple(reserve - price for price in prices)


def _rising(draw: Draw, count: int, most: int) -> tuple[int, ...]:
    """From 0 up by random steps, each at most `most`."""
    total = [0]
    for _ in range(count - 1):
        total.append(total[-1] + draw.between((most // 5, most)))
    return tuple(total)


def _told(names: Sequence[str], options: Sequence[Sequence[str]], values: Values) -> list[str]:
    """The points of every option in words, a line an issue."""
    return [
        f"{name}: "
        + ", ".join(f"{option} {_points(value)}" for option, value in zip(row, worth, strict=True))
        for name, row, worth in zip(names, options, values, strict=True)
    ]


def _points(value: int) -> str:
    return f"{value:+d}" if value else "0"


_KINDS: dict[str, Callable[[Draw], Scenario]] = {
    "sale": _sale,
    "contract": _contract,
    "split": partial(_division, stories.GOODS_SHARED),
    "chores": partial(_division, stories.DUTIES_SHARED),
    "trip": _trip,
}

KINDS = tuple(_KINDS)
