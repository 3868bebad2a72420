"""A text directive, and the places in a text that a browser finds with it.

The rules are those of https://wicg.github.io/scroll-to-text-fragment/ as far as they matter for telling
places apart: case, accents and kinds of quotation marks do not count, a match begins and ends with a word, a
term lies within one paragraph, nothing but white space stands between a match and its prefix or suffix. For
example `Directive("cost", suffix="nobody")` finds the second of "The cost, or the cost nobody knows".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from urllib.parse import quote

# Letters whose mark is part of them in Unicode, but counts as an accent in a search; and quotation marks.
_ALIKE = str.maketrans("øłđħŧ‘’‚‛“”„‟«»", 'oldht\'\'\'\'""""""')
# From here on there are scripts without spaces: where their words end, browsers take from dictionaries.
_SPACELESS = "\u0e00"
_ARTICLES = 50


@dataclass(frozen=True, slots=True)
class Directive:
    """What a browser looks for: a text, or one that begins with `first` and ends with `last`."""

    first: str
    last: str = ""
    prefix: str = ""
    suffix: str = ""

    def __str__(self) -> str:
        """As it is written behind ":~:"; a dash of its own would mark a context."""
        first, last, prefix, suffix = (
            quote(term, safe="").replace("-", "%2D")
            for term in (self.first, self.last, self.prefix, self.suffix)
        )
        parts = (f"{prefix}-" if prefix else "", first, last, f"-{suffix}" if suffix else "")
        return "text=" + ",".join(filter(None, parts))


def found(text: str, directive: Directive) -> Iterator[tuple[int, int]]:
    """Every place the browser could stop at, in order, as spans of the text."""
    page = _folded(text)
    sought = Directive(*map(_folded, (directive.first, directive.last, directive.prefix, directive.suffix)))
    for start in _occurrences(page, sought.first):
        if _begins(page, sought, start):
            yield from ((start, end) for end in _ends(page, sought, start + len(sought.first)))


def _begins(page: str, sought: Directive, start: int) -> bool:
    """Whether a match may begin here: behind the prefix, or else at the start of a word."""
    if not sought.prefix:
        return not _inside_word(page, start)
    adjacent = len(page[:start].rstrip())
    before = adjacent - len(sought.prefix)
    return before >= 0 and page.startswith(sought.prefix, before) and not _inside_word(page, before)


def _ends(page: str, sought: Directive, first: int) -> Iterator[int]:
    """The end of a match whose first term ends at `first`: none, or the nearest."""
    if not sought.last:
        ends = iter((first,))
    else:
        starts = _occurrences(page, sought.last, first)
        ends = (start + len(sought.last) for start in starts if not _inside_word(page, start))
    whole = (end for end in ends if _ended(page, sought.suffix, end))
    yield from islice(whole, 1)


def _ended(page: str, suffix: str, end: int) -> bool:
    """Whether a match may end here: in front of the suffix, or else at the end of a word."""
    if not suffix:
        return not _inside_word(page, end)
    behind = len(page) - len(page[end:].lstrip())
    return page.startswith(suffix, behind) and not _inside_word(page, behind + len(suffix))


def _occurrences(page: str, term: str, start: int = 0) -> Iterator[int]:
    place = page.find(term, start)
    while place >= 0:
        yield place
        place = page.find(term, place + 1)


def _inside_word(page: str, place: int) -> bool:
    """Whether every browser sees a word go on here."""
    around = page[max(place - 1, 0) : place + 1]
    return len(around) == 2 and all(c.isalnum() and c < _SPACELESS for c in around)


@lru_cache(maxsize=_ARTICLES * 4)
def _folded(text: str) -> str:
    """The text as a search compares it, character by character, so that every offset stays."""
    return "".join(map(_base, text)).translate(_ALIKE)


@lru_cache(maxsize=10_000)
def _base(character: str) -> str:
    """The letter without accent and case; paragraphs stay apart."""
    if character == "\n":
        return character
    letter = unicodedata.normalize("NFKD", character)[0]
    return " " if letter.isspace() else letter.casefold()[0]
