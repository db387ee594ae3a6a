"""Which actions can be done now, as sentences: the rules asked about every thing that they might allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turngym.envs.virtualhome.glance import Glance
from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.home import Home
from turngym.envs.virtualhome.questions import held, rests, room
from turngym.envs.virtualhome.rules import RULES
from turngym.envs.virtualhome.words import SENTENCES, Names

_WALKING = ("WALK", "RUN", "FIND")
_FACING = ("LOOKAT", "POINTAT", "WATCH")
_CARRYING = ("DROP", "RELEASE", "PUTON", "READ", "DRINK")
_PAIRING = ("PUTBACK", "PUTIN", "POUR")
_RESTING = ("STANDUP", "SLEEP", "WAKEUP")
_REACHING = tuple(
    action
    for action in SENTENCES
    if action
    not in (*_WALKING, *_FACING, *_CARRYING, *_PAIRING, *_RESTING, "TURNTO", "PUTOBJBACK", "PUTOFF", "GREET")
)


class Options:
    """The actions of one flat."""

    def __init__(self, home: Home, names: Names) -> None:
        start = Glance(Graph(home))
        self._names = names
        self._people = [id for id in names.told if "PERSON" in home.things[id].properties]
        self._housed = {id for id in names.told if room(start, id) is not None}
        self._lines = {
            action: {id: names.say(action, (id,)) for id in names.told} for action in (*_WALKING, "TURNTO")
        }

    def listed(self, glance: Glance, ids: Iterable[int]) -> list[str]:
        """What can be done with these things, each action once: all of them, or those in a room."""
        told = list(ids)
        reach = [id for id in told if id in glance.reach]
        lines = [self._lines["TURNTO"][id] for id in told]
        lines += self._walks(glance, told)
        lines += self._with_one(glance, reach)
        lines += self._with_two(glance, reach)
        return lines

    def _walks(self, glance: Glance, told: list[int]) -> Iterator[str]:
        """Walking needs a room to walk to. What is in reach is found without a walk, one's body and clothes only so."""
        moved, own = glance.removed["INSIDE"], {*glance.home.body, *glance.origins("ON", glance.me)}
        ways: set[int] = set()
        if not rests(glance):
            ways = {
                id for id in told if (id in self._housed and id not in moved) or room(glance, id) is not None
            }
        found = glance.reach | (ways - own)
        for action, ids in (("WALK", ways), ("RUN", ways), ("FIND", found)):
            yield from (self._lines[action][id] for id in told if id in ids)

    def _with_one(self, glance: Glance, reach: list[int]) -> Iterator[str]:
        carried = held(glance, "HOLDS_LH", "HOLDS_RH")
        faced = glance.targets(glance.me, "FACING")
        faced = sorted({*faced, *(other for id in faced for other in glance.targets(id, "FACING"))})
        worn = sorted(glance.origins("ON", glance.me))
        yield from self._allowed(glance, _REACHING, reach)
        yield from self._allowed(glance, _FACING, faced)
        yield from self._allowed(glance, _CARRYING, carried)
        yield from self._allowed(glance, ("PUTOBJBACK",), sorted(glance.taken))
        yield from self._allowed(glance, ("PUTOFF",), worn)
        yield from self._allowed(glance, ("GREET",), self._people)
        yield from (SENTENCES[action] for action in _RESTING if RULES[action](glance))

    def _allowed(self, glance: Glance, actions: Iterable[str], ids: list[int]) -> Iterator[str]:
        listed = [id for id in ids if id in self._names.listed]
        for action in actions:
            rule = RULES[action]
            yield from (self._names.say(action, (id,)) for id in listed if rule(glance, id))

    def _with_two(self, glance: Glance, reach: list[int]) -> Iterator[str]:
        for id in held(glance, "HOLDS_LH", "HOLDS_RH"):
            for action in _PAIRING:
                rule = RULES[action]
                yield from (
                    self._names.say(action, (id, target)) for target in reach if rule(glance, id, target)
                )
