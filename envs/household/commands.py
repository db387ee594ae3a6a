"""Which commands a household admits, and the action each one means.

Source: the preconditions of ALFWorld's PDDL domain and the command templates of its grammar.
"""

from __future__ import annotations

from collections.abc import Iterator

from turngym.envs.household.logic import Logic
from turngym.envs.household.problem import Problem, Receptacle
from turngym.envs.household.state import Action, State

_KNIVES = frozenset({"knifetype", "butterknifetype"})
_TEMPLATES = {
    "look": "look",
    "inventory": "inventory",
    "help": "help",
    "go": "go to {}",
    "inspect": "examine {}",
    "examine": "examine {}",
    "open": "open {}",
    "close": "close {}",
    "take": "take {} from {}",
    "clean": "clean {} with {}",
    "heat": "heat {} with {}",
    "cool": "cool {} with {}",
    "use": "use {}",
    "slice": "slice {} with {}",
}


class Commands:
    """The commands of one problem in the words of one version of the texts."""

    def __init__(self, problem: Problem, logic: Logic) -> None:
        self.problem = problem
        self.logic = logic
        self._templates = {**_TEMPLATES, "put": logic.put}
        self._moves: dict[str, dict[str, Action]] = {}
        self._texts: dict[Action, str] = {}

    def text(self, action: Action) -> str:
        """The command that means an action."""
        if action not in self._texts:
            verb, *ids = action
            self._texts[action] = self._templates[verb].format(*(self.problem.names[one] for one in ids))
        return self._texts[action]

    def admissible(self, state: State) -> dict[str, Action]:
        """The action of every admissible command, in no particular order."""
        commands = self._anywhere(state.location).copy()
        for action in self._here(state):
            commands[self.text(action)] = action
        return commands

    def _anywhere(self, location: str) -> dict[str, Action]:
        """What depends on the agent's location alone: looking, and going elsewhere."""
        if location not in self._moves:
            actions: list[Action] = [("look",), ("inventory",)]
            if self.logic.help is not None:
                actions.append(("help",))
            for place in self.problem.receptacles.values():
                if place.location != location:
                    actions.append(("go", place.id, place.location))
            self._moves[location] = {self.text(action): action for action in actions}
        return self._moves[location]

    def _here(self, state: State) -> Iterator[Action]:
        for item in state.held:
            # The rules mean to allow what lies in reach too, but a stray comma in them makes that impossible.
            yield ("examine", item)
            yield from self._slices(state, item)
        for receptacle in self.problem.at.get(state.location, ()):
            place = self.problem.receptacles[receptacle]
            yield ("inspect", receptacle)
            if place.openable:
                yield ("close" if receptacle in state.opened else "open", receptacle)
            if not place.openable or receptacle in state.opened:
                yield from self._reached(state, receptacle)
            yield from self._used(state, receptacle)
            for item in state.held:
                yield from self._treated(item, place)

    def _slices(self, state: State, knife: str) -> Iterator[Action]:
        if self.problem.objects[knife].kinds.isdisjoint(_KNIVES):
            return
        for item in state.lying.get(state.location, ()):
            if self.problem.objects[item].sliceable:
                yield ("slice", item, knife)

    def _reached(self, state: State, receptacle: str) -> Iterator[Action]:
        """What can be done with the inside of a receptacle that is not closed."""
        for item in state.contents.get(receptacle, ()):
            if not state.hands_full and self.problem.objects[item].pickupable:
                yield ("take", item, receptacle)
        for item in state.held:
            if receptacle in self.problem.objects[item].fits:
                yield ("put", item, receptacle)

    def _used(self, state: State, receptacle: str) -> Iterator[Action]:
        # The rules let a lamp be used even inside a closed receptacle.
        for item in state.contents.get(receptacle, ()):
            if self.problem.objects[item].toggleable:
                yield ("use", item)

    def _treated(self, item: str, place: Receptacle) -> Iterator[Action]:
        # Nothing needs to be open for this.
        thing = self.problem.objects[item]
        if thing.cleanable and not self.logic.washes.isdisjoint(place.kinds):
            yield ("clean", item, place.id)
        if thing.heatable and "microwavetype" in place.kinds:
            yield ("heat", item, place.id)
        if thing.coolable and "fridgetype" in place.kinds:
            yield ("cool", item, place.id)
