"""What is true in a household at one moment, and what each action changes.

Source: the PDDL domain of ALFWorld (`alfred.pddl`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, replace
from typing import Any

Action = tuple[str, ...]
"""A verb and the ids it is applied to, such as `("take", object, receptacle)`."""

Ids = tuple[str, ...]
"""Ids in sorted order, which is the order in which they are listed."""


@dataclass(slots=True, kw_only=True)
class State:
    """The facts that actions change. `copy` is cheap: what the fields hold is never changed in place."""

    location: str
    held: Ids
    hands_full: bool
    opened: frozenset[str]
    contents: dict[str, Ids]
    """Objects by receptacle. An object may be in two receptacles: a sink and its basin."""
    lying: dict[str, Ids]
    """Objects by location (`objectAtLocation`)."""
    taken: frozenset[tuple[str, str]]
    """Pairs (object, receptacle) such that the object was taken out of it and not put back."""
    clean: frozenset[str]
    hot: frozenset[str]
    cool: frozenset[str]
    on: frozenset[str]
    toggled: frozenset[str]
    """Objects switched on or off at any time."""
    sliced: frozenset[str]

    def copy(self) -> State:
        return replace(self, contents=dict(self.contents), lying=dict(self.lying))

    def key(self) -> Hashable:
        """Equal, and written the same in every process, for equal states, whatever led to them."""
        return tuple(_sorted(getattr(self, field.name)) for field in fields(self))

    def apply(self, action: Action) -> None:
        """Do an applicable action. Actions that only look change nothing."""
        effect = _EFFECTS.get(action[0])
        if effect is not None:
            effect(self, *action[1:])


def _sorted(value: Any) -> Hashable:
    """Without the order in which a set or a dictionary happens to hold things: it differs from process to process."""
    if isinstance(value, dict):
        return tuple(sorted(item for item in value.items() if item[1]))
    return tuple(sorted(value)) if isinstance(value, frozenset) else value


def _with(ids: Ids, one: str) -> Ids:
    return ids if one in ids else tuple(sorted((*ids, one)))


def _without(ids: Ids, one: str) -> Ids:
    return tuple(other for other in ids if other != one)


def _go(state: State, receptacle: str, location: str) -> None:
    state.location = location


def _open(state: State, receptacle: str) -> None:
    state.opened |= {receptacle}


def _close(state: State, receptacle: str) -> None:
    state.opened -= {receptacle}


def _take(state: State, item: str, receptacle: str) -> None:
    state.contents[receptacle] = _without(state.contents[receptacle], item)
    state.lying[state.location] = _without(state.lying.get(state.location, ()), item)
    state.taken |= {(item, receptacle)}
    state.held = _with(state.held, item)
    state.hands_full = True


def _put(state: State, item: str, receptacle: str) -> None:
    state.contents[receptacle] = _with(state.contents.get(receptacle, ()), item)
    state.lying[state.location] = _with(state.lying.get(state.location, ()), item)
    state.taken -= {(item, receptacle)}
    state.held = _without(state.held, item)
    state.hands_full = False


def _clean(state: State, item: str, receptacle: str) -> None:
    state.clean |= {item}


def _heat(state: State, item: str, receptacle: str) -> None:
    state.hot |= {item}
    state.cool -= {item}


def _cool(state: State, item: str, receptacle: str) -> None:
    state.cool |= {item}
    state.hot -= {item}


def _use(state: State, item: str) -> None:
    state.on ^= {item}
    state.toggled |= {item}


def _slice(state: State, item: str, knife: str) -> None:
    state.sliced |= {item}


_EFFECTS: dict[str, Callable[..., None]] = {
    "go": _go,
    "open": _open,
    "close": _close,
    "take": _take,
    "put": _put,
    "clean": _clean,
    "heat": _heat,
    "cool": _cool,
    "use": _use,
    "slice": _slice,
}
