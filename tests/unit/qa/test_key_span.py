from __future__ import annotations

from dataclasses import replace

import pytest

from corpus.article import Passage
from qa.answer import Band, Extract
from qa.key_span import differing, key_mention, may_hold_answer
from tests.support.fakes import article


@pytest.mark.parametrize(
    ("question", "text", "key"),
    [
        ("when did it open", "The centre in Brighton opened in April 2006.", "April 2006"),
        ("how many trusts were there", "There were 14 trusts in Devon in 2003.", "14"),
        ("how much was the grant", "Each of the 35 areas received £100,000 in 2004.", "£100,000"),
        ("who called it odd", "“It is odd,” said Ann Lee, who had asked the Hudson Group.", "Ann Lee"),
        # Not sure: two dates, none, a name of the question, a description, another kind.
        ("when did it open", "It was planned in 2003 and opened in 2006.", None),
        ("when did it open", "It opened after some delay.", None),
        ("who chairs the network", "Ann Lee joined the network in Leeds.", None),
        ("what opened in 2006", "The centre opened in 2006.", None),
        ("who is ann lee", "Ann Lee worked with Bob Hudson.", None),
        ("why did it open in 2006", "It opened in 2006 because of Ann Lee.", None),
    ],
)
def test_the_key_is_given_only_where_one_alone_may_answer(question: str, text: str, key: str | None) -> None:
    names = {"ann": "Ann", "lee": "Lee"}
    mention = key_mention(question, text, names)
    assert (mention and text[mention.start : mention.end]) == key


@pytest.mark.parametrize(
    ("question", "text", "may"),
    [
        ("when did it open", "The centre opened after some delay.", False),
        ("when did it open", "The centre opened in 2006.", True),
        ("how many trusts were there", "There were trusts in Devon.", False),
        ("how many trusts were there", "There were fourteen trusts in Devon.", True),
        ("how much was the grant", "Each area received a grant.", False),
        ("how much was the grant", "Each area received £100,000.", True),
        ("who chairs it", "Somebody does.", True),
        ("why did it close", "Nobody knows.", True),
        ("harbour", "The quay is closed.", True),
        ("how many were there and when", "There were some.", True),
    ],
)
def test_a_date_number_or_amount_that_is_asked_for_must_be_there(question: str, text: str, may: bool) -> None:
    assert may_hold_answer(question, text) is may


def extract(rank: int, text: str, *, score: float = 1.0, band: Band = Band.POSSIBLE) -> Extract:
    """An extract of an article of one sentence, with its key for `QUESTION`."""
    source = article(f"report-{rank}", text)
    start = source.text.index(text)
    mention = key_mention(QUESTION, text)
    return Extract(
        rank=rank,
        passage=Passage(source, start, start + len(text)),
        start=start,
        end=start + len(text),
        answer=(start, start + len(text)),
        score=score,
        confidence=0.8,
        band=band,
        key=(start + mention.start, start + mention.end) if mention else None,
    )


QUESTION = "By when must Devon have a trust?"
FIRST = extract(1, "Devon must have a trust by 2006.")
SECOND = extract(2, "Devon must have a trust by 2008.")


def test_two_articles_with_other_dates_differ() -> None:
    assert differing(QUESTION, [FIRST, SECOND]) == (1, 2)


@pytest.mark.parametrize(
    "other",
    [
        extract(2, "Devon must have its trust by 2006."),
        extract(2, "Kent must have a trust by 2008."),
        extract(2, "Devon must have a trust soon."),
        replace(SECOND, band=Band.WEAK),
        replace(SECOND, score=0.5),
        replace(SECOND, passage=FIRST.passage),
    ],
    ids=["same date", "another place", "no date", "weak", "much worse", "same article"],
)
def test_what_contradicts_nothing_is_not_named(other: Extract) -> None:
    assert differing(QUESTION, [FIRST, other]) is None
    assert differing(QUESTION, []) is None
