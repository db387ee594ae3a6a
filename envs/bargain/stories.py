"""The texts of scenarios: people, goods, jobs and what can be said for them."""

from __future__ import annotations

from typing import NamedTuple

from turngym.envs.bargain.scenario import Argument


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE = _words(
    "Amira Bela Carlo Dina Emeka Farah Goran Hana Ivan Jada Kofi Leila Mateo Nadia Omar Priya Quentin Rosa Samir "
    "Tomoko Ugo Vera Wen Yara Zoltan"
)


class Good(NamedTuple):
    """Something for sale."""

    name: str
    lowest: int
    """The least that a seller may want for it."""
    step: int
    """Between two prices."""
    seller: tuple[Argument, ...]
    buyer: tuple[Argument, ...]


def _arguments(**texts: str) -> tuple[Argument, ...]:
    return tuple(Argument(keyword, text) for keyword, text in texts.items())


GOODS = (
    Good(
        "a touring bicycle",
        120,
        5,
        _arguments(
            serviced="It was serviced last month.", tyres="The tyres are new.", lock="I add the lock."
        ),
        _arguments(
            chain="The chain is worn.",
            cash="I pay in cash today.",
            scratch="There is a scratch on the frame.",
        ),
    ),
    Good(
        "a cast iron stove",
        300,
        10,
        _arguments(
            warranty="It has a year of warranty.", flue="The flue comes with it.", tested="I tested it."
        ),
        _arguments(
            rust="I see rust at the door.", carry="I carry it away myself.", cash="I have the cash here."
        ),
    ),
    Good(
        "an upright piano",
        600,
        20,
        _arguments(
            tuned="It was tuned in spring.", stool="The stool is included.", maker="The maker is well known."
        ),
        _arguments(keys="Two keys stick.", stairs="I pay for the stairs.", moths="Moths were at the felt."),
    ),
    Good(
        "a used laptop",
        240,
        10,
        _arguments(
            battery="The battery is new.", screen="The screen is flawless.", memory="It has more memory."
        ),
        _arguments(
            hinge="The hinge is loose.", older="It is older than you wrote.", cash="I pay cash at once."
        ),
    ),
    Good(
        "a wooden rowing boat",
        400,
        20,
        _arguments(
            varnish="The varnish is fresh.", oars="The oars are included.", trailer="You may use my trailer."
        ),
        _arguments(leak="It has a small leak.", season="The season is over.", plank="One plank is soft."),
    ),
    Good(
        "a film camera",
        90,
        5,
        _arguments(
            lens="The lens is spotless.", case="The leather case is included.", film="I add three films."
        ),
        _arguments(
            shutter="The shutter is slow.", meter="The light meter is dead.", strap="The strap is missing."
        ),
    ),
)


class Job(NamedTuple):
    """Something that one party does or delivers for the other."""

    name: str
    lowest: int
    step: int
    extra: str
    """An issue of its own with the options none, basic and full."""
    doer: tuple[Argument, ...]
    payer: tuple[Argument, ...]


JOBS = (
    Job(
        "painting a flat",
        400,
        25,
        "cleaning",
        _arguments(
            paint="Good paint has become dear.",
            careful="I work with great care.",
            neighbour="Ask your neighbour.",
        ),
        _arguments(
            ceiling="The ceiling needs no paint.",
            recommend="I shall recommend you.",
            empty="The flat is empty.",
        ),
    ),
    Job(
        "delivering two hundred chairs",
        800,
        50,
        "setup",
        _arguments(
            fuel="Fuel has become dear.",
            punctual="We are always punctual.",
            insured="Every chair is insured.",
        ),
        _arguments(
            again="We order again in autumn.",
            ground="It is all on the ground floor.",
            helpers="We have helpers.",
        ),
    ),
    Job(
        "catering for a wedding",
        1200,
        50,
        "dessert",
        _arguments(
            local="All of it is local.", chef="Our chef won a prize.", tasting="You may come to a tasting."
        ),
        _arguments(
            kitchen="There is a kitchen on site.",
            photos="You may use our photos.",
            weekday="It is on a weekday.",
        ),
    ),
    Job(
        "building a website",
        700,
        50,
        "support",
        _arguments(
            fast="My pages load fast.", phone="They work on every phone.", drafts="I show three drafts."
        ),
        _arguments(
            texts="The texts are written.", credit="Your name stands below.", simple="It is a simple site."
        ),
    ),
)


class Part(NamedTuple):
    """What somebody is in a scenario, and wants."""

    role: str
    goal: str


SELLER = Part("the seller", "sell for as much as you can")
BUYER = Part("the buyer", "buy for as little as you can")
DOER = Part("the one who is hired", "be paid well for little trouble")
PAYER = Part("the one who pays", "get much for little money")
TRAVELLER = Part("one of the two", "travel as you like it best")

DAYS = ("monday", "wednesday", "friday", "sunday")
EXTRAS = ("none", "basic", "full")


class Sharing(NamedTuple):
    """Things that each go to one of two people."""

    kind: str
    part: Part
    sign: int
    """1 where it is good to get a thing, -1 where it is bad."""
    thirds: int
    """No deal is worth so many thirds of all things together."""
    arguments: tuple[Argument, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    """What happened, and the things."""


GOODS_SHARED = Sharing(
    "split",
    Part("one of the two", "get what you like best"),
    1,
    1,
    _arguments(promise="It was a promise to me.", child="I knew it as a child.", repair="I would repair it."),
    (
        ("inherited a box from an aunt", _words("atlas clock fiddle lamp mirror teapot vase album")),
        ("cleared a garage together", _words("drill ladder tent kayak bench heater radio sledge")),
        ("won a raffle on one ticket", _words("hamper voucher blanket games puzzle cheese wine umbrella")),
    ),
)
DUTIES_SHARED = Sharing(
    "chores",
    Part("one of the two", "keep out of the work you hate"),
    -1,
    2,
    _arguments(back="My back hurts.", late="I work late this week.", did="I did most of it last time."),
    (
        (
            "share a flat that nobody has cleaned",
            _words("cooking dishes laundry rubbish shopping vacuuming windows"),
        ),
        (
            "share a garden, and spring is coming",
            _words("compost digging hedge mowing pruning watering weeding"),
        ),
        ("keep a shop together", _words("accounts cleaning deliveries opening orders shelves stocktaking")),
    ),
)

TRIP = (
    ("destination", ("coast", "mountains", "city", "lake")),
    ("month", ("may", "june", "july", "september")),
    ("lodging", ("tent", "hostel", "hotel")),
)
WISHES = _arguments(
    train="I found cheap train tickets.",
    friend="A friend would host us.",
    weather="The weather is best then.",
)
