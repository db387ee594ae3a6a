"""Names of a land that does not exist: different for different things, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

from turngym.envs.draw import Draw


def words(text: str) -> tuple[str, ...]:
    """The words of a list written as one text."""
    return tuple(text.split())


_TOWN = words(
    "Bran Elver Tarn Quill Ost Harrow Mel Dun Fen Garl Hex Ish Jor Kest Lorn Mor Nev Orl Pell Rav Sel "
    "Thorn Ulm Var Wex Yar Zel Cask Drum Ember"
)
_TOWN_END = words("holt mere wick stead ford gate combe by ness moor haven low crest den march field")
_RIVER = words("Tess Ald Bree Cor Dov Esk Fal Gwen Hul Ivel Kenn Lam Nidd Oth Parr Rill Sarn Teme Usk Wend")
_RIVER_END = words("el an ow ine ra isk ett une")
_REGION = words(
    "Arven Belmar Calder Dorran Estra Halm Ilmen Kerrow Lisk Norva Ostrel Rhun Sorrel Tavar Ulver Wenlo"
)
_REGION_END = words("mark land shire ia reach")
_FIRST = words(
    "Ada Anselm Bette Bram Cato Celia Dag Dora Edda Emil Fenna Florian Gerda Gideon Hanne Hugo Ilsa "
    "Ivo Jana Jonas Kaja Klara Lasse Lena Maren Milo Nils Nora Odile Orrin Petra Piet Quirin Rasmus "
    "Runa Silas Signe Thea Tobin Una Ulf Vera Viggo Wanda Wim Xenia Yorick Yrsa Zora"
)
_LAST = words(
    "Marrow Hollis Pen Tarl Gris Vand Beck Crane Dahl Eld Fisk Gorm Hask Ild Jern Kald Lund Mosk Norr "
    "Oster Pilk Quist Rook Sand Thorn Ulf Vint Wick Yarr Zand Brill Clave Drake Fenn"
)
_LAST_END = words("by son wright sen ley croft ham berg stone dal worth man")
_BIRD = words(
    "Heron Gannet Plover Curlew Osprey Petrel Swift Kestrel Wren Teal Tern Eider Raven Dunlin Siskin "
    "Falcon Grebe Linnet Merlin Bittern"
)
_HUE = words("Grey White Black Silver Golden Crimson Pale Amber Green Blue Scarlet Ivory")
_MATTER = words(
    "Salt Paper Glass Winter Copper Willow Harvest Midnight Tin Ash Velvet Marble Amber Thistle Chalk "
    "Lantern Juniper Iron Barley Cedar"
)
_THING = words(
    "Ledger Orchard Letters Clock Garden Staircase Almanac Promise Harbour Mirror Key Song Voyage "
    "Trial Inheritance Atlas Bell Winter Witness Door"
)
_HOUSE = words(
    "North East West South Bright Stone Oak Elm High Low Deep Star Sun Moon Wind Frost Rain Snow Hill "
    "Lake Marsh Brook Cliff Spring"
)
_HOUSE_END = words("light water wood field bank path view crown bridge wall yard dale")
_FIRM = ("{} Company", "{} & Daughters", "House of {}", "{} Brothers", "{} Works", "{} and Partners")
_SPAN = words(
    "Lantern Queen's Ferry Old Toll Weavers' Mill Swan Chain Long Arch Monks' Cloister Market "
    "Drovers' Tanners' Abbey Coopers' Orchard Raven Castle Miller's Harp Anchor Guild King's Saddle "
    "Crooked Candle Harvest Mason's Bell Wheel Fox Linden Pilgrims' Archer's Garland Kettle Quarry"
)
_SHOWN = words(
    "Clocks Maps Lace Bells Keys Kites Masks Coins Locks Puppets Lamps Buttons Compasses Moths Shells "
    "Toys Scales Anchors Organs Quills Looms Kettles Ropes Tiles Fans Mirrors Barometers Flutes"
)
_PEAK = words("Orrin Veld Hask Tor Brae Sunder Karn Ebb Skell Dru Galt Morv Pyre Ridd Stag Wyrm")

_MAKERS: dict[str, Callable[[Draw], str]] = {
    "region": lambda draw: draw.one(_REGION) + draw.one(_REGION_END),
    "river": lambda draw: f"River {draw.one(_RIVER)}{draw.one(_RIVER_END)}",
    "town": lambda draw: draw.one(_TOWN) + draw.one(_TOWN_END),
    "person": lambda draw: f"{draw.one(_FIRST)} {draw.one(_LAST)}{draw.one(_LAST_END)}",
    "book": lambda draw: f"The {draw.one(_MATTER)} {draw.one(_THING)}",
    "ship": lambda draw: f"The {draw.one(_HUE)} {draw.one(_BIRD)}",
    "company": lambda draw: draw.one(_FIRM).format(draw.one(_HOUSE) + draw.one(_HOUSE_END)),
    "bridge": lambda draw: f"{draw.one(_SPAN)} Bridge",
    "museum": lambda draw: f"Museum of {draw.one(_SHOWN)}",
    "mount": lambda draw: f"Mount {draw.one(_PEAK)}{draw.one(('', 'horn', 'fell', 'spire'))}",
}


def some_names(kind: str, count: int, draw: Draw) -> list[str]:
    """Different names of a kind: persons differ in their last, companies in their own part."""
    found: dict[str, str] = {}
    while len(found) < count:
        name = _MAKERS[kind](draw)
        found.setdefault(_told_apart(kind, name), name)
    return list(found.values())


def _told_apart(kind: str, name: str) -> str:
    if kind == "person":
        return name.split()[-1]
    if kind == "company":
        return min(set(name.split()) & {first + last for first in _HOUSE for last in _HOUSE_END})
    return name
