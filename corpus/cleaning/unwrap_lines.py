"""Joins physical lines into paragraphs, in text that was wrapped at a column.

Wrapping breaks a line only where the next word would not have fitted. A break where it would have fitted
ends a paragraph (if the line also ends like a sentence) or is damage.

    ["The trust has nine", "partners.", "It began in May."]
    -> ["The trust has nine partners.", "It began in May."]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from corpus.cleaning.headings import dotted_heading

# Wider "lines" are paragraphs on one line each: no mail program or scraper wraps that late.
_WIDEST_WRAP = 120
# The longest lines set the column, unless they stick out: addresses and tables are not wrapped.
_OVERHANG = 4
# Share of line breaks that must be forced for a text to count as wrapped. Scrapers that count an
# entity (&#8217;) as seven characters leave about a third of the breaks looking unforced.
_FORCED_SHARE = 0.5
# Above this share of unforced breaks in mid-sentence a short line says nothing about paragraphs.
_RAGGED_SHARE = 0.15

_BULLET = re.compile(r"(?:[-*•·–]|\d{1,3}[.)]|\([a-z0-9]{1,3}\))\s+\S")
_SENTENCE_END = re.compile(r"[.!?…][\"”’')\]]*$")
# Closing quotes and brackets lie within this many characters of the end.
_NEAR = 10
_ADDRESS = re.compile(r"(?:https?://|www\.)\S{1,300}", re.IGNORECASE)
_ADDRESS_OR_MAIL = re.compile(
    r"(?:https?://|www\.)\S{1,300}|[^\s@]{1,64}@[^\s@]{1,100}\.\w{2,20}", re.IGNORECASE
)
_ADDRESS_REST = re.compile(r"[a-z0-9_~%-]+[./][\w./?=&%~#-]+$")
_INLINE_ITEM = re.compile(r"(?<=\S)\s+(?=[-•·] [A-Z“\"])")


def unwrap(lines: Sequence[str]) -> list[str]:
    """The paragraphs of physical lines ("" where blank), in order, nothing left out."""
    folded = [" ".join(line.split()) for line in lines]
    # A list or letterhead can hide that the other paragraphs are wrapped, so a file that is not wrapped as a
    # whole is judged block by block.
    whole = _wrap_width(folded)
    return [
        paragraph
        for block in ([*lines] for full, lines in groupby(folded, bool) if full)
        for paragraph in _unwrap_block(block, whole or _wrap_width(block))
    ]


def ends_sentence(line: str) -> bool:
    """Whether a line ends like a sentence, closing quotes and brackets included."""
    return bool(_SENTENCE_END.search(line[-_NEAR:]))


def _unwrap_block(block: Sequence[str], width: int | None) -> Sequence[str]:
    if width is None:
        return block
    return [paragraph for group in _paragraphs(block, width) for paragraph in _items(_join(group))]


def _wrap_width(lines: Sequence[str]) -> int | None:
    """The column at which the text was wrapped, or None if its lines are paragraphs already."""
    lengths = sorted(len(line) for line in lines if line)
    if len(lengths) < 2:
        return None
    width = lengths[int(0.95 * (len(lengths) - 1))]
    if lengths[-1] <= width + _OVERHANG:
        width = lengths[-1]
    breaks = [(line, after) for line, after in pairwise(lines) if line and after]
    if width > _WIDEST_WRAP or not breaks:
        return None
    forced = sum(_forced(line, after, width) for line, after in breaks)
    # Two or three short lines in a row (an address, a list of names) are no evidence.
    long_enough = sum(len(line) >= 0.6 * width for line, _ in breaks) >= _FORCED_SHARE * len(breaks)
    return width if forced >= _FORCED_SHARE * len(breaks) and long_enough and width >= 30 else None


def _forced(line: str, after: str, width: int) -> bool:
    return len(line) + 1 + len(after.split(" ", 1)[0]) > width


def _paragraphs(block: Sequence[str], width: int) -> Iterator[list[str]]:
    unforced = [not _forced(line, after, width) for line, after in pairwise(block)]
    ends = [ends_sentence(line) for line in block]
    ragged = sum(short and not end for short, end in zip(unforced, ends, strict=False))
    trusted = ragged <= max(2, _RAGGED_SHARE * len(unforced))
    group = [block[0]]
    for number, line in enumerate(block[1:]):
        before = block[number]
        short_end = unforced[number] and trusted and _may_end(before)
        # A sub-heading below a full last line: only its own words tell it from a sentence.
        heading = dotted_heading(line) and ends[number] and unforced[number + 1 : number + 2] == [True]
        # "Contact the author:" starts a paragraph.
        label = unforced[number] and line.endswith(":") and len(line.split()) <= 5 and line[0].isupper()
        if short_end or heading or label or _starts_item(before, line):
            yield group
            group = []
        group.append(line)
    yield group


def _may_end(line: str) -> bool:
    return line.endswith(":") or ends_sentence(line)


def _starts_item(before: str, line: str) -> bool:
    if not _BULLET.match(line):
        return False
    behind = _may_end(before) or before.endswith((";", ",")) or _ends_in_address(before)
    return behind or bool(_BULLET.match(before))


def _ends_in_address(text: str) -> bool:
    return bool(_ADDRESS_OR_MAIL.fullmatch(text.rpartition(" ")[2]))


def _join(group: Sequence[str]) -> str:
    pieces = [group[0]]
    word = group[0].rpartition(" ")[2]
    for line in group[1:]:
        glue = _glue(word, line)
        pieces += [glue, line]
        word = line.rpartition(" ")[2] if glue or " " in line else word + line
    return "".join(pieces)


def _glue(word: str, line: str) -> str:
    """The separator of a line's last word and the next line: a space, or nothing inside an address."""
    first = line.split(" ", 1)[0]
    if _ADDRESS.fullmatch(word) and _continues_address(word, first):
        return ""
    return "" if re.search(r"\w-$", word[-2:]) and first[0].islower() else " "


def _continues_address(address: str, continuation: str) -> bool:
    """Whether the word continues an address that was broken over two lines.

    "www.dfes.gov.uk/" cannot end there, nor can a host of "www" and one label.
    """
    if address[-1] in "/-_=?&.":
        return (bool(re.match(r"[a-z0-9]", continuation)) and not continuation.isalpha()) or (
            address[-1] == "/" and continuation.islower()
        )
    host = re.sub(r"^https?://", "", address, flags=re.IGNORECASE).split("/", 1)[0]
    return host.count(".") < 2 and host.startswith("www.") and bool(_ADDRESS_REST.match(continuation))


def _items(paragraph: str) -> list[str]:
    """List items that a scraper ran together: "- one www.a.org - Two" is two items."""
    if not _BULLET.match(paragraph):
        return [paragraph]
    items: list[str] = []
    for piece in _INLINE_ITEM.split(paragraph):
        if items and not (_ends_in_address(items[-1]) or ends_sentence(items[-1])):
            items[-1] += f" {piece}"
        else:
            items.append(piece)
    return items
