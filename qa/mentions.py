"""Finds names, numbers, amounts of money, dates and contact details in a text, by rules.

Every mention has a value for comparison: "£100,000" and "100,000 pounds" are one amount, "fourteen" and "14"
one number, "Mr Hudson's" and "Hudson" one name. Every expression reads a text in linear time.

    "Ann Lee of Essex said in April 2006 that 14 trusts had £1.2m."
    -> name "ann lee of essex", date "2006-04", number "14", money "1200000 GBP"
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from qa.number_words import (
    ORDINAL_VALUES,
    ORDINALS,
    SCALES,
    TENS,
    UNITS,
    read_number,
    write_number,
    write_ordinal,
)


class MentionKind(StrEnum):
    """What is mentioned; ages, shares and ordinals are numbers."""

    NAME = "name"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Mention:
    """A half-open span of a text, and its value in the form that compares.

    Values: a name in lower case without title and possessive; "14", "12%", "3-5" or "2nd"; "100000 GBP"; an
    ISO date or the known part of it ("2006-04", "--04" for a month alone, "199" for a decade, "c10" for a
    century, "2004/2006" for a range); a contact in lower case.
    """

    kind: MentionKind
    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A mention of a question that a passage lacks, and other ones of its kind in the passage."""

    mention: Mention
    others: tuple[Mention, ...]


_CURRENCIES = {
    "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP", "$": "USD", "usd": "USD", "dollar": "USD",
    "dollars": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "¥": "JPY", "yen": "JPY",
}  # fmt: skip
_MONTHS = "january february march april may june july august september october november december".split()
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, 1)}
_MONTH_NUMBERS |= {name[:3]: number for name, number in _MONTH_NUMBERS.items()} | {"sept": 9}
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()

_TITLES = frozenset("mr mrs ms miss dr prof professor sir dame lord lady baroness baron".split())
# Capitalised at the start of a sentence, or in a question in title case, and no part of a name.
_FUNCTION_WORDS = frozenset(
    (
        "a an the this that these those i i'm i've it its it's he she they we you his her their our your my"
        " there here in on at by to from for of with without within since until till about after before"
        " during under over between among against through across into onto upon as than like unlike despite"
        " per via and or but nor so yet if though although because while whereas unless whether once however"
        " moreover furthermore nevertheless nonetheless therefore thus hence also indeed instead meanwhile"
        " perhaps then now today yesterday tomorrow later earlier recently finally firstly secondly again"
        " still even only just both either neither each every all any some many most much more few several"
        " other others another such same no not never yes please nobody everyone somebody someone anyone"
        " nothing something who whom whose what which when where why how who's what's where's when's how's"
        " is are was were be been am do does did has have had can could will would shall should may might"
        " must according following given tell show find list give name describe explain"
    ).split()
)
# "and" joins the words behind "of" and "for" of these alone: "Department for Education and Skills".
_BODY = re.compile(
    r"\b(?:department|ministry|office|institut(?:e|ion)|association|secretary|committee|commission|society"
    r"|cent(?:re|er)|school|university|college|council|directors?|ministers?|board|federation|confederation"
    r"|academy|faculty|bureau|agency|chamber|union|fund|programme|program|journal) (?:of|for) "
)

_UNIT_WORD, _TENS_WORD = "|".join(UNITS), "|".join(TENS)
_SCALE_WORD = "hundred|thousand|million|billion|trillion"
_SMALL = rf"(?:(?:{_TENS_WORD})(?:[ -](?:{_UNIT_WORD})\b)?|(?:{_UNIT_WORD}))\b"
_SCALED = rf"[ -](?:{_SCALE_WORD})\b(?:(?: and)? {_SMALL})?"
# Bounded repetitions, and no two that can match the same characters: time is linear in the text.
_SPELT = rf"{_SMALL}(?:{_SCALED}){{0,4}}|an?(?:{_SCALED}){{1,4}}"
_DIGITS = r"(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,18})(?:\.\d{1,9})?(?!\d)"
_QUANTITY = re.compile(
    r"(?<![\w.,])(?P<symbol>(?:us|au|nz|ca)?[£$€¥] ?)?"
    rf"(?:(?P<digits>{_DIGITS})(?:(?P<ordinal>(?:st|nd|rd|th)\b)|(?:-| to )(?P<high>{_DIGITS}))?"
    rf"|(?P<spelt>{_SPELT}))"
    r"(?:[ -]?(?P<scale>thousand|million|billion|trillion|bn|mn|m|k)\b)?"
    r"(?P<share> ?%| ?per ?cent\b)?(?: (?P<currency>pounds?|dollars?|euros?|yen|gbp|usd|eur)\b)?"
)
_ORDINAL = re.compile(rf"\b(?:{'|'.join(ORDINALS)})\b")

