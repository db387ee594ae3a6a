"""Furniture and things for the home; WebShop calls the category "garden"."""

from __future__ import annotations

from turngym.envs.webshop.vocabulary.kind import Kind
from turngym.envs.webshop.vocabulary.options import BED_SIZES, HOME_COLORS, RUG_SIZES, SPANS

_SETUP = ("easy [assembly]", "fully assembled", "assembly required")
_WOOD = ("solid [wood]", "engineered [wood]", "reclaimed [wood]")
_STYLE = ("mid century", "contemporary [style]", "[farmhouse] style", "industrial [style]")
_ROOM = ("for living [room]", "for dining [room]", "for home [office]", "for guest [bedroom]")
_CARE = ("easy clean", "[machine] washable", "spot clean")
_FRAME = ("with metal [frame]", "with wood [frame]", "with tapered [legs]")
_STORE = ("with storage [space]", "with soft close [drawers]", "with open [shelf]")
_LIGHT = ("energy efficient", "dimmable [light]", "color changing")

KINDS = (
    Kind(
        category="garden",
        path="Home & Furniture › Living Room › Tables › Console Tables",
        query="console tables",
        name="[console table]",
        forms=("narrow", "two [tier]", "rustic", "half [moon]"),
        traits=(_WOOD, _STYLE, _STORE, _SETUP),
        uses=("[entryways]", "long [sofas]", "[hallways]"),
        options={"Color": HOME_COLORS, "Size": SPANS},
        price=(70, 420),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Living Room › Tables › Coffee Tables",
        query="coffee tables",
        name="[coffee table]",
        forms=("round", "lift [top]", "nesting", "[glass] top"),
        traits=(_STYLE, _FRAME, _STORE, _SETUP),
        uses=("small [apartments]", "[board games]", "large [sofas]"),
        options={"Color": HOME_COLORS},
        price=(60, 380),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Living Room › Chairs",
        query="accent chairs",
        name="accent [chair]",
        forms=("[wingback]", "[barrel]", "swivel", "tufted"),
        traits=(("high [density]", "lumbar [support]"), _FRAME, _STYLE, _ROOM),
        uses=("reading [corners]", "[nurseries]", "[lounges]"),
        options={"Color": HOME_COLORS},
        price=(90, 450),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Living Room › Sofas",
        query="sofas & couches",
        name="[sofa]",
        forms=("[loveseat]", "sleeper", "sectional", "[velvet]"),
        traits=(("stain resistant", "pet friendly"), _FRAME, _STYLE, _SETUP),
        uses=("[families]", "small [lofts]", "overnight [guests]"),
        options={"Color": HOME_COLORS, "Size": ("Two Seats", "Three Seats", "Four Seats")},
        price=(260, 900),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Bedroom › Beds",
        query="bedframes",
        name="[bed frame]",
        forms=("[platform]", "upholstered", "[canopy]", "low [profile]"),
        traits=(
            ("no [box spring]", "adjustable [height]"),
            _SETUP,
            ("with wood [slats]", "with under bed [storage]"),
            ("heavy [duty]", "noise free"),
        ),
        uses=("[teens]", "[guest rooms]", "tall [sleepers]"),
        options={"Color": HOME_COLORS, "Size": BED_SIZES},
        price=(110, 520),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Bedroom › Nightstands",
        query="nightstands",
        name="[nightstand]",
        forms=("floating", "two [drawer]", "round", "slim"),
        traits=(_WOOD, _STORE, _STYLE, ("with charging [station]", "with [led lights]")),
        uses=("[bedrooms]", "[dormitories]", "[sofa ends]"),
        options={"Color": HOME_COLORS},
        price=(38, 210),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Bedroom › Bedding › Throw Blankets",
        query="throw blankets",
        name="throw [blanket]",
        forms=("[sherpa]", "knitted", "weighted", "[fringe]"),
        traits=(
            ("super soft", "light [weight]"),
            ("[machine] washable", "spot clean"),
            ("fade resistant", "wrinkle resistant"),
            _ROOM,
        ),
        uses=("[movie nights]", "[camping]", "cold [feet]"),
        options={
            "Color": HOME_COLORS,
            "Size": ("Lap", "Twin", "Queen", "King"),
        },
        price=(15, 85),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Decor › Rugs",
        query="area rugs",
        name="area [rug]",
        forms=("[shag]", "braided", "[medallion]", "striped"),
        traits=(("non slip", "stain resistant"), _CARE, _ROOM, ("low [pile]", "high [pile]")),
        uses=("[hardwood floors]", "[pets] and [kids]", "[patios]"),
        options={"Color": HOME_COLORS, "Size": RUG_SIZES},
        price=(22, 320),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Decor › Mirrors",
        query="decorative mirrors",
        name="wall [mirror]",
        forms=("round", "arched", "full [length]", "[sunburst]"),
        traits=(("wall mounted", "free standing"), ("shatter proof", "fog free"), _FRAME, _ROOM),
        uses=("[bathrooms]", "narrow [halls]", "[vanities]"),
        options={"Color": HOME_COLORS, "Size": SPANS},
        price=(30, 240),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Lighting › Floor Lamps",
        query="floor lamps",
        name="[floor lamp]",
        forms=("arc", "[tripod]", "corner", "reading"),
        traits=(_LIGHT, _STYLE, ("with remote [control]", "with foot [switch]", "with linen [shade]"), _ROOM),
        uses=("dark [corners]", "[readers]", "[studios]"),
        options={"Color": HOME_COLORS},
        price=(32, 230),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Decor › Candles",
        query="scented candles",
        name="scented [candle]",
        forms=("[soy]", "[pillar]", "three [wick]", "[beeswax]"),
        traits=(
            ("long lasting", "lead free"),
            ("eco friendly", "hand made"),
            ("with glass [jar]", "with tin [box]"),
            ("for yoga [studios]", "for bath [time]"),
        ),
        uses=("[gifts]", "[dinners]", "rainy [days]"),
        options={
            "Scent": ("Lavender", "Cedar", "Vanilla", "Sea Breeze", "Fig", "Amber"),
            "Size": ("Votive", "Small Jar", "Large Jar"),
        },
        price=(9, 48),
    ),
    Kind(
        category="garden",
        path="Home & Furniture › Office › Desks",
        query="home office desks",
        name="[office desk]",
        forms=("standing", "corner", "writing", "folding"),
        traits=(
            _SETUP,
            _STORE,
            ("with steel [frame]", "with cable [tray]"),
            ("heavy [duty]", "space saving"),
        ),
        uses=("[students]", "two [monitors]", "small [rooms]"),
        options={"Color": HOME_COLORS, "Size": SPANS},
        price=(80, 420),
    ),
)
