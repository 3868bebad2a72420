"""Links to a quotation in its published article: text fragments, each checked to match one place alone.

Matching follows https://wicg.github.io/scroll-to-text-fragment/: case, accents and kinds of quotation marks
do not count, a match begins and ends at a word, a term lies in one paragraph, and only white space stands
between a match and its prefix or suffix.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote

from corpus.article import Article
from web.citations.quotation import web_address

# Letters whose stroke Unicode does not separate, but a search ignores; and kinds of quotation marks.
_ALIKE = str.maketrans("øłđħŧ‘’‚‛“”„‟«»", 'oldht\'\'\'\'""""""')
# Scripts without spaces begin here: browsers find the ends of their words in dictionaries.
_SPACELESS = "\u0e00"
_CACHED_PAGES = 8
_CACHED_LETTERS = 10_000
# Links of longer articles have no fragment: a request may name fifty articles, and each is read whole.
_LONGEST_PAGE = 500_000  # characters
# Occurrences of terms looked at for one link, which goes without a fragment when they do not suffice.
_MOST_PLACES = 20_000
# White space between a term and its context; a canonical text has two line feeds at most.
_GAP = 8
# A longer quotation is given by its first and last words: a whole one fails at the first footnote mark.
WHOLE = 15  # words
# Words in the first and last term, and in a context, in the order of trying.
_TERM_WORDS = (4, 6, 8)
_CONTEXT_WORDS = (0, 3, 5, 8)
# Characters in a term at most: scripts without spaces give longer ones, which make links too long to send.
_MAX_TERM = 300
_WINDOW = _MAX_TERM + 1
"""Characters from which a term is taken: one of this length is cut off, and refused."""
_MARK = ":~:"
# Punctuation that browsers may take for the inside of a word: "3.5", "U.S", "don’t", "10:30".
_JOINERS = frozenset(".·:;,'‘’＇․﹒‧")
_MARKS = ("Mn", "Mc", "Me", "Cf")

Span = tuple[int, int]


def fragment_link(article: Article, span: Span) -> str:
    """The article's address with a text fragment for the span, widened to whole words.

    "" when the article has no address on the web, or no fragment is found that tells the span from all other
    places. The time is linear in the length of the article, and bounded.
    """
    url = web_address(article.url)
    if not url or len(article.text) > _LONGEST_PAGE:
        return ""
    directive = _unique_directive(article.text, _whole_words(article.text, span))
    base = url.partition(_MARK)[0]
    return f"{base}{'' if '#' in base else '#'}{_MARK}{directive}" if directive else ""


def _unique_directive(text: str, cited: Span) -> Directive | None:
    """The first candidate that matches the cited span alone; None if there is none within the budget."""
    places = iter(range(_MOST_PLACES))
    for directive in _directives(text, cited) if cited[0] < cited[1] else ():
        found = list(islice(matches(text, directive, places), 2))
        if next(places, None) is None:  # spent: a second match may not have been reached
            return None
        if found == [cited]:
            return directive
    return None


class Directive(NamedTuple):
    """A text to match, or one that begins with `first` and ends with `last`.

    `Directive("cost", suffix="nobody")` matches the second of "The cost, or the cost nobody knows".
    """

    first: str
    last: str = ""
    prefix: str = ""
    suffix: str = ""

    def __str__(self) -> str:
        """As written behind ":~:"; a dash inside a term is encoded, as dashes mark a context."""
        first, last, prefix, suffix = (quote(term, safe="").replace("-", "%2D") for term in self)
        parts = (f"{prefix}-" if prefix else "", first, last, f"-{suffix}" if suffix else "")
        return "text=" + ",".join(filter(None, parts))


def matches(text: str, directive: Directive, places: Iterator[int]) -> Iterator[Span]:
    """Every place where a browser could stop, in order, as spans of the text.

    Takes one of `places` for each occurrence of a term that it looks at, and ends when there are none left.
    """
    page = _page(text)
    first, last, prefix, suffix = map(_folded, directive)
    starts = (start for start in _occurrences(page, first, places) if _can_begin(page, prefix, start))
    if not last:
        ends = ((start, start + len(first)) for start in starts)
        yield from (span for span in ends if _can_end(page, suffix, span[1]))
        return
    lasts = (
        place
        for place in _occurrences(page, last, places)
        if not _inside_word(page, place) and _can_end(page, suffix, place + len(last))
    )
    place = next(lasts, None)
    for start in starts:  # the nearest end of a later start is never an earlier one
        while place is not None and place < start + len(first):
            place = next(lasts, None)
        if place is None:
            return
        yield start, place + len(last)


def _can_begin(page: str, prefix: str, start: int) -> bool:
    """Whether a match may begin here: behind the prefix, or else at the start of a word."""
    if not prefix:
        return not _inside_word(page, start)
    gap = page[max(start - _GAP, 0) : start]
    before = start - len(gap) + len(gap.rstrip()) - len(prefix)
    return before >= 0 and page.startswith(prefix, before) and not _inside_word(page, before)


def _can_end(page: str, suffix: str, end: int) -> bool:
    """Whether a match may end here: in front of the suffix, or else at the end of a word."""
    if not suffix:
        return not _inside_word(page, end)
    gap = page[end : end + _GAP]
    behind = end + len(gap) - len(gap.lstrip())
    return page.startswith(suffix, behind) and not _inside_word(page, behind + len(suffix))


def _occurrences(page: str, term: str, places: Iterator[int]) -> Iterator[int]:
    position = page.find(term)
    while position >= 0 and next(places, None) is not None:
        yield position
        position = page.find(term, position + 1)


def _inside_word(page: str, position: int) -> bool:
    """Whether every browser takes the characters on both sides for one word."""
    around = page[max(position - 1, 0) : position + 1]
    return len(around) == 2 and all(c.isalnum() and c < _SPACELESS for c in around)


class _Folding(dict[int, str]):
    """Characters by code point as a search compares them, one for one, so that every offset is unchanged."""

    def __missing__(self, code: int) -> str:
        """The letter without accent and case; a line feed is unchanged, as it ends a paragraph."""
        if len(self) > _CACHED_LETTERS:
            self.clear()
        letter = unicodedata.normalize("NFKD", chr(code))[0]
        base = " " if letter.isspace() and code != ord("\n") else letter.casefold()[0]
        self[code] = base.translate(_ALIKE)
        return self[code]


_FOLDING = _Folding()


def _folded(text: str) -> str:
    return text.translate(_FOLDING)


_page = lru_cache(_CACHED_PAGES)(_folded)


def _whole_words(text: str, span: Span) -> Span:
    """The span without white space at its ends, from the start of a word to the end of one."""
    cited = text[slice(*span)]
    start, end = span[0] + len(cited) - len(cited.lstrip()), span[0] + len(cited.rstrip())
    if start >= end:
        return start, end
    before, behind = range(start, start - _WINDOW, -1), range(end, end + _WINDOW)
    return _word_edge(text, before), _word_edge(text, behind)


def _word_edge(text: str, positions: range) -> int:
    """The first position between words; if there is none, one so far away that the term is refused."""
    return next((at for at in positions if not _may_be_inside_word(text, at)), positions.stop)


def _may_be_inside_word(text: str, position: int) -> bool:
    """Whether some browser may take the characters on both sides for one word."""
    before, behind = text[max(position - 2, 0) : position], text[position : position + 2]
    outer, left, right, next_right = tuple(f"{before:>2}{behind:<2}")
    if _of_word(left) and _of_word(right):
        return True
    # Punctuation is inside a word only between letters or digits.
    joined_left = _of_word(outer) and left in _JOINERS and _of_word(right)
    return joined_left or (_of_word(left) and right in _JOINERS and _of_word(next_right))


def _of_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character) in _MARKS


def _directives(text: str, cited: Span) -> Iterator[Directive]:
    """Candidates: without context, then with ever more words before, behind, or on both sides."""
    start, end = cited
    terms = _terms(text[start:end])
    for words in _CONTEXT_WORDS:
        before = _last_words(text[max(start - _WINDOW, 0) : start], words)
        behind = _first_words(text[end : end + _WINDOW], words)
        contexts = dict.fromkeys([(before, ""), ("", behind), (before, behind)])
        candidates = (Directive(*pair, *context) for pair in terms for context in contexts)
        yield from (one for one in candidates if max(map(len, one)) <= _MAX_TERM)


def _terms(quoted: str) -> list[tuple[str, str]]:
    """First and last term of a long quotation, shorter ones first; a short one is a term as a whole."""
    if "\n" not in quoted and len(quoted.split(None, WHOLE)) <= WHOLE:
        return [(quoted, "")]
    head, tail = quoted[:_WINDOW], quoted[-_WINDOW:]
    return [(_first_words(head, words), _last_words(tail, words)) for words in _TERM_WORDS]


def _first_words(text: str, count: int) -> str:
    """The first words of a text, as far as its first paragraph has them."""
    paragraph = text.lstrip().partition("\n")[0]
    return _from_first_to_last(list(re.finditer(r"\S+", paragraph))[:count])


def _last_words(text: str, count: int) -> str:
    """The last words of a text, as far as its last paragraph has them."""
    paragraph = text.rstrip().rpartition("\n")[2]
    return _from_first_to_last(list(re.finditer(r"\S+", paragraph))[-count:] if count else [])


def _from_first_to_last(words: list[re.Match[str]]) -> str:
    return words[0].string[words[0].start() : words[-1].end()] if words else ""