_YEAR = r"(?:1\d|20)\d\d"
_MONTH = rf"(?:{'|'.join(_MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"(?<![\w.,£$€])(?:(?P<day>{_DAY}) (?:of )?(?P<month>{_MONTH})(?:,? (?P<year>{_YEAR}))?"
    rf"|(?P<month2>{_MONTH})(?: (?P<day2>{_DAY})(?![\d:%]))?(?:,? (?:of )?(?P<year2>{_YEAR}))?"
    rf"|(?P<iso>{_YEAR}-[01]\d(?:-[0-3]\d)?)"
    r"|(?P<day3>\d{1,2})/(?P<month3>[01]?\d)/(?P<year3>\d{4})"
    rf"|(?P<from>{_YEAR})(?:[-–/]| to )(?P<to>{_YEAR}|\d\d)"
    rf"|(?P<decade>{_YEAR[:-2]}0)s"
    rf"|(?P<alone>{_YEAR})"
    rf"|(?P<century>\d{{1,2}}(?:st|nd|rd|th)|{'|'.join(ORDINALS)})[- ]centur(?:y|ies)"
    rf"|(?P<weekday>{'|'.join(_WEEKDAYS)}))(?![\w%]|[.,]\d)"
)
_BEFORE_DATE = re.compile(
    r"\b(?:in|since|until|by|from|to|during|of|last|next|early|late|mid|before|after)[ -]$"
)
_COUNTED = re.compile(
    r" (?!was\b|is\b|has\b|as\b|its\b|this\b|his\b|does\b)(?:[a-z]+s|people|men|women|children)\b"
)

_CONTACT = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}|https?://[^\s<>\"]{1,2000}|www\.[^\s<>\"]{1,2000}"
    r"|(?<![\w+])(?:\+\d{1,3}[ -]?)?\(?0\d{2,4}\)?[ -]?\d{3,4}[ -]?\d{3,4}(?!\d)"
)
_MAY_HOLD_CONTACT = re.compile(r"@|www\.|://|0\d\d")

_UPPER = "".join(c for c in map(chr, range(0x0530)) if c.isupper())
_NAME_WORD = rf"[{_UPPER}]\w*(?:[-&]\w+|['’](?!s\b)\w+)*"
_NAME = re.compile(
    rf"(?<![\w])(?:(?:Mr|Mrs|Ms|Dr|Prof|St|Rev|[{_UPPER}])\.(?: |(?=[{_UPPER}])))*{_NAME_WORD}"
    rf"(?: (?:(?:of|for|de|du|des|da|di|la|le|van|von|der|den|bin|and|&)(?: (?:the|la|der|den))? )?"
    rf"(?:(?:St|[{_UPPER}])\. )?{_NAME_WORD})*"
)
_WORD = re.compile(r"[^\W_]+(?:[-'’&][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?:^|[.!?:;\n•|][\"'”’)\]]*\s*)[\"'“‘(\[]*$")
_HOLE = "\0"
_LOOK_BACK = 8  # characters before a name that say whether it begins a sentence


def mentions(text: str, names: Container[str] = ()) -> tuple[Mention, ...]:
    """The mentions in a text, in its order, none within another.

    `names` are words in lower case that are names wherever they occur: a capitalised first word of a sentence
    is a name if it is one of them, stands capitalised within another sentence of the text, or is followed by
    another capitalised word.
    """
    lower = _lower(text)
    spans = list(_contacts(text))
    spans += _dates(_masked(text, spans), _masked(lower, spans))
    spans += _quantities(_masked(lower, spans))
    spans += _names(_masked(text, spans), names)
    return tuple(sorted(spans, key=lambda mention: mention.start))


