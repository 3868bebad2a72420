"""The state of the page: question, filters, number of extracts and order.

The page keeps all of it in its address, so that a reload, going back and a copied link show the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from corpus.normalise import replace_surrogates
from index.retrieval.facets import Facet
from index.retrieval.filter import NO_FILTER, Filter
from qa.assistant import DEFAULT_EXTRACTS
from web.answering.answer_service import LONGEST_VALUE, MAX_EXTRACTS, MOST_VALUES

NAMES = {facet: facet.name.lower() for facet in Facet}
"""Facets by their name in an address."""


class Sort(StrEnum):
    """The order of the extracts."""

    RELEVANCE = "relevance"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class PageState:
    """One state of the page. `generation` is the index that a link was made with, "" for none."""

    question: str = ""
    where: Filter = NO_FILTER
    k: int = DEFAULT_EXTRACTS
    sort: Sort = Sort.RELEVANCE
    generation: str = ""
    filters_open: bool = False


def read_view(text: str) -> PageState:
    """The state in the JSON that the page sends; an unreadable part has its default."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return PageState()
    if not isinstance(fields, dict):
        return PageState()
    sort = fields.get("sort")
    return PageState(
        question=_text(fields.get("q")),
        where=Filter(**{facet.value: _texts(fields.get(name)) for facet, name in NAMES.items()}),
        k=_number(fields.get("k")),
        sort=Sort(sort) if sort in tuple(Sort) else Sort.RELEVANCE,
        generation=_text(fields.get("g"))[:LONGEST_VALUE],
        filters_open=fields.get("open") is True,
    )


def _text(value: Any) -> str:
    return replace_surrogates(value) if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else []
    return tuple(filter(None, (_text(item)[:LONGEST_VALUE] for item in values[:MOST_VALUES])))


def _number(value: Any) -> int:
    digits = str(value)
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 4):
        return DEFAULT_EXTRACTS
    return max(1, min(int(digits), MAX_EXTRACTS))
