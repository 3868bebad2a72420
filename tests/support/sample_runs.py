"""A small gold set, a small BEIR collection and runs over them, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.beir.collection import Collection, Document
from eval.beir.document_ranking import RankedDocuments, RankingMethod
from eval.gold import Evidence, GoldQuestion
from eval.run import QuestionResult, Run
from qa.answer import State
from tests.support.fakes import article

DOCUMENTS = (
    Document(
        "rain",
        "Rain",
        "It rained in May.\n\nIt rained again in June and in July, and nobody had expected it.",
    ),
    Document("snow", "Snow", "It snowed in May. Nobody saw it."),
    Document("sun", "", "The sun shone on the quay."),
    Document("bare", "", ""),
)
COLLECTION = Collection(
    "weather", DOCUMENTS, {"q": "rain in may", "n": "zzz"}, {"q": {"rain": 1}, "n": {"sun": 1}}
)


RANKINGS = {
    RankingMethod.DENSE: {
        "q": RankedDocuments(("snow", "rain"), 0.1),
        "n": RankedDocuments(("rain", "snow"), 0.2),
    },
    RankingMethod.LEXICAL: {"q": RankedDocuments(("rain",), 0.1), "n": RankedDocuments((), 0.1)},
}


CORPUS = '{"_id": "d1", "title": "Rain", "text": "It rained."}\n{"_id": "d2", "text": "It snowed."}\n'
QUERIES = '{"_id": "q1", "text": "rain?"}\n{"_id": "q2", "text": "snow?"}\n{"_id": "q3", "text": "hail?"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td2\t1\nq3\td1\t0\n"


def write_collection(
    at: Path, *, corpus: str = CORPUS, queries: str = QUERIES, qrels: str = QRELS, split: str = "test"
) -> Path:
    (at / "qrels").mkdir()
    for name, content in (
        ("corpus.jsonl", corpus),
        ("queries.jsonl", queries),
        (f"qrels/{split}.tsv", qrels),
    ):
        (at / name).write_text(content, encoding="utf-8")
    return at


def sample_row(number: int, hit: float, *, confidence: float = 0.5, seconds: float = 0.1) -> QuestionResult:
    return QuestionResult(
        f"q{number}", f"{number}?", ("why", "who")[number % 2], True, State.ANSWERED, confidence, seconds,
        {"hit@1": hit, "MRR": max(hit, 0.5), "seconds": seconds, "wrong refusals": 0.0},
    )  # fmt: skip


def sample_run(hits: list[float]) -> Run:
    return Run(tuple(sample_row(number, hit) for number, hit in enumerate(hits)), 5)


ALL_HIT = [1.0] * 12
HALF_HIT = [1.0] * 6 + [0.0] * 6


#                  0         10        20         30        40        50
RAIN = article("rain", "It rained in May. It snowed in June.\n\nIt hailed in July, said Ada.")
SUN = article("sun", "The sun shone on the quay.")
GOLD = [
    GoldQuestion("g1", "When did it rain?", (Evidence(RAIN, 0, 17), Evidence(RAIN, 38, 66, 1)), True, "when"),
    GoldQuestion("g2", "Who spoke of hail?", (Evidence(RAIN, 38, 66),), True, "who"),
    GoldQuestion("g3", "Why did it thunder?", (), False, "why"),
]


def quoted_extract(text: str, answer: str, source: str = "rain.md") -> dict[str, Any]:
    return {"source": source, "text": text, "answer": {"text": answer}}


ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "When did it rain?": {
        "confidence": 0.9,
        "extracts": [quoted_extract("It rained in May. It snowed in June.", "It rained in May.")],
    },
    "Who spoke of hail?": {
        "abstained": True,
        "confidence": 0.2,
        "extracts": [],
        "nearest": [
            quoted_extract("The sun shone on the quay.", "The sun shone on the quay.", "sun.md"),
            quoted_extract("It hailed in July, said Ada.", "It hailed in July, said Ada."),
        ],
    },
    "Why did it thunder?": {
        "confidence": None,
        "extracts": [quoted_extract("It thundered.", "It thundered.")],
    },
}


BARE = QuestionResult(
    "a",
    "a?",
    "why",
    answerable=True,
    state=State.ANSWERED,
    confidence=0.8,
    seconds=0.1,
    measures={"hit@1": 1.0, "seconds": 0.1},
    band="strong",
)
ROWS = (
    BARE,
    replace(
        BARE, id="b", type="who", confidence=0.4, band="possible", measures={"hit@1": 0.0, "seconds": 0.3}
    ),
    replace(
        BARE,
        id="c",
        answerable=False,
        state=State.NONE,
        confidence=0.1,
        band="weak",
        measures={"seconds": 0.2},
    ),
    replace(
        BARE,
        id="d",
        answerable=True,
        state=State.UNSURE,
        confidence=0.2,
        band="weak",
        measures={"hit@1": 1.0, "seconds": 0.2},
    ),
)
