"""Values of the options that several kinds of product share."""

from __future__ import annotations

CLOTH_COLORS = (
    "Black", "White", "Navy Blue", "Forest Green", "Wine Red", "Charcoal Grey", "Dusty Pink", "Mustard Yellow",
    "Olive", "Cream", "Rust Orange", "Lavender", "Chocolate Brown", "Teal", "Coral",
)  # fmt: skip
DEVICE_COLORS = (
    "Black", "White", "Space Grey", "Silver", "Midnight Blue", "Rose Gold", "Mint Green", "Red", "Purple", "Orange",
)  # fmt: skip
HOME_COLORS = (
    "Walnut Brown", "Natural Oak", "White", "Black", "Slate Grey", "Sage Green", "Navy Blue", "Beige", "Terracotta",
    "Ivory", "Espresso", "Mustard Yellow", "Dusty Rose", "Teal",
)  # fmt: skip
CLOTH_SIZES = ("XS", "Small", "Medium", "Large", "XL", "XXL")
SHOE_SIZES = ("5", "6", "7", "8", "9", "10", "11", "12", "13")
WAISTS = ("28", "30", "32", "34", "36", "38", "40")
PACKS = ("Single", "Twin Pack", "Triple Pack", "Six Count", "Dozen Box", "Bulk Carton")
BOTTLES = ("30 ml", "75 ml", "120 ml", "200 ml", "400 ml", "1 Liter")
BAGS = ("Sample Bag", "Half Pound", "One Pound", "Two Pound", "Five Pound")
FITS = ("Men", "Women", "Youth")
SCENTS = (
    "Lavender", "Vanilla", "Citrus Grove", "Fresh Linen", "Rose", "Coconut", "Eucalyptus",
    "Cedar", "Jasmine", "Peach",
)  # fmt: skip
BED_SIZES = ("Twin", "Full", "Queen", "King", "Bunk")
RUG_SIZES = ("Small 2 x 3", "Runner 2 x 8", "Medium 5 x 7", "Large 8 x 10", "Round 6 ft", "Square 9 ft")
CABLE_SIZES = ("Three Feet", "Six Feet", "Ten Feet", "Fifteen Feet", "Fifty Feet")
SPANS = ("24in", "32in", "40in", "48in", "60in")
