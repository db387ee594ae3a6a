"""What a generated household may hold: kinds of rooms, receptacles and objects, and which fit together.

The facts are those of ALFRED's houses (Shridhar et al., 2020), which ALFWorld's games repeat: what a
receptacle can contain, and what can be opened, cleaned, heated, cooled, sliced or switched on. The names are
ALFRED's.
"""

from __future__ import annotations

from collections.abc import Mapping


def _sets(table: Mapping[str, str]) -> dict[str, frozenset[str]]:
    return {name: frozenset(kinds.split()) for name, kinds in table.items()}


def _lists(table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(kinds.split()) for name, kinds in table.items()}


HOLDS = _sets(
    {
        "ArmChair": "Book Box CellPhone Cloth CreditCard KeyChain Laptop Newspaper Pillow RemoteControl",
        "BathtubBasin": "Cloth DishSponge HandTowel SoapBar",
        "Bed": "BaseballBat BasketBall Book CellPhone Laptop Pillow TennisRacket",
        "Cabinet": (
            "Book Bowl Box Candle CD Cloth Cup DishSponge Glassbottle HandTowel Kettle Ladle Mug "
            "Newspaper Pan PepperShaker Plate Plunger Pot SaltShaker SoapBar SoapBottle "
            "SprayBottle TissueBox ToiletPaper Vase WateringCan WineBottle"
        ),
        "Cart": (
            "Candle Cloth DishSponge HandTowel Plunger SoapBar SoapBottle SprayBottle TissueBox ToiletPaper"
        ),
        "CoffeeMachine": "Mug",
        "CoffeeTable": (
            "Book Bowl Box Candle CellPhone CreditCard KeyChain Laptop Newspaper Pen Pencil Plate "
            "RemoteControl Statue TissueBox Vase Watch WateringCan"
        ),
        "CounterTop": (
            "AlarmClock Apple Book Bowl Bread ButterKnife Candle CD CellPhone Cloth CreditCard "
            "Cup DishSponge Egg Fork Glassbottle HandTowel Kettle KeyChain Knife Ladle Laptop "
            "Lettuce Mug Pan Pen Pencil PepperShaker Plate Pot Potato RemoteControl SaltShaker "
            "SoapBar SoapBottle Spatula Spoon SprayBottle Statue TissueBox ToiletPaper Tomato "
            "Vase WineBottle"
        ),
        "Desk": (
            "AlarmClock BasketBall Book Bowl Box CD CellPhone Cloth CreditCard KeyChain Laptop "
            "Mug Pen Pencil RemoteControl Statue TennisRacket TissueBox Vase Watch WateringCan"
        ),
        "DiningTable": (
            "AlarmClock Apple BaseballBat BasketBall Book Bowl Box Bread ButterKnife Candle CD "
            "CellPhone Cloth CreditCard Cup DishSponge Egg Fork Glassbottle Kettle KeyChain Knife "
            "Ladle Laptop Lettuce Mug Newspaper Pan Pen Pencil PepperShaker Plate Pot Potato "
            "RemoteControl SaltShaker SoapBottle Spatula Spoon SprayBottle Statue TennisRacket "
            "TissueBox Tomato Vase Watch WateringCan WineBottle"
        ),
        "Drawer": (
            "Book ButterKnife Candle CD CellPhone Cloth CreditCard DishSponge Fork HandTowel "
            "KeyChain Knife Ladle Newspaper Pen Pencil PepperShaker RemoteControl SaltShaker "
            "SoapBar SoapBottle Spatula Spoon SprayBottle TissueBox ToiletPaper Watch WateringCan"
        ),
        "Dresser": (
            "AlarmClock BasketBall Book Bowl Box Candle CD CellPhone Cloth CreditCard KeyChain "
            "Laptop Mug Newspaper Pen Pencil Plate RemoteControl SprayBottle Statue TennisRacket "
            "TissueBox ToiletPaper Vase Watch WateringCan"
        ),
        "Fridge": ("Apple Bowl Bread Cup Egg Glassbottle Lettuce Mug Pan Plate Pot Potato Tomato WineBottle"),
        "GarbageCan": (
            "Apple Bread CD Cloth DishSponge Egg HandTowel Lettuce Newspaper Pen Pencil Potato "
            "SoapBar SoapBottle SprayBottle TissueBox ToiletPaper Tomato WineBottle"
        ),
        "HandTowelHolder": "HandTowel",
        "LaundryHamper": "Cloth",
        "Microwave": "Apple Bowl Bread Cup Egg Glassbottle Mug Plate Potato Tomato",
        "Ottoman": "Book Box CellPhone CreditCard KeyChain Laptop Newspaper Pillow RemoteControl",
        "Safe": "CD CellPhone CreditCard KeyChain Statue Vase Watch",
        "Shelf": (
            "AlarmClock Book Bowl Box Candle CD CellPhone Cloth CreditCard Cup DishSponge "
            "Glassbottle HandTowel Kettle KeyChain Mug Newspaper Pen Pencil PepperShaker Plate "
            "Pot RemoteControl SaltShaker SoapBar SoapBottle SprayBottle Statue TissueBox "
            "ToiletPaper Vase Watch WateringCan WineBottle"
        ),
        "SideTable": (
            "AlarmClock Apple BaseballBat BasketBall Book Bowl Box Bread ButterKnife Candle CD "
            "CellPhone Cloth CreditCard Cup DishSponge Egg Fork HandTowel Kettle KeyChain Knife "
            "Laptop Lettuce Mug Newspaper Pan Pen Pencil PepperShaker Plate Pot Potato "
            "RemoteControl SaltShaker SoapBar SoapBottle Spatula Spoon SprayBottle Statue "
            "TennisRacket TissueBox ToiletPaper Tomato Vase Watch WateringCan WineBottle"
        ),
        "SinkBasin": (
            "Apple Bowl ButterKnife Cloth Cup DishSponge Egg Fork Glassbottle HandTowel Kettle "
            "Knife Ladle Lettuce Mug Pan Plate Pot Potato SoapBar Spatula Spoon Tomato"
        ),
        "Sofa": "Book Box CellPhone CreditCard KeyChain Laptop Newspaper Pillow RemoteControl",
        "StoveBurner": "Kettle Pan Pot",
        "Toilet": ("Candle Cloth DishSponge HandTowel SoapBar SoapBottle SprayBottle TissueBox ToiletPaper"),
        "ToiletPaperHanger": "ToiletPaper",
        "TowelHolder": "Towel",
    }
)
"""Receptacle kind to the object kinds it can contain (`canContain`)."""

