from __future__ import annotations

from corpus.near_duplicates import near_duplicates
from corpus.sentences import split_sentences
from tests.support.fakes import article

STORY = ("The ferry to the island leaves at nine.", "It carries forty cars and two lorries daily.")


def test_articles_that_share_half_of_the_shorter_one() -> None:
    one = article("one", *STORY)
    other = article(
        "other",
        STORY[0].upper(),
        "Nothing else in this article is the same.",
        "Nor is this sentence of it, by any means.",
        "Nor this.",
    )
    third = article("third", "An unrelated story about the price of bread.")
    sentences = [sentence for a in (one, other, third) for sentence in split_sentences(a)]
    assert [(pair.first.id, pair.second.id, pair.share) for pair in near_duplicates(sentences)] == [
        ("one", "other", 0.5)
    ]


def test_short_sentences_prove_nothing() -> None:
    sentences = [
        s
        for name in ("a", "b")
        for s in split_sentences(article(name, "He agrees.", f"But {name} is about something else entirely."))
    ]
    assert near_duplicates(sentences) == []
