from __future__ import annotations

from typing import Any

import pytest

from eval.evidence import ArticleLookup
from eval.gold import Evidence
from eval.judge import covered_evidence, grade, locate_extract
from tests.support.fakes import article

#       0         10        20        30        40        50
TEXT = "It rained for ten long days in May. Nobody had expected it."
DAYS = article("days", TEXT)
SHELF = ArticleLookup([DAYS])
RAIN = Evidence(DAYS, 0, 35)
EXTRACT = {
    "article_id": "days",
    "source": "days.md",
    "start": 0,
    "end": 59,
    "text": TEXT,
    "answer": {"start": 0, "end": 35, "text": TEXT[:35]},
    "article_sha256": DAYS.sha256,
}


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0, 59), 2),  # holds it
        ((0, 35), 2),  # is it
        ((0, 22), 2),  # "It rained for ten long": 5 of its 8 words, .625
        ((0, 17), 0),  # 4 of 8
        ((36, 59), 0),  # another sentence
        ((3, 40), 0),  # runs over it without holding it
    ],
)
def test_the_rule_worked_by_hand(span: tuple[int, int], expected: int) -> None:
    assert grade([RAIN], DAYS, (span,)) == expected


def test_the_best_grade_of_any_place_counts() -> None:
    related = Evidence(DAYS, 36, 59, grade=1)
    assert grade([RAIN, related], DAYS, ((36, 59),)) == 1
    assert grade([RAIN, related], DAYS, ((36, 59), (0, 35))) == 2
    assert covered_evidence([RAIN, related], DAYS, ((0, 59),)) == [RAIN, related]
    assert grade([RAIN], article("other", TEXT), ((0, 35),)) == 0
    assert grade([RAIN], None, ((0, 35),)) == 0


def test_a_true_citation_is_valid() -> None:
    shown = locate_extract(EXTRACT, SHELF)
    assert (shown.valid, shown.spans, shown.marked) == (True, ((0, 59),), ((0, 35),))


@pytest.mark.parametrize(
    "change",
    [
        {"text": TEXT.replace("ten", "two")},
        {"text": TEXT.replace("rained", "Rained")},
        {"start": 1},
        {"end": 58},
        {"end": 10_000},
        {"start": -59},
        {"start": "0"},
        {"article_sha256": "0" * 64},
        {"source": "nights.md", "article_id": "nights"},
        {"answer": {"start": 0, "end": 35, "text": "It rained for two long days in May."}},
        {"answer": {"start": 0, "end": 36, "text": TEXT[:35]}},
        {"answer": {"start": 35, "end": 35, "text": ""}},
        {"answer": None},
    ],
)
def test_any_untruth_is_a_violation(change: dict[str, Any]) -> None:
    assert not locate_extract(EXTRACT | change, SHELF).valid


def test_offsets_that_lie_count_for_nothing() -> None:
    lying = EXTRACT | {"text": "Nobody had expected it.", "answer": {"start": 0, "end": 35, "text": "Nobody"}}
    shown = locate_extract(lying, SHELF)
    assert not shown.valid
    assert grade([RAIN], shown.article, shown.marked) == 0


def test_another_systems_extract_needs_no_offsets() -> None:
    quoted = {"source": "days.md", "text": TEXT[:35], "answer": {"text": "ten long days in May."}}
    shown = locate_extract(quoted, SHELF)
    assert (shown.valid, shown.spans, shown.marked) == (True, ((0, 35),), ((14, 35),))
    folded = locate_extract(quoted | {"text": "it rained for ten long days"}, SHELF)
    assert (folded.valid, folded.spans) == (False, ((0, 27),))
    assert locate_extract({"source": "days.md", "text": TEXT}, SHELF).marked == ()


def test_a_citation_names_its_article() -> None:
    bare = {name: value for name, value in EXTRACT.items() if name != "article_id"}
    for name, valid in (("days.md", True), ("days.pdf", False), ("/nowhere/days", False)):
        assert locate_extract(bare | {"source": name}, SHELF).valid is valid


def test_a_hash_is_held_against_the_article_without_offsets_too() -> None:
    quoted = {"source": "days.md", "text": TEXT[:35], "answer": {"text": TEXT[:35]}, "start": None}
    assert locate_extract(quoted, SHELF).valid
    assert not locate_extract(quoted | {"article_sha256": "0" * 64}, SHELF).valid
