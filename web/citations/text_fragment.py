"""Links to a quotation in its published article: text fragments, each checked to match one place alone.

Matching follows https://wicg.github.io/scroll-to-text-fragment/ as far as it tells places apart: case,
accents and kinds of quotation marks do not count, a match begins and ends at a word, a term lies in one
paragraph, and only white space stands between a match and its prefix or suffix. For example,
`Directive("cost", suffix="nobody")` matches the second of "The cost, or the cost nobody knows".
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

# Letters whose stroke Unicode does not separate, but a search ignores; and kinds of quotation marks.
_ALIKE = str.maketrans("øłđħŧ‘’‚‛“”„‟«»", 'oldht\'\'\'\'""""""')
# Scripts without spaces begin here: browsers find the ends of their words in dictionaries.
_SPACELESS = "\u0e00"
_CACHED_TEXTS = 200
# A longer quotation is given by its first and last words: a whole one fails at the first footnote mark.
WHOLE = 15  # words
# Words in the first and last term, and in a context, in the order of trying.
_TERM_WORDS = (4, 6, 8)
_CONTEXT_WORDS = (0, 3, 5, 8)
# Characters in a term at most: scripts without spaces give longer ones, which make links too long to send.
_MAX_TERM = 300
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
        if list(islice(matches(article.text, directive), 2)) == [cited]:
            base = url.partition(_MARK)[0]
            return f"{base}{'' if '#' in base else '#'}{_MARK}{directive}"
    return ""


@dataclass(frozen=True, slots=True)
class Directive:
    """A text to match, or one that begins with `first` and ends with `last`."""

    first: str
    last: str = ""
    prefix: str = ""
    suffix: str = ""

    def __str__(self) -> str:
        """As written behind ":~:"; a dash inside a term is encoded, as dashes mark a context."""
        first, last, prefix, suffix = (
            quote(term, safe="").replace("-", "%2D")
            for term in (self.first, self.last, self.prefix, self.suffix)
        )
        parts = (f"{prefix}-" if prefix else "", first, last, f"-{suffix}" if suffix else "")
        return "text=" + ",".join(filter(None, parts))


def matches(text: str, directive: Directive) -> Iterator[Span]:
    """Every place where a browser could stop, in order, as spans of the text."""
    page = _folded(text)
    folded = Directive(*map(_folded, (directive.first, directive.last, directive.prefix, directive.suffix)))
    for start in _occurrences(page, folded.first):
        if _can_begin(page, folded, start):
            yield from ((start, end) for end in _ends(page, folded, start + len(folded.first)))


def _can_begin(page: str, directive: Directive, start: int) -> bool:
    """Whether a match may begin here: behind the prefix, or else at the start of a word."""
    if not directive.prefix:
        return not _inside_word(page, start)
    before = len(page[:start].rstrip()) - len(directive.prefix)
    return before >= 0 and page.startswith(directive.prefix, before) and not _inside_word(page, before)


def _ends(page: str, directive: Directive, first_end: int) -> Iterator[int]:
    """The nearest end of a match whose first term ends at `first_end`, if it has one."""
    if not directive.last:
        ends = iter((first_end,))
    else:
        starts = _occurrences(page, directive.last, first_end)
        ends = (start + len(directive.last) for start in starts if not _inside_word(page, start))
    yield from islice((end for end in ends if _can_end(page, directive.suffix, end)), 1)


def _can_end(page: str, suffix: str, end: int) -> bool:
    """Whether a match may end here: in front of the suffix, or else at the end of a word."""
    if not suffix:
        return not _inside_word(page, end)
    behind = len(page) - len(page[end:].lstrip())
    return page.startswith(suffix, behind) and not _inside_word(page, behind + len(suffix))


def _occurrences(page: str, term: str, start: int = 0) -> Iterator[int]:
    position = page.find(term, start)
    while position >= 0:
        yield position
        position = page.find(term, position + 1)


def _inside_word(page: str, position: int) -> bool:
    """Whether every browser takes the characters on both sides for one word."""
    around = page[max(position - 1, 0) : position + 1]
    return len(around) == 2 and all(c.isalnum() and c < _SPACELESS for c in around)


@lru_cache(maxsize=_CACHED_TEXTS)
def _folded(text: str) -> str:
    """The text as a search compares it, character by character, so that every offset is unchanged."""
    return "".join(map(_base, text)).translate(_ALIKE)


@lru_cache(maxsize=10_000)
def _base(character: str) -> str:
    """The letter without accent and case; a line feed is unchanged, as it ends a paragraph."""
    if character == "\n":
        return character
    letter = unicodedata.normalize("NFKD", character)[0]
    return " " if letter.isspace() else letter.casefold()[0]


def _whole_words(text: str, span: Span) -> Span:
    """The span without white space at its ends, from the start of a word to the end of one."""
    cited = text[slice(*span)]
    start, end = span[0] + len(cited) - len(cited.lstrip()), span[0] + len(cited.rstrip())
    while start < end and _may_be_inside_word(text, start):
        start -= 1
    while start < end and _may_be_inside_word(text, end):
        end += 1
    return start, end


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
    terms = [pair for pair in _terms(text[slice(*cited)]) if max(map(len, pair)) <= _MAX_TERM]
    for words in _CONTEXT_WORDS:
        before, behind = _last_words(text[: cited[0]], words), _first_words(text[cited[1] :], words)
        contexts = dict.fromkeys([(before, ""), ("", behind), (before, behind)])
        yield from (Directive(*pair, *context) for pair in terms for context in contexts)


def _terms(quoted: str) -> list[tuple[str, str]]:
    """First and last term of a long quotation, shorter ones first; a short one is a term as a whole."""
    if "\n" not in quoted and len(quoted.split()) <= WHOLE:
        return [(quoted, "")]
    return [(_first_words(quoted, words), _last_words(quoted, words)) for words in _TERM_WORDS]


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
