"""Mines training groups for the reranker: a question, the sentence that answers it, and hard negatives.

From SQuAD 2.0 (CC BY-SA 4.0) the articles that no corpus of `training.calibration_corpora` contains: the
sentence with the answer against the others of its article, and questions written to have no answer. From
FeedbackQA (Apache-2.0; pages of gov.uk under the Open Government Licence) the training questions: the best
sentence of the page that answers against those of other pages. Hard negatives are the index's best hits. A
sentence that contains the words of the answer elsewhere may answer too, and is left out.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.article import Article
from index.embedding.encoder import Encoder
from index.search.query import Hit
from index.search.rerank import reading
from index.search.reranker_model import Reading
from qa.assistant import Assistant
from qa.errors import QuestionError
from training.calibration_corpora import article_of, open_corpus, read_rows, trials
from training.typed_queries import as_typed

SEED = 7
OTHERS = 25
"""Hard sentences kept for a question."""
_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Group:
    """A question, the sentence that answers it (None: there is none), and others, the hardest first."""

    question: str
    answer: Reading | None
    others: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """A question and the answers' places in its article; nothing where there is none."""

    question: str
    answers: tuple[tuple[int, int], ...] = ()
    texts: tuple[str, ...] = ()


def groups(folder: Path, encoder: Encoder) -> Iterator[Group]:
    """All groups from `squad` and `feedbackqa_uk` below `folder`, in a fixed order."""
    chance = random.Random(SEED)
    excluded = {article.id for trial in trials(folder) for article in trial.articles}
    yield from _encyclopaedia(folder / "squad", excluded, encoder, chance)
    yield from _government(folder / "feedbackqa_uk", excluded, encoder, chance)


def _encyclopaedia(
    folder: Path, excluded: set[str], encoder: Encoder, chance: random.Random
) -> Iterator[Group]:
    paragraphs = {row["_id"]: row["text"] for row in read_rows(folder / "corpus.jsonl")}
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in paragraphs.items():
        texts[name.rsplit("#", 1)[0]].append(text)
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    for file in ("queries.jsonl", "unanswerable.jsonl"):
        for row in read_rows(folder / file):
            rows[row["metadata"]["article"]].append(row)
    for name in sorted(texts.keys() - excluded):
        article = article_of(name, texts[name])
        questions = [_question(article, row, paragraphs[row["metadata"]["passage"]]) for row in rows[name]]
        with tempfile.TemporaryDirectory() as data:
            assistant = open_corpus([article], encoder, Path(data))
            for question in filter(None, questions):
                hits = _search(assistant, question.question)
                right = next((hit for hit in hits if _holds(hit, question.answers)), None)
                if bool(right) == bool(question.answers):
                    wrong = [hit for hit in hits if not _may_answer(hit, question)]
                    yield _group(assistant, question, right, wrong, chance)


def _government(folder: Path, excluded: set[str], encoder: Encoder, chance: random.Random) -> Iterator[Group]:
    pages = {
        page["_id"]: article_of(page["_id"], [page["title"], *page["text"].split("\n")])
        for page in read_rows(folder / "corpus.jsonl")
        if page["_id"] not in excluded
    }
    queries = {row["_id"]: row["text"] for row in read_rows(folder / "queries_train.jsonl")}
    with tempfile.TemporaryDirectory() as data:
        assistant = open_corpus([page for page in pages.values() if page.text], encoder, Path(data))
        for line in (folder / "qrels/train.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, page, _ = line.split("\t")
            hits = _search(assistant, queries[query]) if page in pages else []
            right = next((hit for hit in hits if hit.sentence.article.id == page), None)
            if right:
                wrong = [hit for hit in hits if hit.sentence.article.id != page]
                yield _group(assistant, _Question(queries[query]), right, wrong, chance)


def _search(assistant: Assistant, question: str) -> list[Hit]:
    try:
        return assistant.search(question, _LOOKED_AT)
    except QuestionError:
        return []


def _question(article: Article, row: Any, paragraph: str) -> _Question | None:
    """A row of SQuAD; None where its paragraph was changed on its way into the article."""
    answers = row["metadata"].get("answers", [])
    offset = article.text.find(paragraph)
    if offset < 0:
        return None
    starts = [(offset + answer["starts"][0], answer["text"]) for answer in answers]
    return _Question(
        row["text"],
        tuple((start, start + len(text)) for start, text in starts),
        tuple(text.lower() for _, text in starts),
    )


def _holds(hit: Hit, answers: Sequence[tuple[int, int]]) -> bool:
    return any(hit.sentence.start <= start and end <= hit.sentence.end for start, end in answers)


def _may_answer(hit: Hit, question: _Question) -> bool:
    return any(text in hit.sentence.text.lower() for text in question.texts)


def _group(
    assistant: Assistant, question: _Question, right: Hit | None, wrong: Sequence[Hit], chance: random.Random
) -> Group:
    sentences = assistant.generation.sentences
    return Group(
        as_typed(question.question, chance),
        reading(sentences, right.row) if right else None,
        tuple(reading(sentences, hit.row) for hit in wrong[:OTHERS]),
    )