def question_mentions(question: str, names: Container[str] = ()) -> tuple[Mention, ...]:
    """The mentions in a question, which may be in lower case: adjacent `names` are one name there."""
    written = mentions(question, names)
    covered = {place for mention in written for place in range(mention.start, mention.end)}
    runs: list[tuple[int, int]] = []
    for word in _WORD.finditer(question):
        start, name = word.start(), _without_possessive(word[0])
        end, lower = start + len(name), name.lower()
        if start in covered or lower in _FUNCTION_WORDS or lower not in names:
            continue
        if runs and question[runs[-1][1] : start] == " ":
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
    lower_case = [Mention(MentionKind.NAME, *run, _name_value(question[slice(*run)])) for run in runs]
    return tuple(sorted([*written, *lower_case], key=lambda mention: mention.start))


def unmatched(
    question: Iterable[Mention], passage: Sequence[Mention], text: str = ""
) -> tuple[Unmatched, ...]:
    """The names, numbers, amounts and dates of a question that a passage lacks.

    Each with the mentions of its kind in the passage that match none of the question's: asked about Essex, a
    passage about Solihull alone has another one. `text` is the passage's text, if words of it in lower case
    are to count too. Ordinals and contacts are left out.
    """
    asked = [mention for mention in question if _decides(mention)]
    words = frozenset(_words(text))
    extra = [other for other in passage if _decides(other) and not any(same(other, m) for m in asked)]
    return tuple(
        Unmatched(mention, tuple(other for other in extra if other.kind is mention.kind))
        for mention in asked
        if not any(same(mention, other) for other in passage) and not words.issuperset(_words(mention.value))
    )


def same(one: Mention, other: Mention) -> bool:
    """Whether two mentions may mean the same: "2006" and "April 2006", "Hudson" and "Bob Hudson"."""
    if one.kind is not other.kind:
        return False
    if one.kind is MentionKind.DATE:
        return _same_date(one.value, other.value)
    if one.kind is not MentionKind.NAME:
        return one.value == other.value
    words, others = frozenset(_words(one.value)), frozenset(_words(other.value))
    return (
        words <= others
        or others <= words
        or _initials(one.value) == other.value.replace(".", "")
        or (_initials(other.value) == one.value.replace(".", ""))
    )


def _decides(mention: Mention) -> bool:
    ordinal = mention.kind is MentionKind.NUMBER and mention.value[-1].isalpha()
    return mention.kind is not MentionKind.CONTACT and not ordinal


def _same_date(one: str, other: str) -> bool:
    """ "2006" and "2006-04-01"; "2005" and "2004/2006"."""
    if "/" in one or "/" in other:
        (first, last), (start, end) = (
            date.split("/") if "/" in date else (date, date) for date in (one, other)
        )
        return first[:4] <= end[:4] and start[:4] <= last[:4]
    if one.startswith("--") or other.startswith("--"):
        return one[-5:].strip("-") in other or other[-5:].strip("-") in one
    return one.startswith(other) or other.startswith(one)


def _words(value: str) -> Iterator[str]:
    """The words of a value in lower case without the small words of names."""
    for word in _WORD.findall(value.lower()):
        if word not in _FUNCTION_WORDS:
            yield _without_possessive(word)


def _initials(value: str) -> str:
    """ "integrated care network" -> "icn"; "" for one word."""
    letters = [word[0] for word in _words(value)]
    return "".join(letters) if len(letters) > 1 else ""


def _masked(text: str, spans: Iterable[Mention]) -> str:
    """The text with the spans filled by a character that no expression matches."""
    pieces, place = list[str](), 0
    for span in sorted(spans, key=lambda mention: mention.start):
        pieces += text[place : span.start], _HOLE * (span.end - span.start)
        place = span.end
    return "".join([*pieces, text[place:]])


