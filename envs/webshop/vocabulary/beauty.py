"""Beauty and personal care."""

from __future__ import annotations

from turngym.envs.webshop.vocabulary.kind import Kind
from turngym.envs.webshop.vocabulary.options import BOTTLES, PACKS, SCENTS

_KIND = ("cruelty free", "vegan [formula]", "dermatologist tested")
_FREE = ("paraben free", "sulfate free", "alcohol free", "fragrance free")
_SKIN = ("for sensitive [skin]", "for dry [skin]", "for oily [skin]", "for mature [skin]")
_HAIR = ("for dry [hair]", "for curly [hair]", "for damaged [hair]", "for fine [hair]")
_PLANT = (
    "with tea [tree]",
    "with aloe [vera]",
    "with coconut [oil]",
    "with green [tea]",
    "with shea [butter]",
)
_TEETH = ("for sensitive [teeth]", "for whitening [teeth]", "for fresh [breath]")
_LASTS = ("long lasting", "quick drying", "easy [removal]")

KINDS = (
    Kind(
        category="beauty",
        path="Beauty › Skin Care › Face › Creams",
        query="face moisturizers",
        name="face [cream]",
        forms=("[day]", "[night]", "whipped", "[gel]"),
        traits=(_SKIN, _KIND, _PLANT, ("anti [aging]", "oil free", "dark [circles]")),
        uses=("[mornings]", "cold [winds]", "[makeup bases]"),
        options={"Size": BOTTLES, "Scent": SCENTS},
        price=(9, 60),
    ),
    Kind(
        category="beauty",
        path="Beauty › Skin Care › Face › Cleansers",
        query="face wash",
        name="[face wash]",
        forms=("foaming", "[clay]", "[micellar]", "gentle"),
        traits=(_SKIN, _FREE, _PLANT, ("dead [skin]", "clogged [pores]")),
        uses=("the [gym bag]", "[teens]", "[mornings] and [evenings]"),
        options={"Size": BOTTLES},
        price=(7, 38),
    ),
    Kind(
        category="beauty",
        path="Beauty › Skin Care › Body › Lotions",
        query="body lotions",
        name="body [lotion]",
        forms=("daily", "rich", "[firming]", "cooling"),
        traits=(_SKIN, _KIND, _PLANT, _LASTS),
        uses=("the [shower shelf]", "[winter]", "[hands] and [feet]"),
        options={"Scent": SCENTS, "Size": BOTTLES},
        price=(7, 40),
    ),
    Kind(
        category="beauty",
        path="Beauty › Hair Care › Shampoo",
        query="shampoo",
        name="[shampoo]",
        forms=("volume", "[color] safe", "repairing", "solid"),
        traits=(_HAIR, _FREE, _PLANT, ("hair [growth]", "hair [loss]")),
        uses=("every [wash]", "[swimmers]", "the whole [family]"),
        options={"Scent": SCENTS, "Size": BOTTLES},
        price=(8, 42),
    ),
    Kind(
        category="beauty",
        path="Beauty › Hair Care › Hair Masks",
        query="hair masks",
        name="[hair mask]",
        forms=("deep [conditioning]", "[keratin]", "overnight", "[clay]"),
        traits=(_HAIR, _KIND, _PLANT, ("anti [frizz]", "heat [protection]")),
        uses=("[weekends]", "colored [hair]", "[split ends]"),
        options={"Size": BOTTLES},
        price=(9, 45),
    ),
    Kind(
        category="beauty",
        path="Beauty › Oral Care › Toothpaste",
        query="toothpaste",
        name="[toothpaste]",
        forms=("[charcoal]", "[enamel] repair", "natural", "[gel]"),
        traits=(_TEETH, ("fluoride free", "high [fluoride]"), _PLANT, _KIND),
        uses=("[travel]", "[kids] and [adults]", "[coffee drinkers]"),
        options={
            "Flavor": ("Fresh Mint", "Cinnamon", "Anise", "Strawberry", "Licorice"),
            "Size": PACKS,
        },
        price=(5, 28),
    ),
    Kind(
        category="beauty",
        path="Beauty › Oral Care › Toothbrushes",
        query="toothbrushes",
        name="[toothbrush]",
        forms=("electric", "[bamboo]", "folding", "sonic"),
        traits=(
            _TEETH,
            ("soft [bristles]", "firm [bristles]"),
            ("with travel [case]", "with tongue [scraper]"),
            ("bpa free", "eco friendly"),
        ),
        uses=("[braces]", "[travel]", "small [mouths]"),
        options={"Color": ("Blue", "Green", "Pink", "Purple", "White", "Black"), "Size": PACKS},
        price=(5, 70),
    ),
    Kind(
        category="beauty",
        path="Beauty › Makeup › Lips",
        query="lipstick",
        name="[lipstick]",
        forms=("matte", "satin", "liquid", "tinted"),
        traits=(
            _LASTS,
            _KIND,
            ("with hyaluronic [acid]", "with vitamin [e]"),
            ("highly pigmented", "natural [finish]"),
        ),
        uses=("[evenings]", "the [office]", "[stage] and [film]"),
        options={
            "Color": (
                "Ruby",
                "Nude Rose",
                "Berry",
                "Coral",
                "Plum",
                "Cocoa Brown",
                "Hot Pink",
                "Brick Red",
            )
        },
        price=(6, 34),
    ),
    Kind(
        category="beauty",
        path="Beauty › Makeup › Eyes › Palettes",
        query="eyeshadow palettes",
        name="eyeshadow [palette]",
        forms=("[sunset]", "smoky", "[pastel]", "[jewel]"),
        traits=(
            ("highly pigmented", "buildable [color]"),
            _LASTS,
            _KIND,
            ("with [mirror]", "with double ended [brush]"),
        ),
        uses=("[beginners]", "[festivals]", "[brides]"),
        options={"Color": ("Warm Nude", "Cool Grey", "Bright Neon", "Rose Gold", "Earth Tones")},
        price=(9, 55),
    ),
    Kind(
        category="beauty",
        path="Beauty › Fragrance › Perfume",
        query="perfume",
        name="[perfume]",
        forms=("[solid]", "[spray]", "[roll on]", "[oil]"),
        traits=(
            ("long lasting", "light [weight]"),
            ("alcohol free", "phthalate free"),
            _KIND,
            ("with refillable [bottle]", "with travel [size]"),
        ),
        uses=("[date nights]", "the [handbag]", "[summer days]"),
        options={"Scent": SCENTS, "Size": BOTTLES},
        price=(14, 95),
    ),
    Kind(
        category="beauty",
        path="Beauty › Personal Care › Deodorants",
        query="deodorants & antiperspirants",
        name="[deodorant]",
        forms=("[stick]", "[cream]", "[spray]", "[crystal]"),
        traits=(
            ("aluminum free", "baking soda free"),
            ("for sensitive [skin]", "for heavy [sweat]"),
            _KIND,
            ("long lasting", "clear drying"),
        ),
        uses=("[athletes]", "hot [days]", "[teens]"),
        options={"Scent": SCENTS, "Size": PACKS},
        price=(5, 30),
    ),
    Kind(
        category="beauty",
        path="Beauty › Personal Care › Bath › Body Scrubs",
        query="body scrubs",
        name="[body scrub]",
        forms=("[sugar]", "[salt]", "[coffee]", "[oat]"),
        traits=(_SKIN, ("dead [skin]", "stretch [marks]"), _PLANT, _KIND),
        uses=("smooth [legs]", "[spa evenings]", "rough [elbows]"),
        options={"Scent": SCENTS, "Size": BOTTLES},
        price=(8, 36),
    ),
)
