"""The words of the simulated shop. In arrays a word is its position here."""

from __future__ import annotations

from typing import Final

EVENT_TYPES: Final = ("view", "search", "cart", "remove_from_cart", "purchase")
VIEW, SEARCH, CART, REMOVE, PURCHASE = range(len(EVENT_TYPES))

DEVICES: Final = ("mobile", "desktop", "tablet")
REFERRERS: Final = ("direct", "search", "social", "email", "affiliate")

# What a code takes off the price, in percent.
DISCOUNTS: Final = {"WELCOME10": 10, "SAVE15": 15, "EVENING20": 20, "SALE30": 30}

# The median price of each category's products.
CATEGORIES: Final = {
    "books": 14.0,
    "beauty": 19.0,
    "toys": 24.0,
    "clothing": 38.0,
    "garden": 45.0,
    "sports": 55.0,
    "shoes": 70.0,
    "kitchen": 85.0,
    "furniture": 240.0,
    "phones": 420.0,
    "computers": 690.0,
    "jewellery": 160.0,
}
