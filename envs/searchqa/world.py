"""The facts of a land that does not exist: towns, rivers, people and their works, consistent with each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from turngym.envs.draw import Draw
from turngym.envs.searchqa.names import some_names, words

COUNTS = {
    "region": 8,
    "river": 24,
    "town": 80,
    "person": 170,
    "book": 60,
    "ship": 36,
    "company": 44,
    "bridge": 36,
    "museum": 24,
}

SEAS = ("Sea of Glass", "Amber Sea", "Gulf of Morrin", "Northern Deep")
EMBLEMS = words("otter stag heron anchor thistle sickle lantern wheel oak salmon")
CRAFTS = words(
    "lace glass bells cheese saddles paper cider pottery clocks boots barrels honey candles carpets "
    "knives hats"
)
PRODUCTS = words(
    "rope soap bricks ink glue matches buttons wire lamps varnish sailcloth nails thread mustard combs pipes"
)
INSTRUMENTS = words("viola flute harp organ lute oboe trumpet zither fiddle bassoon")
CARGOES = words("timber wool salt tea slate grain coffee copper wine spices")
GENRES = ("novel", "play", "collection of tales", "travel book", "satire", "long poem")
PROFESSIONS = {"writer": 45, "captain": 32, "merchant": 38, "engineer": 30, "collector": 25}
"""How many persons follow each; as many as there are persons."""


@dataclass(eq=False)
class Entity:
    """A thing with a page: its name is the title."""

    kind: str
    name: str
    facts: dict[str, str | int | Entity] = field(default_factory=dict)
    """By relation."""

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


World = dict[str, list[Entity]]
"""Entities by kind."""


def make_world(draw: Draw) -> World:
    """A land drawn anew."""
    world: World = {
        kind: [Entity(kind, name) for name in some_names(kind, n, draw)] for kind, n in COUNTS.items()
    }
    _lay_out(world, draw)
    _populate(world, draw)
    _furnish(world, draw)
    return world


def entities(world: World) -> Iterable[Entity]:
    """All of them, kind by kind."""
    return (entity for kind in world.values() for entity in kind)


def _lay_out(world: World, draw: Draw) -> None:
    """Regions, rivers and towns."""
    mounts = some_names("mount", COUNTS["river"], draw)
    for river, mount in zip(world["river"], mounts, strict=True):
        river.facts.update(source=mount, mouth=draw.one(SEAS), length=draw.between((38, 940)))
    for town in world["town"]:
        town.facts.update(
            region=draw.one(world["region"]),
            river=draw.one(world["river"]),
            founded=draw.between((980, 1650)),
            craft=draw.one(CRAFTS),
            inhabitants=draw.between((18, 960)) * 100,
        )
    for one, other in _pairs(world["town"], draw):
        one.facts["twin"], other.facts["twin"] = other, one
    for region in world["region"]:
        here = [town for town in world["town"] if town.facts["region"] is region] or world["town"]
        region.facts.update(
            capital=draw.one(here), emblem=draw.one(EMBLEMS), area=draw.between((12, 240)) * 100
        )


def _populate(world: World, draw: Draw) -> None:
    """People, each with an older teacher of the same profession where there is one."""
    professions = [name for name, count in PROFESSIONS.items() for _ in range(count)]
    for person, profession in zip(world["person"], professions, strict=True):
        born = draw.between((1650, 1840))
        person.facts.update(
            profession=profession,
            birthplace=draw.one(world["town"]),
            born=born,
            died=born + draw.between((41, 92)),
            instrument=draw.one(INSTRUMENTS),
        )
    for person in world["person"]:
        if older := [
            other for other in of_profession(world, str(person.facts["profession"])) if _taught(other, person)
        ]:
            person.facts["teacher"] = draw.one(older)


def of_profession(world: World, profession: str) -> list[Entity]:
    """The persons of a profession."""
    return [person for person in world["person"] if person.facts["profession"] == profession]


def _taught(teacher: Entity, pupil: Entity) -> bool:
    return 20 <= _year(pupil, "born") - _year(teacher, "born") <= 45


def _furnish(world: World, draw: Draw) -> None:
    """What people made: companies first, since they build ships."""
    for company in world["company"]:
        _made(company, "founder", "merchant", "founded", world, draw)
        company.facts.update(seat=draw.one(world["town"]), product=draw.one(PRODUCTS))
    for ship in world["ship"]:
        _made(ship, "captain", "captain", "launched", world, draw)
        ship.facts.update(builder=draw.one(world["company"]), cargo=draw.one(CARGOES))
    for book in world["book"]:
        _made(book, "author", "writer", "published", world, draw)
        book.facts.update(setting=draw.one(world["town"]), genre=draw.one(GENRES))
    for bridge in world["bridge"]:
        _made(bridge, "designer", "engineer", "opened", world, draw)
        bridge.facts.update(place=(place := draw.one(world["town"])), crosses=place.facts["river"])
    for museum, ship in zip(world["museum"], draw.some(world["ship"], COUNTS["museum"]), strict=True):
        _made(museum, "patron", "collector", "opened", world, draw)
        museum.facts.update(place=draw.one(world["town"]), bell=ship)


def _made(work: Entity, role: str, profession: str, event: str, world: World, draw: Draw) -> None:
    """By a person of the profession, in a year in which that person was 25 to 40 years old."""
    maker = draw.one(of_profession(world, profession))
    work.facts[role] = maker
    work.facts[event] = _year(maker, "born") + draw.between((25, 40))


def _year(person: Entity, event: str) -> int:
    year = person.facts[event]
    assert isinstance(year, int)
    return year


def _pairs(items: list[Entity], draw: Draw) -> Iterable[tuple[Entity, Entity]]:
    mixed = draw.some(items, len(items))
    return zip(mixed[::2], mixed[1::2], strict=True)
