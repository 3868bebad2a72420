"""Reads and writes numbers: in words, with a scale, as ordinals."""

from __future__ import annotations

import re
from decimal import Decimal

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORD_VALUES = dict(zip(UNITS, range(20), strict=True)) | dict(zip(TENS, range(20, 100, 10), strict=True))
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
    " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
ORDINAL_VALUES = dict(zip(ORDINALS, range(1, 21), strict=True))
SCALES = {
    "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000, "k": 1_000, "m": 1_000_000, "mn": 1_000_000, "bn": 1_000_000_000,
}  # fmt: skip


def write_number(digits: str, scale: int) -> str:
    """Digits times a scale without zeros at the end: "1.20" and a million -> "1200000"."""
    return f"{(Decimal(digits.replace(',', '')) * scale).normalize():f}"


def read_number(text: str) -> int:
    """The value of a number in words: "two hundred and fifty thousand" -> 250000."""
    total = current = 0
    for word in re.split("[ -]", text):
        if word in ("a", "an"):
            current = 1
        elif word == "hundred":
            current *= 100
        elif word in SCALES:
            total, current = total + current * SCALES[word], 0
        else:
            current += _WORD_VALUES.get(word, 0)
    return total + current


def write_ordinal(number: int) -> str:
    """2 -> "2nd"."""
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
