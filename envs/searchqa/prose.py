"""Pages about the things of a generated land: every fact in one sentence, between sentences nobody asks about."""

from __future__ import annotations

from dataclasses import dataclass

from turngym.envs.draw import Draw
from turngym.envs.searchqa.world import Entity

Sentences = dict[str, tuple[str, ...]]
"""Ways to say a relation. `{x}` is the page's title, `{s}` a shorter name of it, `{v}` the value;
a beginning may use any fact by name, with its article where it is a profession or a genre."""

FIRST: Sentences = {
    "region": (
        "{x} is one of the eight regions of the land.",
        "The land is divided into eight regions, and {x} is one.",
    ),
    "river": ("The {x} is a river.", "The {x} is among the rivers that the old maps show."),
    "town": (
        "{x} is a town.",
        "{x} is a town with a walled centre.",
        "{x} is a small town with an old market hall.",
    ),
    "person": (
        "{x} was {profession}.",
        "{x} is remembered as {profession}.",
        "{x} was {profession} and lived from {born} on.",
    ),
    "book": ("{x} is {genre}.", "{x} is {genre} that is still in print."),
    "ship": (
        "{x} was a sailing ship.",
        "{x} was a three-masted ship.",
        "{x} was a merchant ship of the old fleet.",
    ),
    "company": ("{x} is a firm.", "{x} is a family firm.", "{x} is a firm that began in a single workshop."),
    "bridge": (
        "{x} is a stone bridge.",
        "{x} is a bridge of five arches.",
        "{x} is a bridge with a toll house.",
    ),
    "museum": (
        "{x} is a small museum.",
        "{x} is a museum in a former granary.",
        "{x} is a museum with three rooms.",
    ),
}
"""How a page begins; some beginnings tell a fact."""

FACTS: dict[str, Sentences] = {
    "region": {
        "capital": (
            "Its capital is {v}.",
            "The regional council sits in {v}, the capital.",
            "{v} has been its capital for centuries.",
        ),
        "emblem": (
            "The emblem of {x} shows a {v}.",
            "A {v} is the emblem on its flag.",
            "Its coat of arms bears a {v} as emblem.",
        ),
        "area": ("It covers {v} square kilometres.", "Its area is {v} square kilometres."),
    },
    "river": {
        "source": (
            "It rises on {v}.",
            "Its source lies on the slopes of {v}.",
            "The spring from which it rises is on {v}.",
        ),
        "mouth": ("It flows into the {v}.", "At its mouth it meets the {v}.", "Its waters reach the {v}."),
        "length": (
            "It is {v} km long.",
            "From source to mouth it measures {v} km.",
            "Its course has a length of {v} km.",
        ),
    },
    "town": {
        "region": (
            "It lies in the region of {v}.",
            "{x} belongs to {v}.",
            "The town is part of the region {v}.",
        ),
        "river": (
            "The {v} flows through it.",
            "It stands on both banks of the {v}.",
            "The {v} runs below its walls.",
        ),
        "founded": (
            "It was founded in {v}.",
            "The founding charter of {x} dates from {v}.",
            "Its first stone was laid in {v}, the year of its founding.",
        ),
        "craft": (
            "The town is known for its {v}.",
            "Its craftsmen are famous for their {v}.",
            "{v} from {x} are sold in every market of the land.",
        ),
        "inhabitants": ("It has about {v} inhabitants.", "At the last count {v} people lived there."),
        "twin": (
            "Its twin town is {v}.",
            "{x} and {v} are twin towns.",
            "It has long been twinned with {v}.",
        ),
    },
    "person": {
        "birthplace": (
            "{s} was born in {v}.",
            "The birthplace of {s} was {v}.",
            "{s} came from {v}, where the house of birth still stands.",
        ),
        "born": (
            "The year of birth was {v}.",
            "According to the parish book the birth was in {v}.",
            "{s} was born in the year {v}.",
        ),
        "died": ("{s} died in {v}.", "Death came in {v}.", "The gravestone gives {v} as the year of death."),
        "instrument": (
            "In the evenings {s} played the {v}.",
            "{s} was a gifted player of the {v}.",
            "Friends remembered how {s} played the {v}.",
        ),
        "teacher": (
            "{s} learned the trade from {v}.",
            "The teacher of {s} was {v}.",
            "{s} was a pupil of {v}.",
        ),
    },
    "book": {
        "author": ("It was written by {v}.", "Its author is {v}.", "{v} wrote it in two winters."),
        "setting": (
            "The story is set in {v}.",
            "It is set in the streets of {v}.",
            "All of its chapters are set in {v}.",
        ),
        "published": (
            "It was published in {v}.",
            "The first edition appeared in {v}.",
            "Its year of publication is {v}.",
        ),
    },
    "ship": {
        "builder": (
            "It was built by {v}.",
            "Its hull was built in the yard of {v}.",
            "{v} built it to order.",
        ),
        "captain": (
            "Its first captain was {v}.",
            "{v} was the first captain.",
            "On the maiden voyage the captain was {v}.",
        ),
        "launched": (
            "It was launched in {v}.",
            "The launch was in {v}.",
            "In {v} it was launched before a crowd.",
        ),
        "cargo": (
            "It carried {v}.",
            "For most of its years the cargo was {v}.",
            "Its holds were filled with {v}.",
        ),
    },
    "company": {
        "founder": ("It was founded by {v}.", "Its founder was {v}.", "{v} founded it with borrowed money."),
        "seat": ("It has its seat in {v}.", "Its seat is in {v}.", "The firm's seat has always been {v}."),
        "founded": (
            "The year of its founding was {v}.",
            "It was founded in {v}.",
            "Its books begin in {v}, when it was founded.",
        ),
        "product": ("It makes {v}.", "Its main product is {v}.", "Most of what it makes is {v}."),
    },
    "bridge": {
        "place": (
            "It stands in {v}.",
            "The bridge is in the town of {v}.",
            "It joins the two halves of {v}.",
        ),
        "crosses": ("It crosses the {v}.", "Under it flows the {v}.", "It spans the {v}."),
        "designer": ("It was designed by {v}.", "Its designer was {v}.", "The design is the work of {v}."),
        "opened": (
            "It was opened in {v}.",
            "Traffic was let across when it opened in {v}.",
            "The opening was in {v}.",
        ),
    },
    "museum": {
        "place": (
            "It is in {v}.",
            "It can be visited in {v}.",
            "The museum stands in the old quarter of {v}.",
        ),
        "patron": (
            "It was founded by {v}.",
            "The collection was given by its founder, {v}.",
            "Its founder was {v}.",
        ),
        "opened": ("It opened in {v}.", "Its doors opened in {v}.", "The year of its opening is {v}."),
        "bell": (
            "The bell of {v} hangs in its hall.",
            "Its pride is the ship's bell of {v}.",
            "Visitors may ring the bell of {v}.",
        ),
    },
}

