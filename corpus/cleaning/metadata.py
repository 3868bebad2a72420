"""Recognises title, byline, publisher and date in the text, where a file does not label them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from corpus.article import Dropped
from corpus.draft import Block, Draft, Kind, Metadata

_WORD = r"(?:[A-ZÀ-Þ][\w’'-]*\.?)"
_NAME = rf"{_WORD}(?:\s+(?:(?:de|van|von|der|la|le|al|bin)\s+)?{_WORD}){{1,3}}"
_NAMES = rf"{_NAME}(?:(?:,|\s+and|\s+&)\s+{_NAME})*"
_BYLINE = re.compile(rf"(?i:by|words(?:\s+by)?|written\s+by|author|text)\s*:?\s+({_NAMES})\b.*")
_CREDIT = re.compile(rf",\s+(?:writes|reports)\s+({_NAMES})\.?$|^({_NAMES})\s+(?:reports|investigates)\.?$")
_CREDIT_LATE = re.compile(rf"[.,]\s+({_NAMES})\s+(?:reports|investigates|writes)\.?$")
# A standfirst is a sentence or two.
_CREDIT_CHARACTERS = 400
_ROLES = (
    "professor|lecturer|reader|associate|fellow|researcher|director|editor|journalist|writer|author|"
    "consultant|columnist|reporter|correspondent|chair|head|manager|adviser|advisor|analyst|officer"
)
_BIOGRAPHY = re.compile(
    rf"({_NAME})\s+(?:is|was)\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){{0,4}}?(?:{_ROLES})\b"
    r"(?:\s+(?:at|of|for|in|with|and)\b|[.,]|$)"
)
# Words of headlines in title case that occur in no personal name.
_NOT_NAMES = re.compile(
    r"\b(?:the|and|of|for|in|on|to|with|new|news|council|trust|trusts|service|services|policy|report|story|care|"
    r"children|government|lane|road|street|park|early|years|paper|every|child|market|green|hall|house|guide|our|"
    r"your|how|why|what|who|when|is|are|university|department|uk)\b",
    re.IGNORECASE,
)
_EDITION = re.compile(r"\s+[-–|]\s+(?:UK|US|AU|Australia|International|Europe|Online)$")
_MORE_FROM = re.compile(r"more\s+from\s+((?:the\s+)?[A-Z].*)", re.IGNORECASE)
_COPYRIGHT = re.compile(
    r"(?:©|copyright|\(c\))\s*(?:©\s*)?(?:\d{4}(?:\s*[-–]\s*\d{4})?\s+)([A-Z][^.,|]{2,50})", re.IGNORECASE
)
_SECTIONS = frozenset(
    """
    politics news opinion comment society education health business culture sport technology environment
    world features analysis interviews letters lifestyle money science housing transport uk uk-news
    local-government social-care children public-services
    """.split()
)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_MONTH = rf"(?:{_MONTHS}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
_DATE = re.compile(
    rf"""(?:(?:first\s+)?(?:published|posted|updated|date|last\s+(?:updated|modified))(?:\s+on)?\s*:?\s*)?
    (?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?
    (?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<m1>{_MONTH}),?\s+(?P<y1>(?:19|20)\d\d)
    |(?P<m2>{_MONTH})\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y2>(?:19|20)\d\d)
    |(?P<y3>(?:19|20)\d\d)-(?P<m3>\d\d)-(?P<d3>\d\d))
    (?:[\s,|at-]+\d{{1,2}}[:.]\d\d(?:\s*[ap]m)?(?:\s+[A-Z]{{3,4}})?)?""",
    re.IGNORECASE | re.VERBOSE,
)
_TITLE_WORDS = 25
_TITLE_CHARACTERS = 250
_BYLINE_WORDS = 12
_BIOGRAPHY_WORDS = 50
# The top of a page: section, byline, date, headline, standfirst and a line or two of the site.
_TOP_BLOCKS = 8


def recognise(draft: Draft, blocks: Sequence[Block], dropped: Sequence[Dropped]) -> tuple[Draft, list[Block]]:
    """The draft with the recognised metadata, and the blocks without section labels and site names.

    `blocks` and `dropped` are the results of `corpus.cleaning.boilerplate.trim`. Metadata that the file
    declares takes precedence.
    """
    top, body = _top(blocks)
    left_out: list[Dropped] = []
    publisher = ""
    if draft.loose:
        top, publisher = _publisher(top, left_out)
        top = _without_section(top, left_out)
    published = next(filter(None, map(_date, (block.text for block in top))), "")
    named = top if draft.loose else []
    byline = next((block for block in top if _byline(block, named)), None)
    author = _byline(byline, named) if byline else _credit([*top, *body[:2]]) or _biography([*top, *body])
    declared, title = draft.facts, ""
    if draft.loose and not declared.title:
        top, title = _title(top, byline, last=any(d.reason == "site header" for d in dropped))
    facts = Metadata(
        title=declared.title or title or draft.properties.title,
        author=declared.author or author or draft.properties.author,
        publisher=declared.publisher or publisher or _publisher_in(dropped),
        published=declared.published or published,
        url=declared.url,
    )
    return replace(draft, facts=facts, dropped=(*draft.dropped, *dropped, *left_out)), [*top, *body]


def _top(blocks: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """Blocks above the first paragraph of running text, and the others."""
    for position, block in enumerate(blocks[: _TOP_BLOCKS + 1]):
        words = len(block.text.split())
        if (
            words > _TITLE_WORDS
            or len(block.text) > _TITLE_CHARACTERS
            or (words >= 12 and block.text.endswith((".", ".”", '."')))
        ):
            return list(blocks[:position]), list(blocks[position:])
    return list(blocks[:1]), list(blocks[1:])


def _publisher(top: Sequence[Block], left_out: list[Dropped]) -> tuple[list[Block], str]:
    """The site name: it stands twice in a row where logo and link were scraped."""
    for first, second in pairwise(top):
        name = first.text == second.text and first.text[0].isupper() and not first.text.endswith(".")
        if name and len(top) > 2 and " " in first.text:
            left_out += [Dropped(first.text, "site name"), Dropped(second.text, "site name")]
            return [block for block in top if block.text != first.text], _EDITION.sub("", first.text)
    return list(top), ""


def _publisher_in(dropped: Sequence[Dropped]) -> str:
    for pattern in (_MORE_FROM, _COPYRIGHT):
        for line in dropped:
            match = pattern.match(line.text)
            if match:
                return match.group(1).strip(" .")
    return ""


def _without_section(top: Sequence[Block], left_out: list[Dropped]) -> list[Block]:
    remaining = list(top)
    for block in top:
        if len(remaining) > 1 and block.text.lower().replace(" ", "-") in _SECTIONS:
            remaining.remove(block)
            left_out.append(Dropped(block.text, "section label"))
    return remaining


def _date(text: str) -> str:
    match = _DATE.fullmatch(text)
    if not match:
        return ""
    year, month, day = (match[f"{key}1"] or match[f"{key}2"] or match[f"{key}3"] for key in "ymd")
    names = [name[:3] for name in _MONTHS.split("|")]
    number = int(month) if month.isdigit() else names.index(month.lower()[:3]) + 1
    try:
        return date(int(year), number, int(day)).isoformat()
    except ValueError:
        return ""


def _byline(block: Block, top: Sequence[Block]) -> str:
    """The name in a byline: behind "By", or alone among other lines in `top`.

    No author is better than a wrong one: if a headline could be a name too, neither counts.
    """
    if block.kind is Kind.HEADING or len(block.text.split()) > _BYLINE_WORDS:
        return ""
    match = _BYLINE.fullmatch(block.text)
    if match:
        return _person(match.group(1))
    headlines = [other for other in top if other is not block and not _date(other.text)]
    if _named(block.text) and headlines and not any(_named(other.text) for other in headlines):
        return _person(block.text)
    return ""


def _named(text: str) -> bool:
    return bool(re.fullmatch(_NAMES, text)) and not _NOT_NAMES.search(text) and not text.endswith(".")


def _credit(blocks: Sequence[Block]) -> str:
    """The name in a standfirst: "..., writes Bob Hudson." or "Jane Doe reports."."""
    for block in blocks:
        if len(block.text) <= _CREDIT_CHARACTERS:
            match = _CREDIT.search(block.text) or _CREDIT_LATE.search(block.text)
            if match:
                return _person(next(filter(None, match.groups())))
    return ""


def _biography(blocks: Sequence[Block]) -> str:
    """The name in a biography at the beginning or end of the article.

    One at the beginning counts only with the name in capitals, one at the end only if the article does not
    mention that person: its subject is not its author.
    """
    closing_from = len(blocks) - 2
    for position, block in enumerate(blocks):
        at_an_end = position < 2 or position >= closing_from
        match = _BIOGRAPHY.match(block.text[:_CREDIT_CHARACTERS]) if at_an_end else None
        if not match:
            continue
        name = match.group(1)
        closing = position >= closing_from and len(block.text.split()) <= _BIOGRAPHY_WORDS
        mentioned = any(name.split()[-1] in other.text for other in blocks if other is not block)
        if (position < 2 and name.isupper()) or (closing and not mentioned):
            return _person(name)
    return ""


def _person(name: str) -> str:
    name = name.strip(" .")
    return name.title() if name.isupper() else name


def _title(top: Sequence[Block], byline: Block | None, *, last: bool) -> tuple[list[Block], str]:
    """Mark the headline as a heading: the last candidate below a site header, else the first."""
    candidates = [
        block
        for block in top
        if block is not byline and not _date(block.text) and not block.text.endswith(":")
    ]
    if not candidates:
        return list(top), ""
    headline = candidates[-1 if last else 0]
    marked = [replace(block, kind=Kind.HEADING) if block is headline else block for block in top]
    return marked, headline.text
