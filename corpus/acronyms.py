"""Finds the acronyms that a text defines: "Integrated Care Network (ICN)".

Source: Schwartz and Hearst, A Simple Algorithm for Identifying Abbreviation Definitions in Biomedical Text
(2003). Matches the letters of the short form backwards in the words before the bracket; the first letter has
to begin a word. Not supported: "(ICN) Integrated Care Network", and long forms without one of the letters.

    "the Integrated Care Network (ICN) met"     -> ICN: Integrated Care Network
    "primary care trusts (PCTs)"                -> PCT: primary care trusts
    "ICN (Integrated Care Network)"             -> the same, the other way round
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_MAX_LENGTH = 10
_LOOK_BACK = 200  # characters before a bracket that may hold a long form
_BRACKETED = re.compile(r"\(([^()\n]{2,80})\)")
_SHORT = re.compile(r"[^\W\d_][\w&/.-]*")
_CLAUSE_END = re.compile(r"[.;:!?\n]\s|\n")
_LAST_WORD = re.compile(r"([^\W\d_][\w&/.-]*)\s*$")


class Acronym(NamedTuple):
    """A short form and its long form, both as written."""

    short: str
    long: str


def find_acronyms(text: str) -> Iterator[Acronym]:
    """Every defined short form, in the order of the text; a long form lies within one sentence."""
    for match in _BRACKETED.finditer(text):
        inside = match[1].strip()
        before = _CLAUSE_END.split(text[max(0, match.start() - _LOOK_BACK) : match.start()])[-1].rstrip()
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
    return bool(_SHORT.fullmatch(word)) and 2 <= len(word) <= _MAX_LENGTH and capitals >= 2


def singular(short: str) -> str:
    """ "PCTs" -> "PCT"."""
    return short[:-1] if short[-1:] == "s" and short[:-1].isupper() else short


def _long_form(short: str, before: str) -> str:
    """The words at the end of `before` that contain the letters of the short form, or ""."""
    letters = [letter for letter in singular(short).lower() if letter.isalnum()]
    words = before.split()[-min(len(letters) + 5, 2 * len(letters)) :]
    tail = " ".join(words)
    position = len(tail)
    for number, letter in enumerate(reversed(letters)):
        first = number == len(letters) - 1
        position -= 1
        while position >= 0 and not _matches(tail, position, letter, first=first):
            position -= 1
        if position < 0:
            return ""
    long = tail[position:]
    return long if len(long) > len(short) and short not in long.split() else ""


def _matches(text: str, position: int, letter: str, *, first: bool) -> bool:
    starts_word = position == 0 or not text[position - 1].isalnum()
    return text[position].lower() == letter and (starts_word or not first)
