from __future__ import annotations

from dataclasses import replace

from corpus.article import Article
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.facets import MOST_VALUES, Facet, Value, count_facets
from index.retrieval.filter import Filter
from tests.support.fakes import article


def told(name: str, author: str, publisher: str, published: str) -> Article:
    return replace(article(name, "Text."), author=author, publisher=publisher, published=published)


ARTICLES = (
    told("a", "Ann Smith and Bob Jones", "The Post", "2004-05-06"),
    told("b", "Bob Jones", "The Post", "2005"),
    told("c", "Cy Young", "The Gazette", "2005-01"),
    told("d", "", "", ""),
)


def counts(values: tuple[Value, ...]) -> list[tuple[str, int, bool]]:
    return [(one.label, one.count, one.chosen) for one in values]


def test_every_value_of_every_fact_is_counted() -> None:
    facets = count_facets(FacetColumns.of(ARTICLES), Filter())
    assert counts(facets[Facet.PUBLISHER]) == [("The Post", 2, False), ("The Gazette", 1, False)]
    assert counts(facets[Facet.AUTHOR]) == [
        ("Bob Jones", 2, False),
        ("Ann Smith", 1, False),
        ("Cy Young", 1, False),
    ]
    assert counts(facets[Facet.YEAR]) == [("2005", 2, False), ("2004", 1, False)]
    assert [one.value for one in facets[Facet.ARTICLE]] == ["a", "b", "c", "d"]
    assert [one.label for one in facets[Facet.ARTICLE]] == ["a.md", "b.md", "c.md", "d.md"]


def test_a_facet_is_counted_under_the_filters_of_the_others_and_moved_by_none() -> None:
    facets = count_facets(FacetColumns.of(ARTICLES), Filter(publishers=("the post",)))
    assert counts(facets[Facet.PUBLISHER]) == [("The Post", 2, True), ("The Gazette", 1, False)]
    assert counts(facets[Facet.YEAR]) == [("2005", 1, False), ("2004", 1, False)]
    assert counts(facets[Facet.AUTHOR])[2] == ("Cy Young", 0, False)


def test_what_an_old_link_asks_and_no_article_has_can_be_taken_back() -> None:
    facets = count_facets(FacetColumns.of(ARTICLES), Filter(years=("1999",)))
    assert counts(facets[Facet.YEAR])[-1] == ("1999", 0, True)


def test_long_lists_end_but_for_what_is_chosen() -> None:
    many = [told(f"n{n:02}", f"Author {n:02}", "", "") for n in range(40)]
    facets = count_facets(FacetColumns.of(many), Filter(authors=("Author 39",)))
    assert len(facets[Facet.ARTICLE]) == MOST_VALUES
    assert [one.value for one in facets[Facet.AUTHOR]] == [
        *(f"Author {n:02}" for n in range(MOST_VALUES)),
        "Author 39",
    ]
