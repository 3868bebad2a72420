from __future__ import annotations

from corpus.article import Passage
from qa.answer import Answer, Band, Citation, Extract, State
from qa.answer_json import answer_record
from tests.support.fakes import article

FERRY = article("ferry", "It leaves at nine. It carries cars.")


def test_the_whole_record() -> None:
    extract = Extract(
        rank=1,
        passage=Passage(FERRY, 0, 35),
        start=0,
        end=35,
        answer=(19, 35),
        score=1.23456,
        confidence=0.81239,
        band=Band.STRONG,
        also_in=(Citation(FERRY, 0, 18),),
        key=(30, 34),
    )
    answer = Answer(
        "cars?", (extract,), (), 0.81239, Band.STRONG, State.ANSWERED, "gen-1-0123456789abcdef", ("ferries",)
    )
    assert answer_record(answer, "q1").model_dump() == {
        "id": "q1",
        "question": "cars?",
        "state": "answered",
        "abstained": False,
        "confidence": 0.8124,
        "calibrated": True,
        "band": "strong",
        "generation": "gen-1-0123456789abcdef",
        "expansions": ["ferries"],
        "differing": None,
        "extracts": [
            {
                "rank": 1,
                "article_id": "ferry",
                "source": "ferry.md",
                "title": "",
                "author": "Ada Lovelace",
                "publisher": "The Gazette",
                "published": "2024-05-06",
                "url": "https://example.org/ferry",
                "start": 0,
                "end": 35,
                "text": "It leaves at nine. It carries cars.",
                "answer": {
                    "start": 19,
                    "end": 35,
                    "text": "It carries cars.",
                    "key": {"start": 30, "end": 34, "text": "cars"},
                },
                "score": 1.2346,
                "band": "strong",
                "also_in": [
                    {"article_id": "ferry", "source": "ferry.md", "title": "", "start": 0, "end": 18}
                ],
                "article_sha256": FERRY.sha256,
            }
        ],
        "nearest": [],
    }


def test_without_a_calibration_there_is_no_confidence() -> None:
    answer = Answer("cars?", (), (), None, Band.UNRATED, State.NONE, "gen-1-0123456789abcdef")
    record = answer_record(answer).model_dump()
    assert (record["confidence"], record["calibrated"], record["band"]) == (None, False, "unrated")
