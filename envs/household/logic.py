"""The two published versions of ALFWorld's rules and texts, where they differ."""

from __future__ import annotations

from dataclasses import dataclass

_HELP = """\
Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic:
    """What one version says and allows."""

    put: str
    """The command that puts an object into a receptacle."""
    put_done: str
    """The answer to that command."""
    names_locations: bool
    """On arrival, name the location (`loc 12`) and not the receptacle."""
    help: str | None
    """The answer to `help`, if there is such a command."""
    washes: frozenset[str]
    """Types of receptacle in which things can be cleaned."""


LOGICS: dict[str, Logic] = {
    "0.4": Logic(
        put="move {} to {}",
        put_done="You move the {} to the {}.",
        names_locations=False,
        help=_HELP,
        washes=frozenset({"sinkbasintype"}),
    ),
    "2.1.1": Logic(
        put="put {} in/on {}",
        put_done="You put the {} in/on the {}.",
        names_locations=True,
        help=None,
        washes=frozenset({"sinkbasintype", "sinktype"}),
    ),
}
"""`0.4`: the files of the package alfworld 0.4.2. `2.1.1`: the files inside the games of json_2.1.1."""


def logic_of(version: str) -> Logic:
    """The `Logic` of a version. Raises `ValueError` for a version that is neither of the two."""
    if version not in LOGICS:
        raise ValueError(f"unknown logic {version!r}: choose one of {', '.join(map(repr, LOGICS))}")
    return LOGICS[version]
