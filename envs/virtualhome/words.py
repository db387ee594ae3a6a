"""Names of things and sentences of actions: the language that a player and a flat speak.

The sentences are those of SPA's VirtualHome environment (Wang et al. 2025, arXiv 2505.20732). Things are named as in
ALFWorld: `plate 1` and `plate 2`, by rising id, where a flat has several of a class; plain `freezer` where it has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turngym.envs.virtualhome.home import Thing

SENTENCES = {
    "WALK": "walk to {}",
    "RUN": "run to {}",
    "FIND": "find {}",
    "GRAB": "grab {}",
    "PUTBACK": "put {} on {}",
    "PUTIN": "put {} in {}",
    "PUTOBJBACK": "put back {}",
    "DROP": "drop {}",
    "RELEASE": "release {}",
    "POUR": "pour {} into {}",
    "OPEN": "open {}",
    "CLOSE": "close {}",
    "SWITCHON": "switch on {}",
    "SWITCHOFF": "switch off {}",
    "PLUGIN": "plug in {}",
    "PLUGOUT": "plug out {}",
    "SIT": "sit on {}",
    "LIE": "lie on {}",
    "STANDUP": "stand up",
    "SLEEP": "sleep",
    "WAKEUP": "wake up",
    "TURNTO": "turn to {}",
    "LOOKAT": "look at {}",
    "POINTAT": "point at {}",
    "WATCH": "watch {}",
    "READ": "read {}",
    "DRINK": "drink {}",
    "EAT": "eat {}",
    "CUT": "cut {}",
    "WASH": "wash {}",
    "RINSE": "rinse {}",
    "SCRUB": "scrub {}",
    "WIPE": "wipe {}",
    "TOUCH": "touch {}",
    "TYPE": "type on {}",
    "PUSH": "push {}",
    "PULL": "pull {}",
    "MOVE": "move {}",
    "SQUEEZE": "squeeze {}",
    "PUTON": "put on {}",
    "PUTOFF": "take off {}",
    "GREET": "greet {}",
}
"""By the name of the simulator's action."""

GRAMMAR = "One action: " + "; ".join(
    sentence.replace("{}", "X", 1).replace("{}", "Y") for sentence in SENTENCES.values()
)
"""One line that says how actions are written."""

LONGEST = 200
"""No action has more characters."""

Command = tuple[str, tuple[int, ...]]
"""The name of an action and the ids of the things it names."""

STRUCTURE = frozenset({"Floor", "Floors", "Walls", "Ceiling", "Doors", "Characters"})
"""Categories of nodes that have names and are neither told of nor listed: no program names one."""

_PATTERNS = {
    action: re.compile(re.escape(line).replace(r"\{\}", "(.+)")) for action, line in SENTENCES.items()
}
_BY_VERB: dict[str, list[str]] = {}
for _action, _sentence in SENTENCES.items():
    _BY_VERB.setdefault(_sentence.split()[0], []).append(_action)


@dataclass(frozen=True)
class Names:
    """What the things of one flat are called."""

    of: Mapping[int, str]
    """The name that texts use."""
    ids: Mapping[str, int]
    """Every name that is understood: a thing without namesakes may be numbered too."""
    order: Mapping[int, int]
    """The place of each thing in the order of the names."""
    told: tuple[int, ...]
    """What players are told of, in the order of the names."""
    listed: frozenset[int]
    """The same to look up in."""

    @classmethod
    def give(cls, things: Iterable[Thing]) -> Names:
        """Number the things of each class by rising id."""
        classes: dict[str, list[int]] = {}
        named = sorted(things, key=lambda thing: (words(thing.kind), thing.id))
        for thing in named:
            classes.setdefault(words(thing.kind), []).append(thing.id)
        of: dict[int, str] = {}
        ids: dict[str, int] = {}
        for name, members in classes.items():
            ids |= {f"{name} {number}": id for number, id in enumerate(members, start=1)}
            of |= {id: f"{name} {number}" for number, id in enumerate(members, start=1)}
            if len(members) == 1:
                of[members[0]], ids[name] = name, members[0]
        told = tuple(thing.id for thing in named if thing.category not in STRUCTURE)
        order = {thing.id: place for place, thing in enumerate(named)}
        return cls(of, ids, order, told, frozenset(told))

    def say(self, action: str, ids: Iterable[int]) -> str:
        """The sentence of an action."""
        return SENTENCES[action].format(*(self.of[id] for id in ids))

    def understand(self, text: str) -> Command | None:
        """The action that a text means, upper case and spacing aside; `None` for any other text."""
        if len(text) > LONGEST:
            return None
        line = words(" ".join(text.lower().split()))
        for action in _BY_VERB.get(line.split(" ")[0], ()):
            match = _PATTERNS[action].fullmatch(line)
            if match and all(name in self.ids for name in match.groups()):
                return action, tuple(self.ids[name] for name in match.groups())
        return None


def words(symbol: str) -> str:
    """`PLUGGED_IN` or `coffee_table` as words."""
    return symbol.replace("_", " ").lower()
