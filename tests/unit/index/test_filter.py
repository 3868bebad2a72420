from __future__ import annotations

from dataclasses import replace

import pytest

from index.retrieval.filter import EVERYTHING, Where
from tests.support.fakes import article

ARTICLE = replace(article("ferry", "It leaves at nine."), author="Jo Bloggs, Ann Lee and Bo Ek")


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        (EVERYTHING, True),
        (Where(authors=("ann lee",)), True),
        (Where(authors=("Jo Bloggs, Ann Lee and Bo Ek",)), True),
        (Where(authors=("Ann",)), False),
        (Where(publishers=("the gazette",), years=("2024",)), True),
        (Where(publishers=("The Gazette",), years=("2023",)), False),
        (Where(articles=("ferry.md", "other.md")), True),
        (Where(articles=("ferry",)), True),
        (Where(articles=("other.md",)), False),
    ],
)
def test_facts_an_article_must_have(where: Where, matches: bool) -> None:
    assert where.matches(ARTICLE) is matches


def test_asking_for_nothing_is_falsy() -> None:
    assert not EVERYTHING
    assert Where(years=("2024",))
