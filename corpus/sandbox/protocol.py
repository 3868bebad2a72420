"""Parent-worker protocol: length-prefixed frames of JSON.

A frame is its length in eight bytes, big-endian, and its content. A question is two frames: number, suffix
and source, then the bytes of the file. An answer is one frame with the number of its question, so that a late
answer is not taken for the next file's.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from corpus.article import LONGEST_FIELD, Article, Dropped, Unreadable, identifier, text_sha256

_LENGTH = struct.Struct(">Q")
HEADER = _LENGTH.size
_REASON = 1_000  # characters
_STRINGS = ("title", "text", "url", "author", "publisher", "published")
# Cleaning removes these from every canonical text.
_FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\xad\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


class Fault(Unreadable):
    """A reading process failed on a file; the message is the reason without the file's name."""


def frame(content: bytes) -> bytes:
    """The content with its length in front."""
    return _LENGTH.pack(len(content)) + content


def frame_length(header: bytes) -> int:
    """The length of the content behind a frame's header."""
    return int(_LENGTH.unpack(header)[0])


def question(number: int, suffix: str, source: str) -> bytes:
    """The first frame of a question; the second is the file as it is."""
    return _encoded([number, suffix, source])


def read_question(content: bytes) -> tuple[int, str, str]:
    """Number, suffix and source of a question."""
    number, suffix, source = json.loads(content)
    return number, suffix, source


def article_answer(number: int, article: Article) -> bytes:
    """The fields of an article that do not follow from its source and its text."""
    fields: dict[str, Any] = {name: getattr(article, name) for name in _STRINGS}
    fields["headings"] = article.headings
    fields["metadata"] = dict(article.metadata)
    fields["dropped"] = [(line.text, line.reason) for line in article.dropped]
    return _encoded({"number": number, "article": fields})


def refusal_answer(number: int, reason: str) -> bytes:
    """The reason why a file is no article."""
    return _encoded({"number": number, "refused": reason})


def fault_answer(number: int, reason: str) -> bytes:
    """The failure after which the process exits."""
    return _encoded({"number": number, "fault": reason})


def read_answer(content: bytes, number: int, source: str) -> Article:
    """The article in the answer to this question. Raises Unreadable with its reason, or Fault."""
    try:
        answer = json.loads(content)
        if answer["number"] != number:
            raise Fault("got another file's answer from its reader")
        if "refused" in answer:
            raise Unreadable(str(answer["refused"])[:_REASON])
        if "fault" in answer:
            raise Fault(str(answer["fault"])[:_REASON])
        return _article(answer["article"], source)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise Fault("got no article from its reader") from error


def _article(fields: Mapping[str, Any], source: str) -> Article:
    strings = {name: _string(fields[name]) for name in _STRINGS}
    text = strings["text"]
    if any("\n" in line or len(line) > LONGEST_FIELD for name, line in strings.items() if name != "text"):
        raise ValueError("a field of several lines, or longer than cleaning leaves it")
    headings = tuple((_offset(start), _offset(end)) for start, end in fields["headings"])
    edges = [edge for heading in headings for edge in heading]
    if edges != sorted(edges) or not all(0 <= edge <= len(text) for edge in edges):
        raise ValueError("headings outside the text")
    return Article(
        **strings,
        id=identifier(source),
        source=source,
        sha256=text_sha256(text),
        headings=headings,
        metadata=MappingProxyType({_string(k): _string(v) for k, v in dict(fields["metadata"]).items()}),
        dropped=tuple(Dropped(_string(line), _string(reason)) for line, reason in fields["dropped"]),
    )


def _string(value: object) -> str:
    if not isinstance(value, str) or _FORBIDDEN.search(value):
        raise ValueError("not a text that cleaning made")
    return value


def _offset(value: object) -> int:
    if not isinstance(value, int):  # int() of a number that JSON makes infinite is no ValueError
        raise TypeError("not an offset")
    return value


def _encoded(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
