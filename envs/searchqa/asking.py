"""Questions about a generated land: chains of one to three facts, and comparisons of two things.

A chain begins with a named thing and follows relations, forward on the thing's own page (the author of a book) or
backward to the one page that names it (the book by an author). What a step arrives at is described by a phrase, which
stands for the name in the question of the next step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from turngym.envs.draw import Draw
from turngym.envs.searchqa.corpus import Fact, Question
from turngym.envs.searchqa.prose import Page
from turngym.envs.searchqa.world import Entity, World, entities

FORWARD: dict[tuple[str, str], tuple[str, str]] = {
    ("region", "capital"): ("What is the capital of {}?", "the capital of {}"),
    ("region", "emblem"): ("What is the emblem of {}?", ""),
    ("river", "source"): ("On which mountain does {} rise?", ""),
    ("river", "mouth"): ("Into which sea does {} flow?", ""),
    ("river", "length"): ("How many kilometres long is {}?", ""),
    ("town", "region"): ("In which region does {} lie?", "the region in which {} lies"),
    ("town", "river"): ("Which river flows through {}?", "the river that flows through {}"),
    ("town", "founded"): ("In what year was {} founded?", ""),
    ("town", "craft"): ("For which craft is {} known?", ""),
    ("town", "twin"): ("What is the twin town of {}?", "the twin town of {}"),
    ("person", "birthplace"): ("In which town was {} born?", "the town where {} was born"),
    ("person", "born"): ("In what year was {} born?", ""),
    ("person", "died"): ("In what year did {} die?", ""),
    ("person", "instrument"): ("Which instrument did {} play?", ""),
    ("person", "teacher"): ("Who taught {}?", "the teacher of {}"),
    ("book", "author"): ("Who wrote {}?", "the author of {}"),
    ("book", "setting"): ("In which town is {} set?", "the town in which {} is set"),
    ("book", "published"): ("In what year was {} published?", ""),
    ("ship", "builder"): ("Which company built {}?", "the company that built {}"),
    ("ship", "captain"): ("Who was the first captain of {}?", "the first captain of {}"),
    ("ship", "launched"): ("In what year was {} launched?", ""),
    ("ship", "cargo"): ("What did {} carry?", ""),
    ("company", "founder"): ("Who founded {}?", "the founder of {}"),
    ("company", "seat"): ("In which town does {} have its seat?", "the town where {} has its seat"),
    ("company", "founded"): ("In what year was {} founded?", ""),
    ("company", "product"): ("What does {} make?", ""),
    ("bridge", "place"): ("In which town is {}?", "the town of {}"),
    ("bridge", "crosses"): ("Which river does {} cross?", "the river that {} crosses"),
    ("bridge", "designer"): ("Who designed {}?", "the designer of {}"),
    ("bridge", "opened"): ("In what year was {} opened?", ""),
    ("museum", "place"): ("In which town is {}?", "the town that is home to {}"),
    ("museum", "patron"): ("Who founded {}?", "the founder of {}"),
    ("museum", "opened"): ("In what year did {} open?", ""),
    ("museum", "bell"): ("The bell of which ship hangs in {}?", "the ship whose bell hangs in {}"),
}
"""Kind and relation: the question for the value, and a phrase that describes it where it has a page."""

BACKWARD: dict[tuple[str, str], tuple[str, str]] = {
    ("book", "author"): ("Which book did {} write?", "the book that {} wrote"),
    ("ship", "captain"): ("Which ship had {} as its first captain?", "the ship whose first captain was {}"),
    ("ship", "builder"): ("Which ship did {} build?", "the ship that {} built"),
    ("company", "founder"): ("Which firm did {} found?", "the firm that {} founded"),
    ("bridge", "designer"): ("Which bridge did {} design?", "the bridge that {} designed"),
    ("museum", "patron"): ("Which museum did {} found?", "the museum that {} founded"),
    ("museum", "bell"): (
        "In which museum does the bell of {} hang?",
        "the museum where the bell of {} hangs",
    ),
}
"""Kind and relation of the page that names the thing; asked only where no other page of that kind does."""

EARLIER: dict[tuple[str, str], str] = {
    ("town", "founded"): "Which town was founded first, {} or {}?",
    ("person", "born"): "Who was born first, {} or {}?",
    ("book", "published"): "Which was published first, {} or {}?",
    ("ship", "launched"): "Which ship was launched first, {} or {}?",
    ("company", "founded"): "Which firm was founded first, {} or {}?",
    ("bridge", "opened"): "Which was opened first, {} or {}?",
    ("river", "length"): "Which river is shorter, {} or {}?",
}
SAME: dict[tuple[str, str], str] = {
    ("town", "region"): "Do {} and {} lie in the same region?",
    ("town", "craft"): "Are {} and {} known for the same craft?",
    ("river", "mouth"): "Do {} and {} flow into the same sea?",
    ("person", "instrument"): "Did {} and {} play the same instrument?",
    ("ship", "cargo"): "Did {} and {} carry the same cargo?",
}

KINDS = ("one hop", "two hops", "three hops", "comparison", "yes or no")

Pages = dict[str, Page]
Steps = tuple[str, Entity | str | int, Fact, str]
"""A step of a chain: the question, what it arrives at, the fact, and the phrase for the next step."""


@dataclass(frozen=True, eq=False)
class Asker:
    """Makes up questions about a land whose pages are written."""

    world: World
    pages: Pages
    draw: Draw

    def ask(self, kind: str) -> Question | None:
        """A question of one of `KINDS`, its id still empty; `None` where the draw led nowhere."""
        if kind == "comparison":
            return self._earlier()
        if kind == "yes or no":
            return self._same()
        return self._chain(KINDS.index(kind) + 1)

    def _chain(self, hops: int) -> Question | None:
        entity: Entity | str | int = self.draw.one(self._named)
        text, phrase, seen, facts = "", _the(entity), [entity], list[Fact]()
        for hop in range(hops):
            steps = [step for step in self._steps(entity, phrase) if step[1] not in seen]
            if hop < hops - 1:
                steps = [step for step in steps if step[3]]
            if not steps:
                return None
            text, entity, fact, phrase = self.draw.one(steps)
            seen.append(entity)
            facts.append(fact)
        return Question(
            id="", text=text, answers=_answers(facts[-1], entity), kind=KINDS[hops - 1], facts=tuple(facts)
        )

    def _steps(self, entity: Entity | str | int, phrase: str) -> Iterator[Steps]:
        """Where a chain can go from here."""
        if not isinstance(entity, Entity):
            return
        for relation, value in entity.facts.items():
            if asked := FORWARD.get((entity.kind, relation)):
                fact = self._fact(entity, relation, f"{entity.name} {relation}")
                yield asked[0].format(phrase), value, fact, asked[1].format(phrase)
        for (kind, relation), asked in BACKWARD.items():
            if len(works := self._works[entity, kind, relation]) == 1:
                fact = self._fact(works[0], relation, f"{kind} {relation} {entity.name}")
                yield asked[0].format(phrase), works[0], fact, asked[1].format(phrase)

    def _earlier(self) -> Question | None:
        (kind, relation), text = self.draw.one(list(EARLIER.items()))
        one, other = self.draw.some(self.world[kind], 2)
        first, second = one.facts[relation], other.facts[relation]
        assert isinstance(first, int)
        assert isinstance(second, int)
        if first == second:
            return None
        answer = one if first < second else other
        return self._comparison("comparison", text, relation, (one, other), answer.name)

    def _same(self) -> Question:
        (kind, relation), text = self.draw.one(list(SAME.items()))
        one, *others = self.draw.some(self.world[kind], len(self.world[kind]))
        wanted = self.draw.below(2) == 1
        alike = [other for other in others if (other.facts[relation] == one.facts[relation]) == wanted]
        other = (alike or others)[0]
        same = one.facts[relation] == other.facts[relation]
        return self._comparison("yes or no", text, relation, (one, other), "yes" if same else "no")

    def _comparison(
        self, kind: str, text: str, relation: str, pair: tuple[Entity, Entity], answer: str
    ) -> Question:
        facts = tuple(self._fact(one, relation, f"{one.name} {relation}") for one in pair)
        return Question(
            id="", text=text.format(*map(_the, pair)), answers=_names(answer), kind=kind, facts=facts
        )

    def _fact(self, entity: Entity, relation: str, query: str) -> Fact:
        return Fact(entity.name, self.pages[entity.name].places[relation], query)

    @cached_property
    def _named(self) -> list[Entity]:
        return list(entities(self.world))

    @cached_property
    def _works(self) -> defaultdict[tuple[Entity, str, str], list[Entity]]:
        """By thing, kind and relation the pages of that kind that name the thing so."""
        found: defaultdict[tuple[Entity, str, str], list[Entity]] = defaultdict(list)
        for entity in self._named:
            for relation, value in entity.facts.items():
                if isinstance(value, Entity):
                    found[value, entity.kind, relation].append(entity)
        return found


def _the(entity: Entity | str | int) -> str:
    """The name as it stands in a sentence."""
    name = entity.name if isinstance(entity, Entity) else str(entity)
    return f"the {name}" if name.startswith(("River", "Museum", "House")) else name


def _answers(fact: Fact, value: Entity | str | int) -> tuple[str, ...]:
    name = value.name if isinstance(value, Entity) else str(value)
    return (
        _names(name)
        if not isinstance(value, int) or value > 999
        else (name, f"{name} km", f"{name} kilometres")
    )


def _names(name: str) -> tuple[str, ...]:
    """A name, and the part of it that says enough."""
    head, _, rest = name.partition(" ")
    return (name, rest) if head in ("River", "Mount") else (name,)