OPENABLE = frozenset({"Cabinet", "Drawer", "Fridge", "Microwave", "Safe"})
"""Receptacles with a door; every one of them begins closed."""

SINGLE = frozenset({"CoffeeMachine", "HandTowelHolder", "StoveBurner", "ToiletPaperHanger", "TowelHolder"})
"""Receptacles with room for one thing, so nobody is asked to put two there. (The rules would allow it.)"""

LAMP = "DeskLamp"
LAMP_STANDS = {
    "bedroom": frozenset({"Desk", "Dresser", "Shelf", "SideTable"}),
    "livingroom": frozenset({"CoffeeTable", "Desk", "SideTable"}),
}
"""The lamp one looks at things with, and room to the receptacle kinds it stands on. Other rooms have none."""

OBJECT_FACTS = _sets(
    {
        "cleanable": (
            "Apple Bowl ButterKnife Cloth Cup DishSponge Egg Fork Kettle Knife Ladle Lettuce Mug "
            "Pan Plate Pot Potato SoapBar Spatula Spoon Tomato"
        ),
        "heatable": "Apple Bread Cup Egg Mug Plate Potato Tomato",
        "coolable": "Apple Bowl Bread Cup Egg Lettuce Mug Pan Plate Pot Potato Tomato WineBottle",
        "sliceable": "Apple Bread Egg Lettuce Potato Tomato",
        "isReceptacleObject": "Bowl Box Cup Mug Pan Plate Pot",
        "toggleable": "DeskLamp",
    }
)
"""PDDL predicate to the object kinds it is true of. Every kind but the lamp is also `pickupable`."""

