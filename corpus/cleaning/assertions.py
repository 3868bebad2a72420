"""Decides which sentences may be marked as answers: those that an author asserts.

Headings, labels, bylines, captions, credits, references and cut lines assert nothing. A lost answer costs
more than a label shown as one, so in doubt a sentence may answer; rules about verbs read English only.

    "Pooled budgets." above a paragraph  ->  no        "Prices rose." above a paragraph       ->  yes
    "Ann Lee, Editor" above the article  ->  no        the same in a list of people           ->  yes
    "Photo: Children at the gate"        ->  no        "Photo: a picture drawn with light"    ->  yes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from corpus.article import Article, Sentence
from corpus.cleaning.headings import dotted_heading

# A fifth of the words of English text, at most one in forty of Dutch, German or Danish.
_ENGLISH = frozenset("the and of to with that was were for".split())
_ENGLISH_SHARE = 0.06

# Words that are seldom nouns: "work" or "changes" would make a sentence of many a caption.
_VERBS = frozenset(
    """
    am is are was were be been being has have had do does did can could will would shall should may might must
    cannot i you he she it we they there this these those who which please yes no not never nobody everyone
    say says said tell tells told think thinks thought know knows knew see sees saw make makes made take takes
    took get gets got give gives gave go goes went come comes came become becomes became begin begins began
    find finds found keep keeps kept leads led leaves left let lets lose loses lost mean means meant meets met
    pay pays paid put puts reads ran rise rises rose fell sells sold send sends sent sets shown spends spent
    stands stood win wins won write writes wrote builds built buys bought bring brings brought grow grows grew
    hold holds held needs wants works helps lives opens closes starts ends uses agree agrees allow allows ask
    asks believe believes calls causes contain contains covers depend depends expect expects fails feel feels
    felt follow follows happen happens include includes increases remain remains runs seem seems sit sits
    sleeps sails speak speaks spoke suggest suggests teach teaches taught tries turns visits waits matters
    costs lasts applies provide provides offers shows
    """.split()
)
_QUESTION = ("?", "?”", '?"')
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")
_CONTRACTED = re.compile(r"[’'](?:re|m|ve|ll|d|t)$|^(?:it|that|there|he|she|what|here)[’']s$")

_UPPER = r"(?:[A-ZÀ-Þ][\w’'-]*\.?)"
_NAME = rf"{_UPPER}(?:\s(?:(?:de|van|von|der|la|le|al|bin)\s)?{_UPPER}){{1,3}}"
_NAMES = rf"{_NAME}(?:(?:,|\sand|\s&)\s{_NAME})*(?:(?:,|\s[-–|])\s.{{1,60}})?"
_BY = re.compile(rf"(?i:(?:(?:words|text|written|reported|story)\s)?by)\s?:?\s{_NAMES}")
_NAMED = re.compile(_NAMES)
_BYLINE_WORDS = 12
_TOP_PARAGRAPHS = 6

_CREDIT = re.compile(
    r"(?i:photos?|photographs?|photographers?|pictures?|images?|illustrations?|graphics?|credits?|captions?|source)"
    r"(?:\s(?i:by|credits?|courtesy of)\s?:?|\s?[:©])\s?[A-ZÀ-Þ©].*"
)
_FIGURE = re.compile(r"(?i:figure|fig\.|table|chart|diagram)\s[\dIVX]{1,4}(?:\.\d{1,2})?(?!\w).*")
_COPYRIGHT = re.compile(r"(?:©|(?i:copyright)\s(?:©|\([cC]\)|\d{4})|\([cC]\)\s\d{4}|All rights reserved).*")

_MARK = re.compile(r"\(\d{1,3}\)|\[\d{1,3}\]|[¹²³⁴-⁹]{1,3}|\d{1,3}[.)]?(?=\s)")
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_YEAR_LAST = re.compile(_YEAR.pattern + r"[)\].\s]*$")
_PUBLISHER = re.compile(
    r"\b(?:Press|Publish\w+|Publications?|Department|Ministry|HMSO|Stationery Office|University|Institute|"
    r"Foundation|Commission|Journal|Review|Books|Quarterly)\b"
)
_REFERENCES = frozenset(
    "references|bibliography|notes|footnotes|endnotes|sources|further reading|works cited".split("|")
)
_LABELS = _REFERENCES.union(
    "abstract|summary|contents|keywords|acknowledgements|acknowledgments|appendix|contact|contacts|"
    "contact us|contact details|contact the author|about the author|about the authors|further information|"
    "more information|related articles|related links|related stories|see also|read more".split("|")
)
_LABEL_WORDS = 6
_ITEM = re.compile(r"(?:[-*•·–]|\d{1,3}[.)]|\(\w{1,3}\)|\[\w{1,3}\])\s")
# What followed these words is lost. "to" and "in" end sentences; ", and" ends an item of a list.
_UNFINISHED = re.compile(r"[\w’'\"”)]\s(?:the|a|an|and|or|of|than|because|into)$")
_RUNNING_WORDS = 12


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A paragraph or heading with its neighbours ("" at the ends) and the last label or heading above it.

    `top`: it is among the first paragraphs, and no running text is above it.
    """

    text: str
    heading: bool
    before: str
    after: str
    section: str
    top: bool
    english: bool


