"""Clothes and shoes."""

from __future__ import annotations

from turngym.envs.webshop.vocabulary.kind import Kind
from turngym.envs.webshop.vocabulary.options import CLOTH_COLORS, CLOTH_SIZES, FITS, SHOE_SIZES, WAISTS

_CARE = ("[machine] wash", "[hand] wash", "dry clean")
_FIT = ("slim fit", "relaxed fit", "classic fit", "loose fit")
_SOLE = ("with [rubber sole]", "with [leather sole]", "with cork [footbed]", "with [foam insole]")
_SLEEVE = ("long [sleeve]", "short [sleeve]", "three quarter [sleeve]")
_WEAR = ("for daily [wear]", "for office [wear]", "for evening [parties]", "for weekend [travel]")
_WAIST = (
    "with elastic [waistband]",
    "with [drawstring closure]",
    "with [button closure]",
    "with [zipper fly]",
)
_CLOTH = ("with cotton [blend]", "with linen [fabric]", "with merino [wool]", "with bamboo [fiber]")

_SHOES = {"Color": CLOTH_COLORS, "Size": SHOE_SIZES}
_CLOTHES = {"Color": CLOTH_COLORS, "Size": CLOTH_SIZES}

KINDS = (
    Kind(
        category="fashion",
        path="Clothing & Shoes › Women › Shoes › Boots",
        query="women's ankle boots",
        name="[women]'s [ankle boots]",
        forms=("chelsea", "lace up", "side [zip]", "block [heel]"),
        traits=(("slip resistant", "water resistant"), _SOLE, _WEAR, ("arch [support]", "wide [toe]")),
        uses=("[rain] and [snow]", "long [city walks]", "[autumn evenings]"),
        options=_SHOES,
        price=(38, 130),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Women › Shoes › Sandals",
        query="women's sandals",
        name="[women]'s [sandals]",
        forms=("strappy", "[wedge]", "woven", "flat"),
        traits=(
            ("open [toe]", "closed [toe]"),
            _SOLE,
            ("with ankle [strap]", "with slip on [design]"),
            _WEAR,
        ),
        uses=("[beach] and [pool]", "[summer weddings]", "[garden parties]"),
        options=_SHOES,
        price=(18, 70),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Men › Shoes › Loafers & Slip-Ons",
        query="men's loafers & slip-ons",
        name="[men]'s [loafers]",
        forms=("penny", "[tassel]", "driving", "[moccasin]"),
        traits=(("non slip", "shock absorbing"), _SOLE, ("genuine [leather]", "vegan [leather]"), _WEAR),
        uses=("[office] and [dinner]", "long [drives]", "[holidays]"),
        options=_SHOES,
        price=(30, 140),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Men › Shoes › Athletic",
        query="men's running shoes",
        name="[men]'s [running shoes]",
        forms=("[trail]", "[road]", "[track]", "cross training"),
        traits=(("light [weight]", "extra [cushion]"), ("breathable [mesh]", "water resistant"), _SOLE),
        uses=("the [marathon]", "[gym] and [track]", "muddy [paths]"),
        options=_SHOES,
        price=(40, 150),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Women › Clothing › Dresses",
        query="women's dresses",
        name="[women]'s [dress]",
        forms=("[wrap]", "[maxi]", "[sundress] style", "[shirt]"),
        traits=(_SLEEVE, _CARE, ("high [waist]", "empire [waist]"), _CLOTH),
        uses=("[brunch] and [dates]", "[summer weddings]", "the [office]"),
        options=_CLOTHES,
        price=(20, 90),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Women › Clothing › Sweaters",
        query="women's sweaters",
        name="[women]'s [sweater]",
        forms=("[cable] knit", "[turtleneck]", "[crewneck]", "chunky"),
        traits=(_CARE, ("loose fit", "slim fit"), _CLOTH, ("with side [pockets]", "with ribbed [cuffs]")),
        uses=("cold [mornings]", "[fireside evenings]", "[layering]"),
        options=_CLOTHES,
        price=(24, 95),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Women › Clothing › Leggings",
        query="women's leggings",
        name="[women]'s [leggings]",
        forms=("[yoga]", "[fleece] lined", "seamless", "cropped"),
        traits=(
            ("tummy [control]", "stretch [fabric]"),
            ("high [waist]", "low [rise]"),
            _CARE,
            ("with side [pockets]", "with mesh [panels]"),
        ),
        uses=("[yoga] and [pilates]", "[running]", "lazy [sundays]"),
        options=_CLOTHES,
        price=(14, 55),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Men › Clothing › Jeans",
        query="men's jeans",
        name="[men]'s [jeans]",
        forms=("straight [leg]", "tapered", "[boot] cut", "vintage"),
        traits=(_FIT, _CARE, _WAIST, ("stretch [denim]", "raw [denim]")),
        uses=("[work] and [weekend]", "[concerts]", "every [season]"),
        options={"Color": CLOTH_COLORS, "Size": WAISTS},
        price=(28, 110),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Men › Clothing › Shirts",
        query="men's dress shirts",
        name="[men]'s dress [shirt]",
        forms=("[oxford]", "checked", "striped", "[chambray]"),
        traits=(_SLEEVE, _FIT, _CARE, ("wrinkle resistant", "moisture wicking")),
        uses=("[weddings]", "the [office]", "[interviews]"),
        options=_CLOTHES,
        price=(18, 75),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Men › Clothing › Shorts",
        query="men's shorts",
        name="[men]'s [shorts]",
        forms=("[cargo]", "[chino]", "athletic", "[board]"),
        traits=(("quick drying", "water repellent"), _WAIST, _FIT, _CARE),
        uses=("[hiking]", "the [beach]", "[basketball]"),
        options=_CLOTHES,
        price=(14, 60),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Novelty › Tops › T-Shirts",
        query="graphic t-shirts",
        name="graphic [t-shirt]",
        forms=("[mountain sunrise]", "sleepy [cat]", "retro [robot]", "[ocean wave]", "[dinosaur]"),
        traits=(_CARE, ("classic fit", "slim fit"), _CLOTH, ("with [crew neck]", "with [v neck]")),
        uses=("[birthdays]", "[school]", "[camping trips]"),
        options={"Color": CLOTH_COLORS, "Fit Type": FITS, "Size": CLOTH_SIZES},
        price=(12, 35),
    ),
    Kind(
        category="fashion",
        path="Clothing & Shoes › Men › Clothing › Jackets & Coats",
        query="men's jackets & coats",
        name="[men]'s [jacket]",
        forms=("[bomber]", "quilted", "[field]", "hooded"),
        traits=(("water resistant", "wind proof"), ("faux [fur lining]", "fleece [lining]"), _CARE, _FIT),
        uses=("[winter commutes]", "[hunting] and [fishing]", "[mountain trails]"),
        options=_CLOTHES,
        price=(45, 190),
    ),
)
