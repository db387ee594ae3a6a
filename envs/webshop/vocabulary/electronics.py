"""Electronics."""

from __future__ import annotations

from turngym.envs.webshop.vocabulary.kind import Kind
from turngym.envs.webshop.vocabulary.options import CABLE_SIZES, DEVICE_COLORS

_POWER = ("fast charging", "wireless charging", "solar powered")
_BATTERY = ("long lasting [battery]", "replaceable [battery]", "[usb] powered")
_BODY = ("water resistant", "dust proof", "shock proof")
_SETUP = ("plug and play", "easy [installation]", "hands free")
_SOUND = ("noise cancelling", "stereo [sound]", "deep [bass]")
_VIEW = ("high [definition]", "ultra [hd]", "high [resolution]")
_LINK = ("with wireless [bluetooth]", "with [usb port]", "with gold plated [connectors]")

KINDS = (
    Kind(
        category="electronics",
        path="Electronics › Audio › Headphones › Over-Ear",
        query="over-ear headphones",
        name="[headphones]",
        forms=("over [ear]", "[studio]", "folding", "[gaming]"),
        traits=(_SOUND, _BATTERY, _LINK, ("with carrying [case]", "with detachable [microphone]")),
        uses=("[flights]", "[home office]", "[music production]"),
        options={"Color": DEVICE_COLORS},
        price=(25, 220),
    ),
    Kind(
        category="electronics",
        path="Electronics › Audio › Headphones › Earbuds",
        query="wireless earbuds",
        name="wireless [earbuds]",
        forms=("in [ear]", "[sport]", "mini", "open [ear]"),
        traits=(_SOUND, _POWER, _BODY, ("with charging [case]", "with ear [hooks]")),
        uses=("[running]", "[calls]", "the [subway]"),
        options={"Color": DEVICE_COLORS},
        price=(18, 130),
    ),
    Kind(
        category="electronics",
        path="Electronics › Audio › Speakers › Bluetooth",
        query="bluetooth speakers",
        name="bluetooth [speaker]",
        forms=("portable", "[shower]", "[party]", "[bookshelf]"),
        traits=(_SOUND, _BODY, _BATTERY, ("with [led lights]", "with carrying [strap]")),
        uses=("[pool parties]", "[picnics]", "small [rooms]"),
        options={"Color": DEVICE_COLORS},
        price=(20, 160),
    ),
    Kind(
        category="electronics",
        path="Electronics › Phone Accessories › Chargers › Wall Chargers",
        query="phone chargers",
        name="[phone charger]",
        forms=("dual [port]", "compact", "magnetic", "[desk]"),
        traits=(
            _POWER,
            _SETUP,
            ("with foldable [plug]", "with braided [cable]"),
            ("light [weight]", "heavy [duty]"),
        ),
        uses=("[travel]", "[nightstands]", "[classrooms]"),
        options={"Color": DEVICE_COLORS, "Style": ("20W", "30W", "45W", "65W")},
        price=(9, 60),
    ),
    Kind(
        category="electronics",
        path="Electronics › Phone Accessories › Cases",
        query="phone cases",
        name="[phone case]",
        forms=("clear", "[wallet]", "slim", "rugged"),
        traits=(
            _BODY,
            ("wireless charging", "non slip"),
            ("with screen [protector]", "with card [holder]"),
            ("tempered [glass]", "soft [silicone]"),
        ),
        uses=("[commuters]", "clumsy [hands]", "[construction sites]"),
        options={"Color": DEVICE_COLORS, "Size": ("Mini", "Regular", "Plus", "Ultra")},
        price=(8, 42),
    ),
    Kind(
        category="electronics",
        path="Electronics › Television & Video › Cables › HDMI Cables",
        query="hdmi cables",
        name="[hdmi cable]",
        forms=("braided", "flat", "right [angle]", "in [wall]"),
        traits=(
            ("high [speed]", "extra long [range]"),
            ("gold plated", "nickel plated"),
            _SETUP,
            ("for home [theater]", "for gaming [consoles]"),
        ),
        uses=("[projectors]", "[monitors]", "long [runs]"),
        options={"Color": DEVICE_COLORS, "Size": CABLE_SIZES},
        price=(7, 48),
    ),
    Kind(
        category="electronics",
        path="Electronics › Television & Video › Projectors",
        query="projectors",
        name="[projector]",
        forms=("mini", "short [throw]", "ceiling", "outdoor [movie]"),
        traits=(
            _VIEW,
            ("with remote [control]", "with tripod [stand]"),
            _SETUP,
            ("for home [theater]", "for business [meetings]"),
        ),
        uses=("[movie nights]", "[lectures]", "[football finals]"),
        options={"Color": DEVICE_COLORS},
        price=(70, 480),
    ),
    Kind(
        category="electronics",
        path="Electronics › Cameras › Digital Cameras",
        query="digital cameras",
        name="digital [camera]",
        forms=("compact", "[action]", "[vlogging]", "instant"),
        traits=(
            _VIEW,
            ("optical [zoom]", "digital [zoom]"),
            _BODY,
            ("with image [stabilization]", "with flip [screen]"),
        ),
        uses=("[holidays]", "[bird watching]", "[beginners]"),
        options={
            "Color": DEVICE_COLORS,
            "Style": ("Camera Only", "With Memory Card", "With Tripod", "Full Kit"),
        },
        price=(60, 520),
    ),
    Kind(
        category="electronics",
        path="Electronics › Wearables › Smart Watches",
        query="smart watches",
        name="smart [watch]",
        forms=("[fitness]", "slim", "[outdoor]", "[kids]"),
        traits=(
            _BODY,
            _BATTERY,
            ("heart [rate]", "sleep [tracking]"),
            ("with touch [screen]", "with stainless [steel]"),
        ),
        uses=("[swimming]", "daily [steps]", "[cycling]"),
        options={
            "Color": DEVICE_COLORS,
            "Size": ("38mm", "41mm", "45mm", "49mm"),
        },
        price=(28, 240),
    ),
    Kind(
        category="electronics",
        path="Electronics › Computers › Keyboards",
        query="computer keyboards",
        name="[keyboard]",
        forms=("mechanical", "split", "compact", "full [size]"),
        traits=(_SETUP, ("spill proof", "dust proof"), _LINK, ("with wrist [rest]", "with [number pad]")),
        uses=("[programmers]", "late [nights]", "[tablets]"),
        options={"Color": DEVICE_COLORS, "Style": ("Linear Switch", "Tactile Switch", "Clicky Switch")},
        price=(22, 170),
    ),
    Kind(
        category="electronics",
        path="Electronics › Computers › Tablets",
        query="tablets",
        name="[tablet]",
        forms=("ten [inch]", "drawing", "[kids]", "reading"),
        traits=(
            _VIEW,
            ("quad [core]", "eight [core]"),
            ("with stylus [pen]", "with folding [stand]"),
            _BATTERY,
        ),
        uses=("[sketching]", "[recipes]", "long [car rides]"),
        options={"Color": DEVICE_COLORS, "Size": ("32 GB", "64 GB", "128 GB", "256 GB")},
        price=(60, 450),
    ),
    Kind(
        category="electronics",
        path="Electronics › Security › Home Cameras",
        query="security cameras",
        name="[security camera]",
        forms=("indoor", "[doorbell]", "dome", "[floodlight]"),
        traits=(
            ("motion [detection]", "night [vision]"),
            _VIEW,
            _BODY,
            ("with two way [audio]", "with cloud [storage]"),
        ),
        uses=("[driveways]", "[nurseries]", "[pets]"),
        options={"Color": DEVICE_COLORS, "Item Package Quantity": ("1", "2", "3", "4")},
        price=(24, 210),
    ),
)
