"""Reading gold files, and the gold questions that ship."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corpus.read import read_articles
from corpus.sentences import split_sentences
from eval.errors import GoldError
from eval.gold import Evidence, GoldQuestion, check_gold, evidence_in, read_gold
from tests.support.fakes import article
from tests.support.repository import ARTICLES, GOLD, ROOT, SAMPLE_ARTICLES, needs_shared

TYPES = {
    "why",
    "factoid",
    "who_said",
    "paraphrase",
    "keyword",
    "multi_article",
    "conversational",
    "unanswerable",
}
HARBOUR = article("harbour", "It opened in 1820. It silted up. It opened in May.", "It silted up.")
RAINED = {"doc": "harbour.md", "quotes": ["opened in 1820"]}
LINE: dict[str, Any] = {"id": "q1", "question": "When?", "answerable": True, "relevant": [RAINED]}
SHIPPED = read_articles([SAMPLE_ARTICLES]).articles


def read(folder: Path, *lines: dict[str, Any] | str) -> list[GoldQuestion]:
    return read_gold(write(folder, *lines), [HARBOUR])


def write(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "gold.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return path


def test_evidence_becomes_spans_of_the_article(tmp_path: Path) -> None:
    (question,) = read(tmp_path, LINE | {"type": "when", "note": "n"})
    assert question == GoldQuestion("q1", "When?", (Evidence(HARBOUR, 3, 17, 2),), True, "when", "n")
    assert question.relevant[0].text == "opened in 1820"


def test_evidence_may_be_a_span(tmp_path: Path) -> None:
    span = {"article": "harbour", "start": 3, "end": 17, "grade": 1}
    (question,) = read(tmp_path, LINE | {"relevant": [RAINED, span]})
    assert [(piece.start, piece.end, piece.grade) for piece in question.relevant] == [(3, 17, 2), (3, 17, 1)]
    assert question.answering == question.relevant[:1]


def test_evidence_over_several_sentences_counts_sentence_by_sentence() -> None:
    assert [piece.text for piece in evidence_in(HARBOUR, 0, 34)] == ["It opened in 1820.", "It silted up."]
    assert [piece.text for piece in evidence_in(HARBOUR, 3, 34)] == ["It silted up."]
    assert [piece.text for piece in evidence_in(HARBOUR, 12, 21)] == [" 1820. It"]


def test_a_sentence_that_is_said_twice_counts_wherever_it_is_said(tmp_path: Path) -> None:
    (question,) = read(tmp_path, LINE | {"relevant": [{"doc": "harbour.md", "quotes": ["silted up"]}]})
    assert [piece.start for piece in question.relevant] == [22, 55]


def test_blank_lines_marks_and_other_separators_are_no_matter(tmp_path: Path) -> None:
    line = json.dumps(LINE | {"question": "When\u2028then?"}, ensure_ascii=False)
    path = tmp_path / "gold.jsonl"
    path.write_text("\ufeff" + line + "\n\n   \n", encoding="utf-8")
    assert read_gold(path, [HARBOUR])[0].question == "When\u2028then?"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"relevant": [{"doc": "harbour.md", "quotes": ["opened in 1920"]}]}, "stands nowhere in harbour.md"),
        ({"relevant": [{"doc": "harbour.md", "quotes": ["It opened in"]}]}, "stands 2 times in harbour.md"),
        (
            {"relevant": [{"doc": "quay.md", "quotes": ["a"]}]},
            "no article (or more than one) is called 'quay.md'",
        ),
        ({"relevant": [{"doc": 7, "quotes": ["a"]}]}, "is called 7"),
        ({"relevant": [{"doc": "harbour.md", "quotes": []}]}, '"quotes" must be a list of texts'),
        ({"relevant": [{"doc": "harbour.md", "quotes": "rain"}]}, '"quotes" must be a list of texts'),
        ({"relevant": [{"doc": "harbour.md", "quotes": [""]}]}, "has no word in it"),
        ({"relevant": [{"doc": "harbour.md", "quotes": [". "]}]}, "has no word in it"),
        ({"relevant": [{"doc": "harbour.md", "quotes": ["1820. It"]}]}, "runs over two sentences"),
        ({"relevant": [{"doc": "harbour.md", "start": 50, "end": 52}]}, "has no word in it"),
        ({"relevant": [{"doc": "harbour.md", "start": False, "end": True}]}, "from False to True"),
        ({"relevant": [RAINED | {"grade": 2.0}]}, "the grade 2.0"),
        ({"id": "a\x00b"}, "the id has white space"),
        (
            {"relevant": [{"doc": "harbour.md"}]},
            'needs "quotes", or "start" and "end" inside the 65 characters',
        ),
        ({"relevant": [{"doc": "harbour.md", "start": 3, "end": 66}]}, "this one goes from 3 to 66"),
        ({"relevant": [{"doc": "harbour.md", "start": 5, "end": 5}]}, "this one goes from 5 to 5"),
        ({"relevant": [{"doc": "harbour.md", "start": 1, "end": 5, "sha256": "0"}]}, "has changed since"),
        ({"relevant": [RAINED | {"grade": 3}]}, "the grade 3 is neither 1 (related) nor 2 (answers)"),
        ({"relevant": [RAINED | {"grade": True}]}, "the grade True"),
        ({"relevant": [RAINED | {"grade": 1}]}, "no evidence of grade 2"),
        ({"relevant": []}, "no evidence of grade 2"),
        ({"relevant": ["rain"]}, "evidence must be an object"),
        ({"relevant": {"doc": "harbour.md"}}, '"relevant" must be a list'),
        ({"answerable": False}, "an unanswerable question has evidence"),
        ({"answerable": None}, '"answerable" must be true or false'),
        ({"answerable": "yes"}, '"answerable" must be true or false'),
        ({"question": 5}, '"question" and "type" must be texts'),
        ({"question": " ? "}, "the question is empty"),
        ({"question": "x" * 2_001}, "the limit is 2,000"),
        ({"type": 5}, '"question" and "type" must be texts'),
        ({"type": "all"}, "the type 'all' cannot stand in a table"),
        ({"type": "a\nb"}, "cannot stand in a table"),
        ({"id": "a b"}, "the id has white space"),
    ],
)
def test_a_fault_is_named_with_file_line_and_id(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(GoldError) as caught:
        read(tmp_path, LINE | {"id": "q0"}, LINE | change)
    message = str(caught.value)
    assert reason in message
    assert "gold.jsonl, line 2" in message
    assert caught.value.question == ("" if "id" in change else "q1")
    assert "\n" not in message


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "5", '{"question": "a"}', '{"id": true}', '{"id": ""}', "[" * 9_999, '{"id": "\\ud800"}'],
)
def test_a_line_that_is_no_question_is_named(line: str, tmp_path: Path) -> None:
    with pytest.raises(GoldError, match=r"gold.jsonl, line 1: "):
        read(tmp_path, line)


def test_an_id_stands_once(tmp_path: Path) -> None:
    with pytest.raises(GoldError, match=r"line 3 \(q1\): line 1 has the same id"):
        read(tmp_path, LINE, LINE | {"id": "q2"}, LINE)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe"])
def test_a_file_without_a_question_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_bytes(content)
    with pytest.raises(GoldError, match=r"gold.jsonl: "):
        read_gold(tmp_path / "gold.jsonl", [HARBOUR])
    with pytest.raises(GoldError, match="No such file"):
        read_gold(tmp_path / "none.jsonl", [HARBOUR])


def test_checking_finds_every_fault(tmp_path: Path) -> None:
    path = write(tmp_path, LINE, "{", LINE | {"id": "q2", "answerable": None}, LINE | {"id": "q3"})
    sound, faults = check_gold(path, [HARBOUR])
    assert [question.id for question in sound] == ["q1", "q3"]
    assert [(fault.line, fault.question) for fault in faults] == [(2, ""), (3, "q2")]


@needs_shared
def test_the_development_questions_are_read() -> None:
    questions = read_gold(GOLD / "dev.jsonl", read_articles([ARTICLES]).articles)
    assert (len(questions), sum(question.answerable for question in questions)) == (60, 48)


@pytest.mark.parametrize(
    ("name", "least", "unanswerable"), [("gold.jsonl", 150, 0.25), ("gold-first.jsonl", 60, 0.19)]
)
def test_the_shipped_questions_are_of_all_types(name: str, least: int, unanswerable: float) -> None:
    questions = read_gold(ROOT / "eval" / name, SHIPPED)
    types = Counter(question.type for question in questions)
    assert len(questions) >= least
    assert set(types) == TYPES
    assert unanswerable <= types["unanswerable"] / len(questions) <= unanswerable + 0.04
    for question in questions:
        if question.type == "multi_article":
            assert len({piece.article.id for piece in question.answering}) >= 2, question.id


def test_the_near_misses_are_of_every_kind() -> None:
    lines = (ROOT / "eval" / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    kinds = Counter(row["note"] for row in map(json.loads, lines) if not row["answerable"])
    assert set(kinds) == {"entity", "number", "missing fact", "reversed", "kind"}
    assert min(kinds.values()) >= 5


@pytest.mark.parametrize("name", ["gold.jsonl", "gold-first.jsonl"])
def test_every_shipped_quote_stands_once_inside_one_sentence(name: str) -> None:
    sentences = {one.source: [sentence.text for sentence in split_sentences(one)] for one in SHIPPED}
    for line in (ROOT / "eval" / name).read_text(encoding="utf-8").splitlines():
        for evidence in json.loads(line)["relevant"]:
            for quote in evidence["quotes"]:
                holding = [sentence for sentence in sentences[evidence["doc"]] if quote in sentence]
                assert len(holding) == 1, quote


def test_shipped_articles_say_what_they_report() -> None:
    assert len(SHIPPED) == 5
    for one in SHIPPED:
        assert 600 <= len(one.text.split()) <= 1_250
        assert {"original_title", "original_author", "original_publisher", "questions"} <= set(one.metadata)
        assert (one.author, one.publisher) == ("Pullquote", "Pullquote")
