"""The actions of the simulator, each with its rule.

A rule is a function of the graph and the one or two ids that the action names; it answers with the change that the
action would make. Rules keep the simulator's oddities (docs/envs/virtualhome.md lists them). They ask in its order and
as often as it does, because asking is not without effect there (see `graph.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from turngym.envs.virtualhome import carrying, moving, using
from turngym.envs.virtualhome.change import Change, unnoticed
from turngym.envs.virtualhome.graph import Graph

Rule = Callable[..., Change | None]


def execute(graph: Graph, action: str, ids: tuple[int, ...]) -> bool:
    """Do an action if its rule allows it; whether it was done.

    What the simulator raises an error on, or never comes back from, is refused.
    """
    change = RULES[action](graph, *ids)
    if change is not None and change is not unnoticed:
        graph.renew()
        change()
    return change is not None


RULES: dict[str, Rule] = {
    "WALK": moving.walk,
    "RUN": moving.walk,
    "FIND": moving.find,
    "SIT": moving.sit,
    "LIE": moving.lie,
    "STANDUP": moving.stand_up,
    "SLEEP": moving.doze,
    "WAKEUP": moving.doze,
    "GRAB": carrying.grab,
    "PUTBACK": partial(carrying.put, "ON"),
    "PUTIN": partial(carrying.put, "INSIDE"),
    "PUTOBJBACK": carrying.put_back,
    "DROP": carrying.drop,
    "RELEASE": carrying.drop,
    "PUTON": carrying.put_on,
    "PUTOFF": carrying.take_off,
    "POUR": carrying.pour,
    "OPEN": using.open_up,
    "CLOSE": using.close_up,
    "SWITCHON": using.switch_on,
    "SWITCHOFF": using.switch_off,
    "PLUGIN": partial(using.plug, "PLUGGED_OUT", "PLUGGED_IN"),
    "PLUGOUT": partial(using.plug, "PLUGGED_IN", "PLUGGED_OUT"),
    "WASH": using.wash,
    "RINSE": using.wash,
    "SCRUB": using.wash,
    "WIPE": using.wipe,
    "TURNTO": using.turn_to,
    "LOOKAT": using.look_at,
    "POINTAT": using.look_at,
    "WATCH": using.watch,
    "TOUCH": using.touch,
    "TYPE": using.type_on,
    "DRINK": using.drink,
    "READ": using.read,
    "EAT": using.eat,
    "CUT": using.cut,
    "GREET": using.greet,
    "SQUEEZE": using.squeeze,
    "MOVE": using.move,
    "PULL": using.move,
    "PUSH": using.push,
}
"""By the name of the simulator's action."""
