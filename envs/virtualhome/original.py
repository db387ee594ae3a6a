"""The simulator of virtualhome-eval itself, told apart from our rules by nothing but its speed."""

from __future__ import annotations

from typing import Any

from virtualhome_eval.simulation.evolving_graph.environment import EnvironmentGraph, EnvironmentState
from virtualhome_eval.simulation.evolving_graph.execution import ScriptExecutor
from virtualhome_eval.simulation.evolving_graph.scripts import Action, Script, ScriptLine, ScriptObject

from turngym.envs.virtualhome.graph import Graph
from turngym.envs.virtualhome.home import Home


class Original:
    """The simulator with a flat. Where it raises an error, the action counts as refused.

    It can hang on a thing that is inside itself, by way of others and in no room; no such state is known to be reached.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        graph = EnvironmentGraph(_graph_of(home))
        self._executor = ScriptExecutor(graph, {})
        self.state = EnvironmentState(graph, {}, instance_selection=True)

    def execute(self, action: str, ids: tuple[int, ...]) -> bool:
        """Do an action; whether it could be done."""
        objects = [ScriptObject(self._home.things[id].kind, id) for id in ids]
        script = Script([ScriptLine(Action[action], objects, 0)])
        try:
            done, self.state = self._executor.execute_one_step(script, self.state)
        except (AssertionError, AttributeError):
            return False
        return bool(done)

    @property
    def graph(self) -> Graph:
        """The simulator's state as a graph of ours, which shares its sets: a copy could have another order."""
        graph = Graph(self._home)
        state = self.state
        _take_over(state._new_edges_from, graph.added)
        _take_over(state._removed_edges_from, graph.removed)
        graph.changed = {
            id: frozenset(one.name for one in node.states) for id, node in state._new_nodes.items()
        }
        graph.taken = {
            id: (place.id, relation.name) for (_, id), (place, relation) in state.executor_data.items()
        }
        return graph


def _take_over(edges: dict[Any, set[int]], into: dict[str, dict[int, set[int]]]) -> None:
    for (origin, relation), targets in edges.items():
        into[relation.name][origin] = targets


def _graph_of(home: Home) -> dict[str, Any]:
    """The flat as the JSON that the simulator reads."""
    nodes = [
        {
            "id": thing.id,
            "class_name": thing.kind,
            "category": thing.category,
            "properties": sorted(thing.properties),
            "states": sorted(home.states[thing.id]),
        }
        for thing in home.things.values()
    ]
    edges = [
        {"from_id": origin, "relation_type": relation, "to_id": target}
        for origin, relation, target in home.edges()
    ]
    return {"nodes": nodes, "edges": edges}
