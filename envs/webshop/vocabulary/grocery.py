"""Food and drink."""

from __future__ import annotations

from turngym.envs.webshop.vocabulary.kind import Kind
from turngym.envs.webshop.vocabulary.options import BAGS, PACKS

_DIET = ("gluten free", "nut free", "dairy free", "soy free")
_ORIGIN = ("non [gmo]", "certified organic", "fair [trade]")
_SUGAR = ("low [sugar]", "sugar free", "no added [sugar]")
_PROTEIN = ("high [protein]", "plant based", "keto friendly")
_MADE = ("with natural [ingredients]", "with simple [ingredients]", "with artificial [flavors]")
_GIFT = ("for gift [baskets]", "for lunch [boxes]", "for birthday [parties]")

KINDS = (
    Kind(
        category="grocery",
        path="Groceries › Snacks › Bars › Nut Bars",
        query="snack bars",
        name="[snack bars]",
        forms=("chewy [oat]", "crunchy [nut]", "soft baked", "puffed [rice]"),
        traits=(_DIET, _SUGAR, _PROTEIN, _MADE),
        uses=("[hiking]", "busy [mornings]", "the [gym bag]"),
        options={
            "Flavor Name": (
                "Dark Chocolate",
                "Peanut Butter",
                "Mixed Berry",
                "Maple Pecan",
                "Salted Caramel",
                "Apple Pie",
            ),
            "Size": PACKS,
        },
        price=(8, 32),
    ),
    Kind(
        category="grocery",
        path="Groceries › Snacks › Chips & Crisps",
        query="chips & crisps",
        name="[chips]",
        forms=("[kettle] cooked", "[tortilla]", "[lentil]", "sweet [potato]"),
        traits=(_DIET, ("baked not fried", "hand cooked"), _ORIGIN, _GIFT),
        uses=("[movie nights]", "[picnics]", "[dips] and [salsas]"),
        options={
            "Flavor Name": (
                "Sea Salt",
                "Smoky Barbecue",
                "Lime Chili",
                "Sour Cream",
                "Thyme",
                "Cracked Pepper",
            ),
            "Size": BAGS,
        },
        price=(6, 28),
    ),
    Kind(
        category="grocery",
        path="Groceries › Beverages › Coffee",
        query="ground coffee",
        name="ground [coffee]",
        forms=("[espresso]", "[breakfast blend]", "single [origin]", "cold [brew]"),
        traits=(
            _ORIGIN,
            ("dark [roast]", "light [roast]", "medium [roast]"),
            ("caffeine free", "low [acid]"),
            _GIFT,
        ),
        uses=("[french press]", "[drip machines]", "slow [mornings]"),
        options={"Flavor Name": ("Original", "Hazelnut", "Vanilla Bean", "Mocha", "Cinnamon"), "Size": BAGS},
        price=(9, 45),
    ),
    Kind(
        category="grocery",
        path="Groceries › Beverages › Tea",
        query="herbal tea",
        name="herbal [tea]",
        forms=("loose [leaf]", "bagged", "iced", "sleepy [time]"),
        traits=(("caffeine free", "low [caffeine]"), _ORIGIN, _SUGAR, _MADE),
        uses=("[bedtime]", "sore [throats]", "[afternoons] with [friends]"),
        options={
            "Flavor Name": ("Chamomile", "Licorice", "Ginger Honey", "Hibiscus", "Rooibos", "Lemon Balm"),
            "Size": PACKS,
        },
        price=(6, 30),
    ),
    Kind(
        category="grocery",
        path="Groceries › Beverages › Protein Drinks",
        query="protein drinks",
        name="protein [shake]",
        forms=("ready to drink", "[powder]", "creamy", "[breakfast]"),
        traits=(_PROTEIN, _DIET, _SUGAR, _MADE),
        uses=("[training days]", "long [shifts]", "[breakfast] on the [road]"),
        options={
            "Flavor": ("Chocolate", "Vanilla", "Strawberry", "Cookies & Cream", "Banana", "Cold Brew"),
            "Size": PACKS,
        },
        price=(14, 60),
    ),
    Kind(
        category="grocery",
        path="Groceries › Pantry › Pasta & Noodles",
        query="pasta & noodles",
        name="[pasta]",
        forms=("[penne]", "[spaghetti]", "[ramen] style", "[lasagna]"),
        traits=(_DIET, _ORIGIN, _PROTEIN, ("quick [cooking]", "slow dried")),
        uses=("[weeknight dinners]", "[soups]", "[family meals]"),
        options={"Size": PACKS},
        price=(5, 26),
    ),
    Kind(
        category="grocery",
        path="Groceries › Pantry › Nut Butters",
        query="nut & seed butters",
        name="[almond butter]",
        forms=("creamy", "crunchy", "stone ground", "whipped"),
        traits=(_SUGAR, _ORIGIN, ("with sea [salt]", "with no [salt]"), _PROTEIN),
        uses=("[toast]", "[smoothies]", "[baking]"),
        options={"Flavor Name": ("Plain", "Honey", "Maple", "Cinnamon", "Cocoa"), "Size": PACKS},
        price=(8, 34),
    ),
    Kind(
        category="grocery",
        path="Groceries › Pantry › Spices & Seasonings",
        query="spices & seasonings",
        name="[seasoning]",
        forms=("[steak]", "[taco]", "[curry]", "[lemon pepper]"),
        traits=(
            ("salt free", "low [sodium]"),
            _DIET,
            _ORIGIN,
            ("with resealable [bag]", "with shaker [lid]"),
        ),
        uses=("[grilling]", "roast [vegetables]", "[marinades]"),
        options={"Flavor": ("Mild", "Medium", "Hot", "Blazing"), "Size": BAGS},
        price=(5, 22),
    ),
    Kind(
        category="grocery",
        path="Groceries › Sweets › Chocolate",
        query="chocolate gifts",
        name="[chocolate box]",
        forms=("[truffle]", "assorted", "dark", "[caramel]"),
        traits=(
            _DIET,
            ("hand made", "individually wrapped"),
            _ORIGIN,
            ("for valentine's [day]", "for baby [shower]"),
        ),
        uses=("[anniversaries]", "thank you [notes]", "[teachers]"),
        options={
            "Flavor Name": ("Sea Salt", "Raspberry", "Orange", "Mint", "Espresso"),
            "Size": ("Eight Pieces", "Twelve Pieces", "Thirty Pieces"),
        },
        price=(10, 55),
    ),
    Kind(
        category="grocery",
        path="Groceries › Sweets › Dried Fruit",
        query="dried fruit",
        name="dried [fruit]",
        forms=("[mango]", "[cranberry]", "[apricot]", "[mixed berry]"),
        traits=(("freeze dried", "sun dried"), _SUGAR, _ORIGIN, ("for lunch [boxes]", "for trail [mix]")),
        uses=("[cereal]", "[road trips]", "[baking]"),
        options={"Size": BAGS},
        price=(7, 30),
    ),
    Kind(
        category="grocery",
        path="Groceries › Frozen › Meat Substitutes",
        query="meat substitutes",
        name="veggie [burgers]",
        forms=("black [bean]", "[mushroom]", "[pea protein]", "spicy [lentil]"),
        traits=(_PROTEIN, _DIET, ("fully cooked", "ready to grill"), ("low [fat]", "low [sodium]")),
        uses=("[barbecues]", "meatless [mondays]", "quick [lunches]"),
        options={"Size": PACKS},
        price=(9, 40),
    ),
    Kind(
        category="grocery",
        path="Groceries › Breakfast › Granola",
        query="granola & cereal",
        name="[granola]",
        forms=("[honey oat]", "clustered", "[coconut]", "super [seed]"),
        traits=(
            _DIET,
            _SUGAR,
            ("whole [grain]", "grain free"),
            ("with resealable [bag]", "with dried [berries]"),
        ),
        uses=("[yogurt bowls]", "[milk]", "late [snacks]"),
        options={
            "Flavor Name": ("Vanilla Almond", "Cinnamon Raisin", "Cocoa", "Berry", "Original"),
            "Size": BAGS,
        },
        price=(7, 28),
    ),
)
