from __future__ import annotations

from dataclasses import replace

import pytest

from index.retrieval.facet_columns import FacetColumns
from index.retrieval.filter import NO_FILTER, Filter
from tests.support.fakes import article, passes

ARTICLE = replace(article("ferry", "It leaves at nine."), author="Jo Bloggs, Ann Lee and Bo Ek")


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        (NO_FILTER, True),
        (Filter(authors=("ann lee",)), True),
        (Filter(authors=("Jo Bloggs, Ann Lee and Bo Ek",)), True),
        (Filter(authors=("Ann",)), False),
        (Filter(publishers=("the gazette",), years=("2024",)), True),
        (Filter(publishers=("The Gazette",), years=("2023",)), False),
        (Filter(articles=("ferry.md", "other.md")), True),
        (Filter(articles=("ferry",)), True),
        (Filter(articles=("other.md",)), False),
    ],
)
def test_what_an_article_must_have(where: Filter, matches: bool) -> None:
    allowed = FacetColumns.of([ARTICLE]).allowed(where)
    assert (allowed is None or allowed.tolist() == [True]) is matches
    assert passes(where, ARTICLE) is matches


def test_asking_for_nothing_is_falsy() -> None:
    assert not NO_FILTER
    assert Filter(years=("2024",))
