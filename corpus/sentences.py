"""Splits an article into sentences, as spans of its canonical text.

A sentence ends at `. ! ? …` (with closing quotes, brackets) before white space and a character that can start
a sentence. Quotation marks are not balanced: scraped text loses them, and waiting for the closing one would
swallow the article. Paragraphs and headings always end a sentence.

    "He left. “It ends at 5.8,” she said."  ->  ["He left.", "“It ends at 5.8,” she said."]
"""

from __future__ import annotations

import re
import unicodedata

from corpus.article import Article, Sentence

# An extract shows whole sentences of at most this many words, so longer ones (a list in a statute, a table, a
# page without punctuation) are cut at semicolons, colons, commas or spaces, in this order.
SENTENCE_WORDS = 90
_SENTENCE_CHARACTERS = 1_000
# A longer "heading" is bold print.
_HEADING_CHARACTERS = 300

_PARAGRAPH = re.compile(r"[^\n]+")
_BOUNDARY = re.compile(
    r"""(?:(?<![.!?…؟])[.!?…؟]{1,20}[\"”’')\]]{0,5}(?:\s?[(\[]\d{1,3}[)\]])?(?=\s)  # what closes, a note
    |(?<=[。！？])                                              # full-width stops need no white space behind
    )\s*""",
    re.VERBOSE,
)
_OPENING = re.compile(r"[\"“‘'(\[]*(?:[^\W\d_]|\d)|[-•·*–]\s")
_NEVER_FINAL = frozenset(
    """
    mr mrs ms dr prof rev sr jr st hon gen col capt sgt lt messrs mme e.g i.e eg ie vs cf viz approx esp
    incl al
    """.split()
)
# Abbreviations that end a sentence now and then, unless a number follows ("No. 5", "Jan. 12").
_BEFORE_NUMBER = frozenset(
    """
    no nos vol fig figs p pp para paras art sec ch jan feb mar apr jun jul aug sep sept oct nov dec c ca
    """.split()
)
_SAID = re.compile(r"(?:[A-Z][\w’'-]+\s){1,3}(?:said|says|asked|asks|added|adds|wrote|writes|replied)\b")
_ADDRESS_END = re.compile(
    r"(?<!\S)[(\[<]?(?:(?:https?://|www\.)\S{0,200}[\w/]|[^\s@]{1,64}@[^\s@]{1,100}\.\w{2,20})(?P<gap>\s+)"
    r"(?=(?:The|A|An|This|These|For|To|Contact|Email|It|See)\s)"
)
# Context around a mark, in characters: longer than any abbreviation or opening.
_NEAR = 40
_ITEM_NUMBER = re.compile(r"(?:^|(\w+)[.!?:;]\s+)\d{1,3}$")
_INITIALS = re.compile(r"(?:[A-Z]\.)*[A-Z]")
_CLAUSES = (re.compile(r";\s+"), re.compile(r":\s+"), re.compile(r",\s+"), re.compile(r"\s+"))


def split_sentences(article: Article) -> list[Sentence]:
    """All sentences and headings of an article in order of position; no two overlap."""
    headings = dict(article.headings)
    sentences: list[Sentence] = []
    for paragraph in _PARAGRAPH.finditer(article.text):
        start, end = paragraph.span()
        if headings.get(start) == end and end - start <= _HEADING_CHARACTERS:
            sentences.append(Sentence(article, start, end, heading=True))
        else:
            spans = sentence_spans(paragraph.group())
            sentences += [Sentence(article, start + first, start + last) for first, last in spans]
    return sentences


def sentence_spans(paragraph: str) -> list[tuple[int, int]]:
    """Half-open spans of the sentences of one paragraph (no line breaks in it)."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end, after in _ends(paragraph):
        if end > start:
            spans += _within_limit(paragraph, start, end)
            start = after
    return spans + _within_limit(paragraph, start, len(paragraph.rstrip()))


def _ends(paragraph: str) -> list[tuple[int, int]]:
    """Pairs: the end of a sentence and the start of the next."""
    ends = [
        (match.start() + len(match.group().rstrip()), match.end())
        for match in _BOUNDARY.finditer(paragraph)
        if match.end() < len(paragraph) and _is_end(paragraph, match)
    ]
    ends += [match.span("gap") for match in _ADDRESS_END.finditer(paragraph)]
    return sorted(ends)


def _is_end(paragraph: str, match: re.Match[str]) -> bool:
    mark, after = match.group(), match.end()
    if not mark.strip():
        return True
    first = next((c for c in paragraph[after : after + _NEAR] if c.isalnum()), "")
    if not _OPENING.match(paragraph, after) or first.islower():
        return False
    if mark[0] in "!?" and mark.strip()[-1] in "\"”’'" and _SAID.match(paragraph, after):
        return False
    before = paragraph[max(0, match.start() - _NEAR) : match.start()]
    return not (mark.strip() == "." and _abbreviated(before, first))


def _abbreviated(before: str, first: str) -> bool:
    word = re.split(r"[\s(\[“\"‘'-]", before)[-1]
    number = _ITEM_NUMBER.search(before)
    if number and (number.group(1) or "").lower() not in _BEFORE_NUMBER:
        return True
    if _INITIALS.fullmatch(word) and word != "I":
        return True
    lowered = word.lower()
    return lowered in _NEVER_FINAL or (lowered in _BEFORE_NUMBER and first.isdigit())


def _within_limit(text: str, start: int, end: int) -> list[tuple[int, int]]:
    sentence = text[start:end]
    if start >= end:
        return []
    if len(sentence.split()) <= SENTENCE_WORDS and len(sentence) <= _SENTENCE_CHARACTERS:
        return [(start, end)]
    left, right = _halves(sentence)
    return _within_limit(text, start, start + left) + _within_limit(text, start + right, end)


def _halves(sentence: str) -> tuple[int, int]:
    """The cut in a long sentence: at its best mark, nearest to the middle."""
    middle = len(sentence) // 2
    for clause in _CLAUSES:
        cuts = [
            match for match in clause.finditer(sentence) if match.start() > 0 and match.end() < len(sentence)
        ]
        if cuts:
            cut = min(cuts, key=lambda match: abs(match.end() - middle))
            return len(sentence[: cut.end()].rstrip()), cut.end()
    position = middle
    while position > 1 and _is_mark(sentence[position]):
        position -= 1  # keeps an accent with its letter
    if _is_mark(sentence[position]):
        position = middle  # thousands of accents: every cut would leave nearly all for the next
    return position, position


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
