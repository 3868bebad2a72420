"""A text directive, and the places in a text that a browser finds with it.

The rules are those of https://wicg.github.io/scroll-to-text-fragment/ as far as they matter for telling
places apart: case, accents and kinds of quotation marks do not count, a match begins and ends with a word, a
term lies within one paragraph, nothing but white space stands between a match and its prefix or suffix. For
example `Directive("cost", suffix="nobody")` finds the second of "The cost, or the cost nobody knows".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from urllib.parse import quote

from corpus.article import Article
from web.citations.quotation import web_address

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


# A longer quotation is given by its first and last words: a whole one fails at the first footnote mark.
WHOLE = 15  # words
# Words in the first and last term, and in a context, in the order of trying.
_TERM_WORDS = (4, 6, 8)
_CONTEXT_WORDS = (0, 3, 5, 8)
# Characters of a term at most: more comes from scripts without spaces, and makes no link to send around.
_MOST = 300
_MARK = ":~:"
# Punctuation that browsers may take for the inside of a word: "3.5", "U.S", "don’t", "10:30".
_JOINERS = frozenset(".·:;,'‘’＇․﹒‧")
_MARKS = ("Mn", "Mc", "Me", "Cf")

Span = tuple[int, int]


def fragment_link(article: Article, span: Span) -> str:
    """The article's address with a text fragment for the span, widened to whole words.

    "" when the article has no address on the web, or no fragment tells the span from all other places.
    """
    url = web_address(article.url)
    cited = _whole_words(article.text, span)
    if not url or cited[0] >= cited[1]:
        return ""
    for directive in _directives(article.text, cited):
        if list(islice(found(article.text, directive), 2)) == [cited]:
            bare = url.partition(_MARK)[0]
            return f"{bare}{'' if '#' in bare else '#'}{_MARK}{directive}"
    return ""


def _whole_words(text: str, span: Span) -> Span:
    """The span without white space at its ends, from the start of a word to the end of one."""
    cited = text[slice(*span)]
    start, end = span[0] + len(cited) - len(cited.lstrip()), span[0] + len(cited.rstrip())
    while start < end and _in_word(text, start):
        start -= 1
    while start < end and _in_word(text, end):
        end += 1
    return start, end


def _in_word(text: str, place: int) -> bool:
    """Whether some browser may see a word go on here; where it does not, all see an end."""
    before, behind = text[max(place - 2, 0) : place], text[place : place + 2]
    outer, left, right, next_right = tuple(f"{before:>2}{behind:<2}")
    if not _of_word(left) or not _of_word(right):
        # Punctuation is inside a word only between letters or digits.
        ends = _of_word(outer) and left in _JOINERS and _of_word(right)
        return ends or (_of_word(left) and right in _JOINERS and _of_word(next_right))
    return True


def _of_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character) in _MARKS


def _directives(text: str, cited: Span) -> Iterator[Directive]:
    """Those worth trying: without context, then with ever more words before, behind, or on both sides."""
    terms = [pair for pair in _terms(text[slice(*cited)]) if max(map(len, pair)) <= _MOST]
    for words in _CONTEXT_WORDS:
        before, behind = _last_words(text[: cited[0]], words), _first_words(text[cited[1] :], words)
        contexts = dict.fromkeys([(before, ""), ("", behind), (before, behind)])
        yield from (Directive(*pair, *context) for pair in terms for context in contexts)


def _terms(quoted: str) -> list[tuple[str, str]]:
    """First and last term of a long quotation, shorter ones first; a short one is a term as a whole."""
    if "\n" not in quoted and len(quoted.split()) <= WHOLE:
        return [(quoted, "")]
    return [(_first_words(quoted, words), _last_words(quoted, words)) for words in _TERM_WORDS]


def _first_words(text: str, words: int) -> str:
    """The first so many words of a text, or what of them lies in its first paragraph."""
    paragraph = text.lstrip().partition("\n")[0]
    return _joined(list(re.finditer(r"\S+", paragraph))[:words])


def _last_words(text: str, words: int) -> str:
    """The last so many words of a text, or what of them lies in its last paragraph."""
    paragraph = text.rstrip().rpartition("\n")[2]
    return _joined(list(re.finditer(r"\S+", paragraph))[-words:] if words else [])


def _joined(words: list[re.Match[str]]) -> str:
    return words[0].string[words[0].start() : words[-1].end()] if words else ""
