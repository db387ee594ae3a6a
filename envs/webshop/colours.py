"""Colour names: the options `b16-red` and `bright red` are both `red` to the reward."""

from __future__ import annotations

from collections.abc import Container

_NAMES = """
    alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown burgundy
    camel camo caramel champagne charcoal cheetah chestnut chocolate christmas coffee cognac copper coral
    cranberry cream crystal dark denim eggplant elephant espresso fuchsia gold granite grape graphite grass
    gray green grey heather indigo ivory ivy khaki lavender lemon leopard light lilac lime magenta maroon
    mauve merlot midnight mint mocha multicolor mushroom mustard natural navy nude olive orange peach pewter
    pink plum purple rainbow red rose royal rust sand sapphire seashell silver skull slate steel stone
    stonewash sunflower tan taupe teal tiger turquoise violet walnut wheat white wine yellow
"""

COLOURS = tuple(_NAMES.split())
"""In the order in which they are looked for: the first one found counts."""


def colour_in(option: Container[str]) -> str | None:
    """The first colour of the list that a text contains, or that is a member of a tuple; `None` if none is."""
    return next((colour for colour in COLOURS if colour in option), None)
