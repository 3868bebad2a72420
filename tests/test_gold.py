"""The gold questions that ship: every quote stands once in its article, inside one sentence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from corpus.read import read_articles
from corpus.sentence import split_sentences

ROOT = Path(__file__).resolve().parents[1]
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

GOLD = [json.loads(line) for line in (ROOT / "eval" / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
SENTENCES = {
    article.source: [sentence.text for sentence in split_sentences(article)]
    for article in read_articles([ROOT / "corpus" / "articles"]).articles
}


def test_at_least_sixty_questions_of_all_types_a_fifth_unanswerable() -> None:
    types = Counter(gold["type"] for gold in GOLD)
    assert len(GOLD) >= 60
    assert set(types) == TYPES
    assert 0.19 <= types["unanswerable"] / len(GOLD) <= 0.23
    assert len({gold["id"] for gold in GOLD}) == len(GOLD)


def test_every_quote_stands_once_inside_one_sentence() -> None:
    for gold in GOLD:
        for evidence in gold["relevant"]:
            for quote in evidence["quotes"]:
                holding = [sentence for sentence in SENTENCES[evidence["doc"]] if quote in sentence]
                assert len(holding) == 1, (gold["id"], quote)


def test_answerable_questions_have_evidence_and_the_others_none() -> None:
    for gold in GOLD:
        assert any(evidence["grade"] == 2 for evidence in gold["relevant"]) == gold["answerable"], gold["id"]
        if gold["type"] == "multi_article":
            assert len({evidence["doc"] for evidence in gold["relevant"] if evidence["grade"] == 2}) >= 2, (
                gold["id"]
            )


def test_shipped_articles_say_what_they_report() -> None:
    articles = read_articles([ROOT / "corpus" / "articles"]).articles
    assert len(articles) == 5
    for article in articles:
        assert 600 <= len(article.text.split()) <= 1_250
        assert {"original_title", "original_author", "original_publisher", "questions"} <= set(
            article.metadata
        )
        assert (article.author, article.publisher) == ("Verbatim", "Verbatim")