FURNITURE: dict[str, dict[str, int]] = {
    "kitchen": {
        "CounterTop": 3,
        "Cabinet": 16,
        "Fridge": 1,
        "SinkBasin": 1,
        "Microwave": 1,
        "Drawer": 12,
        "DiningTable": 2,
        "GarbageCan": 1,
        "Shelf": 3,
        "CoffeeMachine": 1,
        "StoveBurner": 4,
        "SideTable": 1,
        "Safe": 1,
    },
    "bedroom": {
        "Bed": 2,
        "Desk": 2,
        "Drawer": 12,
        "SideTable": 2,
        "Dresser": 2,
        "Shelf": 8,
        "GarbageCan": 1,
        "Cabinet": 4,
        "ArmChair": 2,
        "Safe": 1,
        "DiningTable": 1,
        "LaundryHamper": 1,
    },
    "bathroom": {
        "CounterTop": 2,
        "SinkBasin": 2,
        "Cabinet": 8,
        "Toilet": 1,
        "Drawer": 8,
        "GarbageCan": 1,
        "BathtubBasin": 1,
        "Shelf": 4,
        "ToiletPaperHanger": 1,
        "HandTowelHolder": 2,
        "TowelHolder": 2,
        "Cart": 1,
        "SideTable": 1,
    },
    "livingroom": {
        "Sofa": 2,
        "CoffeeTable": 2,
        "Drawer": 12,
        "ArmChair": 3,
        "SideTable": 3,
        "Cabinet": 8,
        "DiningTable": 2,
        "Dresser": 2,
        "Shelf": 8,
        "GarbageCan": 1,
        "Safe": 1,
        "Ottoman": 1,
        "Desk": 1,
    },
}
"""Room to receptacle kinds and the most of each kind; the kinds that a small room needs first stand first."""

THINGS = _lists(
    {
        "kitchen": (
            "Mug Apple Plate Knife Tomato SaltShaker Cup Bread Spoon Potato Bowl Egg Fork Lettuce "
            "Pan PepperShaker DishSponge Pot ButterKnife Spatula SoapBottle Kettle Ladle "
            "WineBottle Glassbottle Vase Statue Book CellPhone CreditCard SprayBottle Pen Pencil"
        ),
        "bedroom": (
            "Book CD AlarmClock CellPhone Pen Pillow KeyChain Laptop Pencil CreditCard Mug Bowl "
            "Box Cloth Watch RemoteControl TissueBox BaseballBat BasketBall TennisRacket Statue "
            "Vase"
        ),
        "bathroom": (
            "SoapBar Cloth ToiletPaper Candle SprayBottle SoapBottle HandTowel DishSponge "
            "TissueBox Towel Plunger"
        ),
        "livingroom": (
            "RemoteControl Newspaper KeyChain Box CreditCard Pillow Laptop Statue Watch Vase "
            "TissueBox Book Plate WateringCan Candle CellPhone Pen Pencil Bowl"
        ),
    }
)
"""Room to the object kinds found there; the kinds that a small room uses stand first."""

APPLIANCE = {
    "pick_clean_then_place_in_recep": "SinkBasin",
    "pick_heat_then_place_in_recep": "Microwave",
    "pick_cool_then_place_in_recep": "Fridge",
}
"""Task type to the receptacle kind that changes the object; such a task never ends in that same kind."""

REQUIREMENT = {
    "pick_clean_then_place_in_recep": "cleanable",
    "pick_heat_then_place_in_recep": "heatable",
    "pick_cool_then_place_in_recep": "coolable",
}
"""Task type to the fact that its target must have."""