ASIDES: dict[str, tuple[str, ...]] = {
    "region": (
        "Summers there are short.",
        "Its roads were paved late.",
        "Most of its hills are wooded.",
        "Its dialect is hard to follow.",
    ),
    "river": (
        "Salmon were once caught in it.",
        "It freezes in hard winters.",
        "Rafts were floated down it.",
        "Its floods are recorded on many a wall.",
    ),
    "town": (
        "A market is held on Thursdays.",
        "Its town hall burned down twice.",
        "The old gate is a ruin.",
        "Three inns face the square.",
        "Storks nest on its roofs.",
    ),
    "person": (
        "Few letters have survived.",
        "A portrait hangs in a private house.",
        "Contemporaries praised a dry wit.",
        "Much of the estate went to cousins.",
        "A street bears the name.",
    ),
    "book": (
        "The first reviews were cool.",
        "It has been translated twice.",
        "Schoolchildren still read parts of it.",
        "The manuscript is lost.",
    ),
    "ship": (
        "It survived two great storms.",
        "The figurehead was kept.",
        "Sailors thought it lucky.",
        "In the end it was broken up.",
        "A model of it was made in ivory.",
    ),
    "company": (
        "It never had more than sixty workers.",
        "A fire destroyed its first building.",
        "It sponsors a brass band.",
        "Its sign is painted anew each spring.",
    ),
    "bridge": (
        "Carts had to pay double.",
        "One pier was rebuilt after a flood.",
        "Lovers hang locks on its railing.",
        "Its lamps are lit at dusk.",
    ),
    "museum": (
        "Entry is free on Sundays.",
        "It closes in winter.",
        "A cat guards its door.",
        "Its catalogue fills two volumes.",
    ),
}


@dataclass(frozen=True)
class Page:
    """A passage and the sentence in which each fact stands."""

    sentences: tuple[str, ...]
    places: dict[str, int]
    """Index of the sentence, by relation."""


def write_page(entity: Entity, draw: Draw) -> Page:
    """A beginning, then the facts and two asides in random order."""
    told = [relation for relation in FACTS[entity.kind] if relation in entity.facts]
    asides = draw.some(ASIDES[entity.kind], 2)
    order = draw.some([*told, *asides], len(told) + len(asides))
    body = [_say(entity, relation, draw) if relation in told else relation for relation in order]
    values = {
        relation: _with_article(said) if relation in ("profession", "genre") else said
        for relation, said in zip(entity.facts, map(_written, entity.facts.values()), strict=True)
    }
    start = draw.one(FIRST[entity.kind]).format(x=entity.name, **values)
    return Page((start, *body), {relation: at for at, relation in enumerate(order, 1) if relation in told})


def _say(entity: Entity, relation: str, draw: Draw) -> str:
    value = _written(entity.facts[relation])
    said = draw.one(FACTS[entity.kind][relation]).format(x=entity.name, s=_short(entity), v=value)
    return said[0].upper() + said[1:]


def _short(entity: Entity) -> str:
    return entity.name.split()[-1] if entity.kind == "person" else entity.name


def _written(value: str | int | Entity) -> str:
    return value.name if isinstance(value, Entity) else str(value)


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
