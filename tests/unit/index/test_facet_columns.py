"""Filters as columns, held against looking at every article."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from index.retrieval.facet_columns import COLUMNS, Facet, facts_files, facts_of, read_facts
from index.retrieval.filter import NO_FILTER, Filter
from tests.support.fakes import article

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
    for name, content in facts_files(facts_of(ARTICLES)).items():
        (tmp_path / name).write_bytes(content)
    expected = [where.matches(one) for one in ARTICLES]
    for facts in (facts_of(ARTICLES), read_facts(tmp_path, ARTICLES)):
        allowed = facts.allowed(where)
        assert allowed is not None
        assert allowed.tolist() == expected


@pytest.mark.parametrize("where", WHERES)
def test_marks_tell_the_same(where: Filter) -> None:
    """What the lexical index is asked for: one of the marks of each kind."""
    facts = facts_of(ARTICLES)
    marks_of, chosen = facts.filter_ids(), facts.chosen(where)
    for row, one in enumerate(ARTICLES):
        marks = marks_of(row)
        held = all(set(marks[facet.value]) & set(places) for facet, places in chosen.items())
        assert held is where.matches(one)


def test_asking_for_nothing_allows_everything() -> None:
    assert facts_of(ARTICLES).allowed(NO_FILTER) is None


def test_columns_worked_by_hand() -> None:
    told = [
        replace(article(name, "x"), author=author)
        for name, author in zip("abc", ("Ann", "", "Ann and Bob"), strict=True)
    ]
    column = facts_of(told).columns[Facet.AUTHOR]
    assert column.values == ("", "Ann", "Ann and Bob", "Bob")
    assert column.pairs.tolist() == [[0, 2, 2, 1, 2], [1, 1, 3, 0, 2]]
    assert column.counted == 3
    assert column.counts(None).tolist() == [0, 2, 0, 1]
    assert column.counts(np.array([True, True, False])).tolist() == [0, 1, 0, 0]


def test_an_article_is_found_by_its_very_id() -> None:
    facts = facts_of([replace(ARTICLES[0], id="AB"), replace(ARTICLES[1], id="ab", source="AB")])
    assert facts.named("ab") == facts.named("AB") == (0, 1)
    assert (facts.article("AB"), facts.article("ab")) == (facts.articles[0], facts.articles[1])
    assert facts.article("aB") is None


def test_names_whose_hashes_meet_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.retrieval.facet_columns._name_hash", lambda name: np.uint64(7))
    facts = facts_of(ARTICLES)
    assert facts.named("n03") == (3,)
    assert facts.named("nobody") == ()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    for name, content in facts_files(facts_of(ARTICLES)).items():
        (tmp_path / name).write_bytes(content)
    made, read = facts_of(ARTICLES), read_facts(tmp_path, ARTICLES)
    for facet in COLUMNS:
        assert read.columns[facet].values == made.columns[facet].values
        np.testing.assert_array_equal(read.columns[facet].pairs, made.columns[facet].pairs)
    assert read.by_title.tolist() == sorted(range(len(ARTICLES)), key=lambda row: (row % 7, row))