def may_answer(sentences: Sequence[Sentence]) -> list[bool]:
    """For each sentence of one article, all of them in order, whether it may be marked as an answer."""
    answers: list[bool] = []
    for paragraph, parts in _paragraphs(sentences):
        silent = _asserts_nothing(paragraph, parts[0].article)
        for part in parts:
            cut = paragraph.english and _is_cut(part.text, paragraph)
            answers.append(not (silent or cut or part.text.endswith(_QUESTION)))
    return answers


def has_verb(text: str) -> bool:
    """Whether English text has a finite verb or its subject; capitalised words but the first are names.

    "Prices rose." -> True, "Pooled budgets." -> False, "The budgets are pooled" -> True
    """
    words = [word.replace("'", "’") for word in _WORD.findall(text)]
    small = [word for number, word in enumerate(words) if number == 0 or word[0].islower()]
    return any(
        word.lower() in _VERBS
        or _CONTRACTED.search(word.lower())
        or (number > 0 and len(word) > 4 and word.endswith("ed"))
        for number, word in enumerate(small)
    )


def _paragraphs(sentences: Sequence[Sentence]) -> Iterator[tuple[_Paragraph, list[Sentence]]]:
    """The paragraphs of one article with their sentences."""
    if not sentences:
        return
    text = sentences[0].article.text
    groups = [list(group) for _, group in groupby(sentences, key=lambda s: text.rfind("\n", 0, s.start))]
    texts = ["", *(text[group[0].start : group[-1].end] for group in groups), ""]
    english, section, top = _is_english(text), "", True
    for number, group in enumerate(groups):
        before, here, after = texts[number : number + 3]
        heading = group[0].heading
        top = top and number < _TOP_PARAGRAPHS
        yield _Paragraph(here, heading, before, after, section, top, english), group
        top = top and (heading or len(here.split()) < _RUNNING_WORDS)
        if heading or _label(here) in _LABELS:
            section = _label(here)


def _is_english(text: str) -> bool:
    words = text.lower().split()
    return sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words)


def _label(text: str) -> str:
    return text.rstrip(".: ").lower()


def _asserts_nothing(paragraph: _Paragraph, article: Article) -> bool:
    """Whether no sentence of a paragraph may answer."""
    text = paragraph.text
    if paragraph.heading and not text.endswith((".", "!")):
        return True
    if _label(text) in _LABELS or _is_byline(paragraph, article):
        return True
    if not paragraph.english or has_verb(text):
        return False
    return (
        _is_heading(paragraph)
        or bool(_CREDIT.fullmatch(text) or _FIGURE.fullmatch(text) or _COPYRIGHT.fullmatch(text))
        or (text.endswith(":") and len(text.split()) <= _LABEL_WORDS and not _ITEM.match(text))
        or _is_reference(paragraph, article)
    )


def _is_heading(paragraph: _Paragraph) -> bool:
    """Whether a line without a verb heads running text; below a question or a colon it is an answer."""
    text, before = paragraph.text, paragraph.before
    if before.endswith((*_QUESTION, ":")) or any(letter.isdigit() for letter in text):
        return False
    if paragraph.heading and not dotted_heading(text):
        return True
    runs = len(paragraph.after.split()) >= _RUNNING_WORDS
    return dotted_heading(text) and runs and not dotted_heading(before)


def _is_byline(paragraph: _Paragraph, article: Article) -> bool:
    """Whether a line names the author, or, near the top of an article, somebody who is not one of a list."""
    text, author = paragraph.text, article.author
    if len(text.split()) > _BYLINE_WORDS or paragraph.heading or text.endswith((".", "!")):
        return False
    line, by = _NAMED.fullmatch(text), _BY.fullmatch(text)
    listed = bool(line) and any(map(_NAMED.fullmatch, (paragraph.before, paragraph.after)))
    if author and author.lower() in text.lower() and (by or text == author or line) and not listed:
        return True
    named = by or (line and paragraph.english and not listed)
    return paragraph.top and bool(named and paragraph.after) and not has_verb(text)


def _is_reference(paragraph: _Paragraph, article: Article) -> bool:
    """Whether text without a verb names a publication: a footnote, or a line below "References"."""
    text = paragraph.text
    if paragraph.section in _REFERENCES:
        return bool(_YEAR.search(text))
    mark = _MARK.match(text)
    if not mark or not (_YEAR_LAST.search(text) or _PUBLISHER.search(text)):
        return False
    cited = not mark.group().isdigit() and article.text.count(mark.group()) > 1
    return cited or bool(text.count(",") > 1 and _YEAR_LAST.search(text) and _PUBLISHER.search(text))


def _is_cut(text: str, paragraph: _Paragraph) -> bool:
    """Whether a sentence lost its beginning, and its verb with it, or the end of a phrase."""
    if paragraph.text.endswith(text) and _UNFINISHED.search(text) and not _ITEM.match(text):
        return True
    before = paragraph.before
    continues = len(before.split()) >= _RUNNING_WORDS and not before.endswith((":", ";", ",", *_QUESTION))
    plain = text[0].islower() and not re.search(r"[\d@:]", text)
    return plain and continues and paragraph.text.startswith(text) and not has_verb(text)
