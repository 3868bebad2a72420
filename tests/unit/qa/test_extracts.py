from __future__ import annotations

from pathlib import Path

import pytest

from index.building.build import build
from index.generation.data_folder import DataFolder
from index.search.query import Query
from index.search.searcher import Searcher
from qa.extracts import EXTRACT_WORDS, ExtractGrouper, _near_duplicates, _words
from tests.support.fakes import WordEncoder, article
from tests.support.sample_answers import build_article, shown_extracts

LONG = " ".join(["quay"] * 60)


def test_context_keeps_to_the_paragraph(tmp_path: Path) -> None:
    generation = build_article(tmp_path, "One ends here.", "Ice fell. Cars slid on it.", "Two begins.")
    assert shown_extracts(generation, "ice fell")[0][0] == "Ice fell. Cars slid on it."


def test_a_long_neighbour_is_left_out_rather_than_cut(tmp_path: Path) -> None:
    generation = build_article(tmp_path, f"{LONG.capitalize()}. Ice fell on the road. {LONG.capitalize()}.")
    text, marked = shown_extracts(generation, "ice fell on the road")[0]
    assert marked == "Ice fell on the road."
    assert len(text.split()) <= EXTRACT_WORDS
    assert text in (marked, f"{LONG.capitalize()}. {marked}")


def test_k_is_the_most_that_is_shown(tmp_path: Path) -> None:
    generation = build_article(
        tmp_path, *(f"Ice fell in place number {n} of town." for n in ("nine", "ten", "six", "two"))
    )
    assert len(shown_extracts(generation, "ice fell", k=2)) == 2


def test_no_sentence_is_shown_twice(tmp_path: Path) -> None:
    sentences = [
        f"Number {n} of the {noun} melted."
        for n, noun in enumerate(("ice", "snow", "hail", "sleet", "frost", "slush"))
    ]
    generation = build_article(tmp_path, " ".join(sentences))
    texts = [text for text, _ in shown_extracts(generation, "number of the ice hail frost melted", k=6)]
    assert len(texts) > 1
    for sentence in sentences:
        assert sum(sentence in text for text in texts) <= 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The council did fund the new trust.", "The council did not fund the new trust.", False),
        ("The council didn’t fund the new trust.", "The council did fund the new trust.", False),
        (
            "It opened in 2003 beside the old quay of the town.",
            "It opened in 2004 beside the old quay of the town.",
            False,
        ),
        ("It opened in 2003 beside the quay.", "It opened, in 2003, beside the quay!", True),
        ("???", "!!!", False),
    ],
)
def test_the_same_statement(one: str, other: str, same: bool) -> None:
    first, second = _near_duplicates([_words(one), _words(other)])
    assert (1 in first, 0 in second) == (same, same)


def test_a_question_stands_above_its_answer_and_is_not_the_answer(tmp_path: Path) -> None:
    generation = build_article(
        tmp_path, "Q: How long does a badge take?", "A: Twelve weeks for a badge.", "Ice fell on the quay."
    )
    text, marked = shown_extracts(generation, "how long does a badge take", k=1)[0]
    assert marked == "A: Twelve weeks for a badge."
    assert text == "Q: How long does a badge take?\n\nA: Twelve weeks for a badge."


def articles_shown(data: Path, question: str, *texts: str, k: int = 3) -> list[str]:
    build([article(f"a{n}", text) for n, text in enumerate(texts)], WordEncoder(), data)
    generation = DataFolder(data).open()
    query = Query(WordEncoder().encode_questions([question])[0], tuple(generation.lexical.terms(question)))
    return [
        g.hit.sentence.article.id
        for g in ExtractGrouper(generation).group(Searcher(generation).search(query, 40), k)
    ]


ICE = (
    "Ice fell on roads.\n\nIce fell on roofs today.\n\nIce fell on the cars there.\n\nIce fell on some trees."
)
OTHER = " ".join(
    f"{made} is made of {n} parts." for n, made in enumerate(("Bread", "Milk", "Glue", "Glass", "Ink"))
)


def test_a_second_article_that_says_much_the_same_is_heard_last(tmp_path: Path) -> None:
    said = "No ice fell on any of the boats."
    assert articles_shown(tmp_path, "ice fell on", ICE, said, OTHER) == ["a0", "a0", "a1"]


def test_one_that_says_something_else_is_not(tmp_path: Path) -> None:
    assert articles_shown(tmp_path, "ice fell on", ICE, OTHER) == ["a0"] * 3


def test_a_second_article_that_ranks_by_itself_keeps_its_place(tmp_path: Path) -> None:
    told = articles_shown(tmp_path, "ice fell on boats", ICE, "Ice fell on boats.", OTHER)
    assert told[0] == "a1"
    assert set(told) == {"a0", "a1"}
