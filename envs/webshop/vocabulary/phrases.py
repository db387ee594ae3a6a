"""Turns of phrase: brands, descriptions and what a person who shops might say."""

from __future__ import annotations

BRAND_STARTS = (
    "Al", "Bel", "Bor", "Cal", "Cor", "Dal", "Del", "El", "Fen", "Gal", "Hal", "Ister", "Jor", "Kel", "Kor", "Lum",
    "Mar", "Mer", "Nor", "Ol", "Par", "Quil", "Ros", "Sel", "Tam", "Ul", "Val", "Wil", "Yar", "Zel",
)  # fmt: skip
BRAND_MIDDLES = ("", "", "a", "e", "i", "o", "an", "en", "in", "or", "ar", "em")
BRAND_ENDS = (
    "bury", "by", "co", "dale", "den", "dra", "fair", "field", "ford", "gate", "ham", "ka", "land", "ley", "lin",
    "mond", "more", "nova", "ora", "quist", "ridge", "sen", "stead", "sta", "ton", "va", "vik", "wood", "worth", "za",
)  # fmt: skip

ABOUT = (
    "We had {use} in mind when we drew the first {thing}, and we use our own.",
    "For {use}, or for an ordinary weekday: the {thing} by {brand}.",
    "{brand} began with the {thing}, and nobody has asked us to stop.",
    "Think of {use}, then of a {brand} {thing}.",
    "Friends who love {use} tried every {thing} they could find. This is where they stayed.",
)
MORE = {
    "beauty": (
        "A little goes a long way.",
        "Mixed in small batches and sealed on the same day.",
        "Pump, spread, done.",
        "The recipe has eleven lines, and we print them all.",
    ),
    "electronics": (
        "The manual fits on one page.",
        "Every unit is switched on and tested before it leaves us.",
        "Spare parts are sold for at least five years.",
        "It does the same few things every time you press the button.",
    ),
    "fashion": (
        "Cut by hand in a small workshop.",
        "If you are between two sizes, take the larger one.",
        "The seams are sewn twice where they have to be.",
        "It looks better after the tenth time than after the first.",
    ),
    "garden": (
        "The box holds everything, including the one tool you need.",
        "Measure the doorway before you order.",
        "Edges are rounded and sanded by hand.",
        "Each piece differs a little, as grown things do.",
    ),
    "grocery": (
        "Packed within a week of your order.",
        "Keep it cool and out of the sun.",
        "The list of what is inside is short, and you can pronounce it.",
        "Our tasters argued for a month, then agreed on this one.",
    ),
}
PROMISES = (
    "SERVICE: write to {brand} and a person answers within two days.",
    "RETURNS: thirty days, no questions, the postage is ours.",
    "IN THE BOX: the {thing} and a card with the maker's name.",
    "CHOICE: please look at every option before you put it in the cart.",
    "GIFT: {brand} wraps it in plain paper on request.",
)
BENEFITS = (
    "you notice it from the first day",
    "checked by {brand} piece by piece",
    "that is what buyers of the {thing} ask for most",
    "good to have for {use}",
    "no compromise here",
    "it says so on the label, and it is so",
)

OPENERS = (
    "i am looking for", "i need", "find me", "i want to buy", "looking for", "please show me", "i would like",
    "can you help me find", "my sister asked me to order", "i'm shopping for", "show me", "could you get me",
    "we have run out, so i need", "hi, do you have", "for my friend i want",
)  # fmt: skip
CLOSERS = ("", "", "", "", " please", " thanks", " as a gift", " this week if possible")
OPTION_PHRASES = {
    "color": ("in {}", "the color should be {}", "in the color {}", "it has to be {}"),
    "size": ("in size {}", "size {}", "the size should be {}", "i take {}"),
    "flavor name": ("in {} flavor", "{} flavored", "the {} one"),
    "flavor": ("in {} flavor", "with a {} taste"),
    "scent": ("with a {} scent", "that smells like {}", "in the scent {}"),
    "style": ("in {} style", "the {} version"),
    "fit type": ("for {}", "in the {} fit"),
    "item package quantity": ("a set of {}", "{} in a package"),
}
