"""The words that members, titles and authors are made of."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    """
    Ada Amir Bela Carlos Chloe Dana Emil Farid Greta Hana Ines Ivo Jonas Kaja Lena Malik Mara Nils Olga Petra
    Rafael Sana Tomas Ute Vera Wim Yara Zoe
    """
)
LAST = _words(
    """
    Abadi Berger Castro Dahl Eder Falk Garcia Hoang Ilic Jensen Kaplan Lindt Moreau Novak Okafor Petit Quist
    Rossi Silva Tanaka Ueda Varga Weiss Yilmaz Zeman
    """
)
QUALITIES = _words(
    "Amber Broken Crimson Distant Empty Frozen Glass Hidden Iron Last Paper Quiet Silver Winter"
)
THINGS = _words(
    "Atlas Bridge Clock Harbor Garden Island Letter Lighthouse Mirror Orchard River Station Tower"
)
SUBJECTS = _words("astronomy cooking gardening history mystery poetry railways sailing")
