"""Short forms that a text explains: "Integrated Care Network (ICN)".

Source: Schwartz and Hearst, A Simple Algorithm for Identifying Abbreviation Definitions in Biomedical Text
(2003). The letters of the short form are looked for in the words before the bracket, from the last one
backwards; the first letter has to begin a word. What is left out: "(ICN) Integrated Care Network", and long
forms that leave out a letter of the short one.

    "the Integrated Care Network (ICN) met"     -> ICN: Integrated Care Network
    "primary care trusts (PCTs)"                -> PCT: primary care trusts
    "ICN (Integrated Care Network)"             -> the same, the other way round
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LONGEST = 10
_LOOKED_BACK = 200  # characters before a bracket that may hold a long form
_BRACKETED = re.compile(r"\(([^()\n]{2,80})\)")
_SHORT = re.compile(r"[^\W\d_][\w&/.-]*")
_LAST_WORD = re.compile(r"([^\W\d_][\w&/.-]*)\s*$")


class Acronym(NamedTuple):
    """A short form and what it stands for, both as written."""

    short: str
    long: str


def find_acronyms(text: str) -> Iterator[Acronym]:
    """Every explained short form, in the order of the text; a sentence's end ends a long form."""
    for found in _BRACKETED.finditer(text):
        inside, before = found[1].strip(), _clause(text[max(0, found.start() - _LOOKED_BACK) : found.start()])
        if is_short_form(inside):
            long = _long_form(inside, before)
            if long:
                yield Acronym(singular(inside), long)
        elif (outside := _LAST_WORD.search(before)) and is_short_form(outside[1]):
            long = _long_form(outside[1], inside)
            if long == inside:
                yield Acronym(singular(outside[1]), long)


def is_short_form(word: str) -> bool:
    """One word of two to ten characters with two capitals: ICN, DfES, PCTs; not Smith, not 2004."""
    capitals = sum(letter.isupper() for letter in word)
    return bool(_SHORT.fullmatch(word)) and 2 <= len(word) <= _LONGEST and capitals >= 2


def singular(short: str) -> str:
    """ "PCTs" -> "PCT"."""
    return short[:-1] if short[-1:] == "s" and short[:-1].isupper() else short


def _clause(before: str) -> str:
    """What may hold the long form: the end of the sentence so far."""
    return re.split(r"[.;:!?\n]\s|\n", before)[-1].rstrip()


def _long_form(short: str, before: str) -> str:
    """The words at the end of `before` that hold the letters of the short form, or "" when they do not."""
    letters = [letter for letter in singular(short).lower() if letter.isalnum()]
    words = before.split()[-min(len(letters) + 5, 2 * len(letters)) :]
    tail = " ".join(words)
    place = len(tail)
    for number, letter in enumerate(reversed(letters)):
        first = number == len(letters) - 1
        place -= 1
        while place >= 0 and not _matches(tail, place, letter, first=first):
            place -= 1
        if place < 0:
            return ""
    long = tail[place:]
    return long if len(long) > len(short) and short not in long.split() else ""


def _matches(text: str, place: int, letter: str, *, first: bool) -> bool:
    starts_word = place == 0 or not text[place - 1].isalnum()
    return text[place].lower() == letter and (starts_word or not first)
