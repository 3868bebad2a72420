"""The citations that an address names: "c=ab12:40-95" once for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from corpus.article import Article
from qa.citation import Citation
from web.links import read_span

MOST = 50
"""Citations in one list: an address of more would be too long for some browsers and proxies."""
Find = Callable[[str], Article | None]
_ARTICLE = re.compile(r"[A-Za-z0-9._-]{1,200}")


@dataclass(frozen=True, slots=True)
class Cited:
    """What was named, each once and in order.

    `missing` are addresses of what is not in the index any more, `malformed` what is no address at all,
    `too_many` the number of those after the first 50.
    """

    citations: tuple[Citation, ...]
    missing: tuple[str, ...]
    malformed: tuple[str, ...]
    too_many: int


def read_cited(written: Sequence[str], find: Find) -> Cited:
    """The citations of a list of addresses; `find` knows the articles by id."""
    different = list(dict.fromkeys(written))
    places = {address: _read(address) for address in different[:MOST]}
    found = {address: _found(find, *place) for address, place in places.items() if place}
    return Cited(
        citations=tuple(dict.fromkeys(citation for citation in found.values() if citation)),
        missing=tuple(address for address, citation in found.items() if not citation),
        malformed=tuple(address for address, place in places.items() if not place),
        too_many=max(len(different) - MOST, 0),
    )


def cited_query(citations: Iterable[Citation], missing: Iterable[str] = ()) -> str:
    """The query of the address of a list: "c=ab12%3A40-95&c=…"."""
    return urlencode([("c", address) for address in (*(c.address for c in citations), *missing)])


def _read(address: str) -> tuple[str, int, int] | None:
    article, _, written = address.rpartition(":")
    span = read_span(written)
    return (article, *span) if span and _ARTICLE.fullmatch(article) else None


def _found(find: Find, article: str, start: int, end: int) -> Citation | None:
    known = find(article)
    return Citation(known, start, end) if known and end <= len(known.text) else None
