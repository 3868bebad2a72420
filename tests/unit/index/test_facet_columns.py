"""Filters as columns, held against looking at every article."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from corpus.article import Article
from index.generation.articles import Articles, article_files, open_articles
from index.retrieval.facet_columns import COLUMNS, Facet, FacetColumns
from index.retrieval.filter import NO_FILTER, Filter
from tests.support.fakes import article, passes

AUTHORS = ("Ann Lee", "ann lee", "Bo Ek and Ann Lee", "", "Jo Bloggs, Bo Ek", "STRASSE", "straße")
PUBLISHERS = ("The Post", "the post", "", "Élan")
YEARS = ("2004-05-06", "2005", "", "2004")
ARTICLES = tuple(
    replace(
        article(f"n{row:02}", f"Text {row}."),
        author=author,
        publisher=publisher,
        published=year,
        title=f"{row % 7}",
    )
    for row, (author, publisher, year) in enumerate(product(AUTHORS, PUBLISHERS, YEARS))
)
WHERES = [
    Filter(authors=("ANN LEE",)),
    Filter(authors=("bo ek",), years=("2004",)),
    Filter(authors=("Bo Ek and Ann Lee",)),
    Filter(authors=("Strasse",)),
    Filter(authors=("",)),
    Filter(authors=("Ann",)),
    Filter(publishers=("THE POST", "élan")),
    Filter(publishers=("",), years=("2005", "1999")),
    Filter(years=("",)),
    Filter(articles=("n03", "N04.md", "nobody")),
    Filter(articles=("nobody",)),
    Filter(articles=("n03", "n05.md", "n90"), authors=("ann lee",)),
]


@pytest.mark.parametrize("where", WHERES)
def test_what_is_allowed_is_what_matches(where: Filter, tmp_path: Path) -> None:
    for name, content in FacetColumns.of(ARTICLES).files().items():
        (tmp_path / name).write_bytes(content)
    expected = [passes(where, one) for one in ARTICLES]
    for facts in (FacetColumns.of(ARTICLES), FacetColumns.read(tmp_path, ARTICLES, list)):
        allowed = facts.allowed(where)
        assert allowed is not None
        assert allowed.tolist() == expected


@pytest.mark.parametrize("where", WHERES)
def test_marks_tell_the_same(where: Filter) -> None:
    """What the lexical index is asked for: one of the marks of each kind."""
    facts = FacetColumns.of(ARTICLES)
    marks_of, chosen = facts.filter_ids(), facts.chosen(where)
    for row, one in enumerate(ARTICLES):
        marks = marks_of(row)
        held = all(set(marks[facet.value]) & set(places) for facet, places in chosen.items())
        assert held is passes(where, one)


def test_asking_for_nothing_allows_everything() -> None:
    assert FacetColumns.of(ARTICLES).allowed(NO_FILTER) is None


def test_columns_worked_by_hand() -> None:
    told = [
        replace(article(name, "x"), author=author)
        for name, author in zip("abc", ("Ann", "", "Ann and Bob"), strict=True)
    ]
    column = FacetColumns.of(told).columns[Facet.AUTHOR]
    assert column.values == ("", "Ann", "Ann and Bob", "Bob")
    assert column.pairs.tolist() == [[0, 2, 2, 1, 2], [1, 1, 3, 0, 2]]
    assert column.counted == 3
    assert column.counts(None).tolist() == [0, 2, 0, 1]
    assert column.counts(np.array([True, True, False])).tolist() == [0, 1, 0, 0]


def test_an_article_is_found_by_its_very_id() -> None:
    facts = FacetColumns.of([replace(ARTICLES[0], id="AB"), replace(ARTICLES[1], id="ab", source="AB")])
    assert facts.rows_named("ab") == facts.rows_named("AB") == (0, 1)
    assert (facts.article("AB"), facts.article("ab")) == (facts.articles[0], facts.articles[1])
    assert facts.article("aB") is None


def test_names_whose_hashes_meet_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.retrieval.facet_columns._hash", lambda name: np.uint64(7))
    facts = FacetColumns.of(ARTICLES)
    assert facts.rows_named("n03") == (3,)
    assert facts.rows_named("nobody") == ()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    for name, content in FacetColumns.of(ARTICLES).files().items():
        (tmp_path / name).write_bytes(content)
    made, read = FacetColumns.of(ARTICLES), FacetColumns.read(tmp_path, ARTICLES, list)
    for facet in COLUMNS:
        assert read.columns[facet].values == made.columns[facet].values
        np.testing.assert_array_equal(read.columns[facet].pairs, made.columns[facet].pairs)
    assert read.by_title.tolist() == sorted(range(len(ARTICLES)), key=lambda row: (row % 7, row))


class CountingArticles(Articles):
    """Counts the articles that are parsed."""

    parsed = 0

    def _read(self, row: int) -> Article:
        self.parsed += 1
        return super()._read(row)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> FacetColumns:
    """10,000 articles opened from disk."""
    folder = tmp_path_factory.mktemp("many")
    articles = [
        replace(
            article(f"n{row:05}", f"Text {row}."),
            title=f"Ferry {9999 - row:05}" if row % 2 else "",
            publisher=f"P{row % 10}",
        )
        for row in range(10_000)
    ]
    for name, content in {**article_files(articles), **FacetColumns.of(articles).files()}.items():
        (folder / name).write_bytes(content)
    opened = open_articles(folder, len(articles))
    counting = CountingArticles(opened._content, opened._table, opened._path)
    return FacetColumns.read(folder, counting, counting.display_titles)


@pytest.mark.parametrize(
    ("where", "title", "offset", "total", "first"),
    [
        (NO_FILTER, "", 0, 10_000, "n09999"),
        (Filter(publishers=("p3",)), "", 990, 1000, "n00093"),
        (NO_FILTER, "FERRY", 100, 5000, "n09799"),
        (Filter(publishers=("p3", "p4")), "0006 ferry", 0, 2, "n09993"),
        (Filter(publishers=("p4",)), "n00 .md", 95, 100, "n00954"),
        (NO_FILTER, "canal", 0, 0, ""),
        (NO_FILTER, "", 10_000, 10_000, ""),
    ],
)
def test_a_list_parses_only_the_articles_it_returns(
    many: FacetColumns, where: Filter, title: str, offset: int, total: int, first: str
) -> None:
    articles = many.articles
    assert isinstance(articles, CountingArticles)
    before = articles.parsed
    listed = many.list_articles(where, title, offset=offset, limit=10)
    assert listed.total == total
    assert [one.id for one in listed.articles[:1]] == [first] * bool(first)
    assert articles.parsed - before <= len(listed.articles) <= 10


def test_a_title_query_is_folded_and_its_words_come_in_any_order() -> None:
    columns = FacetColumns.of([replace(ARTICLES[0], title="“Élan” – the\u2028old PIER")])
    for query, found in (("pier ÉLAN", True), ('"élan" -', True), ("piers", False), (" ", True)):
        assert columns.list_articles(NO_FILTER, query, limit=1).total == found
