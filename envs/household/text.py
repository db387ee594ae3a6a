"""What a household says: the first observation and the answer to each action.

Source: the grammar of ALFWorld (`alfred.twl2`), whose sentences and order of listing are kept exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from turngym.envs.household.logic import Logic
from turngym.envs.household.problem import Problem
from turngym.envs.household.state import Action, State


def introduction(problem: Problem, state: State, task: str) -> str:
    """The observation of a reset. `task` is the goal sentence."""
    here = _here(problem, state) if problem.at.get(state.location) else _room(problem, problem.receptacles)
    return f"-= Welcome to TextWorld, ALFRED! =-\n\n{here}\n\nYour task is to: {task}."


def feedback(problem: Problem, state: State, logic: Logic, action: Action) -> str:
    """The answer to an action, told from the state after it."""
    verb, *ids = action
    return _ANSWERS[verb](problem, state, logic, *ids)


def _listed(names: Iterable[str]) -> str:
    named = [f"a {name}" for name in names]
    return _joined(named) if named else "nothing"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"


def _room(problem: Problem, receptacles: Iterable[str]) -> str:
    seen = _listed(problem.names[one] for one in receptacles)
    return f"You are in the middle of a room. Looking quickly around you, you see {seen}."


def _here(problem: Problem, state: State) -> str:
    facing = _joined([problem.names[one] for one in problem.at[state.location]])
    return f"You are facing the {facing}. Next to it, you see {_listed(_beside(problem, state))}."


def _beside(problem: Problem, state: State) -> list[str]:
    """Objects at this location, once for each receptacle here that they were taken out of."""
    return [
        problem.names[item]
        for item in state.lying.get(state.location, ())
        for receptacle in problem.at[state.location]
        if (item, receptacle) in state.taken
    ]


def _look(problem: Problem, state: State, logic: Logic) -> str:
    # In the middle of the room the original looks for receptacles at the agent's own location: none.
    return _here(problem, state) if problem.at.get(state.location) else _room(problem, ())


def _inventory(problem: Problem, state: State, logic: Logic) -> str:
    if not state.hands_full:
        return "You are not carrying anything."
    return f"You are carrying: {_listed(problem.names[item] for item in state.held)}."


def _help(problem: Problem, state: State, logic: Logic) -> str:
    return logic.help or ""


def _receptacle(problem: Problem, state: State, logic: Logic, receptacle: str) -> str:
    place = problem.receptacles[receptacle]
    if place.openable and receptacle not in state.opened:
        return f"The {place.name} is closed."
    seen = _listed(problem.names[item] for item in state.contents.get(receptacle, ()))
    if place.openable:
        return f"The {place.name} is open. In it, you see {seen}."
    return f"On the {place.name}, you see {seen}."


def _examine(problem: Problem, state: State, logic: Logic, item: str) -> str:
    thing = problem.objects[item]
    if thing.container:
        seen = _listed(problem.names[one] for one in thing.inside)
        return f"This is a normal {thing.name}. In it, you see {seen}."
    adjectives = _adjectives(state, item)
    if adjectives:
        return f"This is a {adjectives} {thing.name}."
    if thing.toggleable and item in state.toggled:
        return f"This {thing.name} is on."
    if thing.sliceable and item in state.sliced:
        return f"This is a sliced {thing.name}."
    return f"There's nothing special about {thing.name}."


def _adjectives(state: State, item: str) -> str:
    """`hot and clean sliced` and the like; empty if the object is none of clean, hot and cool."""
    heat = "hot" if item in state.hot else "cool" if item in state.cool else ""
    words = " and ".join(word for word in (heat, "clean" if item in state.clean else "") if word)
    if words and item in state.sliced:
        return f"{words} sliced"
    return "cold" if words == "cool" else words


def _go(problem: Problem, state: State, logic: Logic, receptacle: str, location: str) -> str:
    arrived = problem.names[location if logic.names_locations else receptacle]
    return f"You arrive at {arrived}. {_receptacle(problem, state, logic, receptacle)}"


def _open(problem: Problem, state: State, logic: Logic, receptacle: str) -> str:
    return f"You open the {problem.names[receptacle]}. {_receptacle(problem, state, logic, receptacle)}"


def _close(problem: Problem, state: State, logic: Logic, receptacle: str) -> str:
    return f"You close the {problem.names[receptacle]}."


def _take(problem: Problem, state: State, logic: Logic, item: str, receptacle: str) -> str:
    return f"You pick up the {problem.names[item]} from the {problem.names[receptacle]}."


def _put(problem: Problem, state: State, logic: Logic, item: str, receptacle: str) -> str:
    return logic.put_done.format(problem.names[item], problem.names[receptacle])


def _clean(problem: Problem, state: State, logic: Logic, item: str, receptacle: str) -> str:
    return f"You clean the {problem.names[item]} using the {problem.names[receptacle]}."


def _heat(problem: Problem, state: State, logic: Logic, item: str, receptacle: str) -> str:
    return f"You heat the {problem.names[item]} using the {problem.names[receptacle]}."


def _cool(problem: Problem, state: State, logic: Logic, item: str, receptacle: str) -> str:
    return f"You cool the {problem.names[item]} using the {problem.names[receptacle]}."


def _use(problem: Problem, state: State, logic: Logic, item: str) -> str:
    # The original asks whether it was ever toggled, so it never turns anything off.
    return f"You turn on the {problem.names[item]}."


def _slice(problem: Problem, state: State, logic: Logic, item: str, knife: str) -> str:
    return f"You sliced the {problem.names[item]} with the {problem.names[knife]}."


_ANSWERS: dict[str, Callable[..., str]] = {
    "look": _look,
    "inventory": _inventory,
    "help": _help,
    "inspect": _receptacle,
    "examine": _examine,
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