def _lower(text: str) -> str:
    """The text in lower case, every character at its place: "İ" has two characters in lower case."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


def _contacts(text: str) -> Iterator[Mention]:
    if _MAY_HOLD_CONTACT.search(text):
        for match in _CONTACT.finditer(text):
            value = match[0].rstrip(".,;:!?)'")
            yield Mention(MentionKind.CONTACT, match.start(), match.start() + len(value), value.lower())


def _dates(text: str, lower: str) -> Iterator[Mention]:
    for match in _DATE.finditer(lower):
        value = _date_value(match, text)
        if value:
            yield Mention(MentionKind.DATE, *match.span(), value)


def _date_value(match: re.Match[str], text: str) -> str:
    """The date in ISO form; "" for what only looks like one."""
    part = match.groupdict()
    if part["iso"] or part["weekday"]:
        return match[0]
    if part["century"]:
        number = part["century"]
        return f"c{ORDINAL_VALUES.get(number) or number[:-2]}"
    if part["decade"]:
        return part["decade"][:3]
    if part["from"]:
        return f"{part['from']}/{part['from'][: -len(part['to'])]}{part['to']}"
    before = match.string[max(0, match.start() - _LOOK_BACK) : match.start()]
    if part["alone"]:
        counted = _COUNTED.match(match.string, match.end()) and not _BEFORE_DATE.search(before)
        return "" if counted else part["alone"]
    day, month, year = (
        part[name] or part[f"{name}2"] or part[f"{name}3"] for name in ("day", "month", "year")
    )
    name = month.rstrip(".")
    if not day and not year:
        word = name in ("may", "march") and not (
            text[match.start()].isupper() and _BEFORE_DATE.search(before)
        )
        return "" if word or name not in _MONTHS else f"--{_MONTH_NUMBERS[name]:02}"
    number = int(month) if month.isdigit() else _MONTH_NUMBERS[name]
    return f"{year or '-'}-{number:02}" + (f"-{int(re.sub('[a-z]', '', day)):02}" if day else "")


def _quantities(lower: str) -> Iterator[Mention]:
    for match in _QUANTITY.finditer(lower):
        value, kind = _quantity_value(match)
        if value:
            yield Mention(kind, match.start(), match.end(), value)
    for match in _ORDINAL.finditer(lower):
        yield Mention(MentionKind.NUMBER, *match.span(), write_ordinal(ORDINAL_VALUES[match[0]]))


def _quantity_value(match: re.Match[str]) -> tuple[str, MentionKind]:
    low, high = match["digits"] or str(read_number(match["spelt"])), match["high"]
    scale = SCALES.get(match["scale"] or "", 1)
    number = "-".join(write_number(digits, scale) for digits in (low, high) if digits)
    currency = _CURRENCIES.get((match["symbol"] or "").rstrip()[-1:] or match["currency"] or "")
    if currency:
        return f"{number} {currency}", MentionKind.MONEY
    if match["ordinal"]:
        return write_ordinal(int(Decimal(number))), MentionKind.NUMBER
    if match[0] == "one":  # mostly a pronoun
        return "", MentionKind.NUMBER
    return number + ("%" if match["share"] else ""), MentionKind.NUMBER


def _names(text: str, names: Container[str]) -> Iterator[Mention]:
    runs = [span for match in _NAME.finditer(text) for span in _parts(text, *match.span())]
    firsts = [_begins_sentence(text, start) for start, _ in runs]
    within = {text[start:end].lower() for (start, end), first in zip(runs, firsts, strict=True) if not first}
    for (start, end), first in zip(runs, firsts, strict=True):
        word = text[start:end]
        lower = word.lower()
        if not first or " " in word or lower in within or lower in names or word[1:] != lower[1:]:
            value = _name_value(word)
            if value:
                yield Mention(MentionKind.NAME, start, end, value)


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans of the names in a run of capitalised words, without function words at their beginning."""
    pieces = [(start, end)]
    run = text[start:end]
    if " and " in run and not _BODY.search(run.lower().split(" and ")[0]):
        pieces, place = [], start
        for piece in run.split(" and "):
            pieces.append((place, place + len(piece)))
            place += len(piece) + len(" and ")
    for first, last in pieces:
        while first < last:
            word = _first_word(text, first, last)
            if word.lower() not in _FUNCTION_WORDS:
                break
            first = min(last, first + len(word) + 1)
        if last - first > 1:
            yield first, last


def _first_word(text: str, start: int, end: int) -> str:
    space = text.find(" ", start, end)
    return text[start : space if space >= 0 else end]


def _begins_sentence(text: str, start: int) -> bool:
    return bool(_SENTENCE_END.search(text[max(0, start - _LOOK_BACK) : start]))


def _without_possessive(word: str) -> str:
    return word.removesuffix("'s").removesuffix("’s")


def _name_value(name: str) -> str:
    words = [word for word in name.lower().split(" ") if word.rstrip(".") not in _TITLES]
    return _without_possessive(" ".join(words)).replace("’", "'")
