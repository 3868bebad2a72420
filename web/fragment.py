"""A link that opens an article on the web at the words cited, by a text fragment.

"https://example.org/quays#:~:text=dredging%20cost,years%20ago,-Nobody" asks the browser for the place that
begins with "dredging cost" and ends with "years ago" in front of "Nobody". Whether there is just one such
place is tried on the canonical text: what else stands on the article's page, and may say the same, is not
known here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from corpus.article import Article
from web.citation import web_address
from web.directive import Directive, found

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
