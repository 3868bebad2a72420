"""Reads the training rows: a question, sentences that stand together, and which of them answer it."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from corpus.sentences import sentence_spans
from training.calibration_corpora import read_rows, trials

# Rows taken of each source. Templated questions and those that repeat most words of their answer are capped.
# Not here: `nq_clapnq_dev`, which is by_file for the confidence and its threshold.
CAPS = {
    "squadtrain_part": None,
    "squadshifts_new_wiki": None,
    "fairytaleqa": None,
    "qadiscourse": 4_000,
    "selqa": None,
    "nq_clapnq_train_answers": None,
    "nq_qed_dev": None,
    "feedbackqa_train": None,
    "medquad": 5_000,
    "dstc9_faq": 2_500,
    "qamr": None,
    "bioasq12b": None,
    "tatqa_text": None,
}
SQUAD_CAP = 7_000
UNANSWERABLE = 3_000
NEAR_MISSES = 0.04
"""Share of the rows that are repeated with the answer taken out of the passage."""
_BEFORE, _AFTER, _OTHERS = 2, 3, 4
_WHOLE_ANSWER = 60  # words up to which an answer is one sentence, whatever full stops are in it


@dataclass(frozen=True, slots=True)
class Row:
    """`answers` tells of each sentence whether it answers; none does if the question is unanswerable."""

    question: str
    sentences: tuple[str, ...]
    answers: tuple[bool, ...]
    source: str

    @property
    def answer_texts(self) -> tuple[str, ...]:
        """The sentences that answer."""
        return tuple(compress(self.sentences, self.answers))

    @property
    def answerable(self) -> bool:
        """Whether any sentence answers."""
        return any(self.answers)


def load_rows(data: Path, *, seed: int) -> list[Row]:
    """All rows of `train` and `squad` below `data`, capped, in a fixed order."""
    chance = random.Random(seed)
    rows: list[Row] = []
    for source, cap in CAPS.items():
        with gzip.open(data / "train" / f"{source}.jsonl.gz", "rt", encoding="utf-8") as lines:
            read = [json.loads(line) for line in lines]
        rows += [_row(row, source) for row in chance.sample(read, min(cap or len(read), len(read)))]
    answered, unanswered = _squad(data)
    rows += chance.sample(answered, min(SQUAD_CAP, len(answered)))
    rows += chance.sample(unanswered, min(UNANSWERABLE, len(unanswered)))
    removable = [row for row in rows if row.answerable and len(row.sentences) > sum(row.answers) + 1]
    rows += map(_without_answer, chance.sample(removable, int(NEAR_MISSES * len(rows))))
    return [row for row in rows if row.sentences]


def _split(text: str) -> list[str]:
    return [
        paragraph[start:end]
        for paragraph in text.split("\n")
        for start, end in sentence_spans(paragraph)
        if paragraph[start:end].strip()
    ]


def _row(row: Any, source: str) -> Row:
    """Where little context is given, other sentences of the document follow the answer."""
    positive: str = row["positive"]
    answer = _split(positive) if len(positive.split()) > _WHOLE_ANSWER else [" ".join(positive.split())]
    before, after = _split(row["context_before"])[-_BEFORE:], _split(row["context_after"])[:_AFTER]
    present = {*before, *answer, *after}
    spare = max(0, _OTHERS - len(before) - len(after))
    others = [text for text in row["negatives"] if text not in present and text not in positive][:spare]
    sentences = [*before, *answer, *after, *others]
    first, last = len(before), len(before) + len(answer)
    return Row(
        row["question"],
        tuple(sentences),
        tuple(bool(row["answerable"]) and first <= number < last for number in range(len(sentences))),
        source,
    )


def _without_answer(row: Row) -> Row:
    left = tuple(text for text, answers in zip(row.sentences, row.answers, strict=True) if not answers)
    return Row(row.question, left, (False,) * len(left), "near_miss")


def _squad(data: Path) -> tuple[list[Row], list[Row]]:
    """Answerable and unanswerable questions about the articles that no calibration corpus contains."""
    excluded = {article.id for trial in trials(data) for article in trial.articles}
    paragraphs = {row["_id"]: row["text"] for row in read_rows(data / "squad" / "corpus.jsonl")}
    by_file: defaultdict[str, list[Row]] = defaultdict(list)
    for file in ("queries.jsonl", "unanswerable.jsonl"):
        for row in read_rows(data / "squad" / file):
            metadata = row["metadata"]
            if metadata["article"] not in excluded:
                by_file[file] += _paragraph_row(row["text"], paragraphs[metadata["passage"]], metadata)
    return by_file["queries.jsonl"], by_file["unanswerable.jsonl"]


def _paragraph_row(question: str, paragraph: str, metadata: Any) -> Iterator[Row]:
    """The sentences around the one that contains the answer; nothing if it crosses a sentence's end."""
    if "\n" in paragraph:
        return
    spans = sentence_spans(paragraph)
    starts = [(answer["starts"][0], len(answer["text"])) for answer in metadata.get("answers", ())]
    answers = [
        any(first <= start and start + size <= last for start, size in starts) for first, last in spans
    ]
    if any(answers) is bool(starts):
        centre = answers.index(True) if starts else 0
        window = slice(max(0, centre - _BEFORE), centre + _AFTER + 1)
        texts = [paragraph[first:last] for first, last in spans[window]]
        yield Row(question, tuple(texts), tuple(answers[window]), "squad")


def held_out(rows: Sequence[Row], count: int, *, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows to train on, and `count` to watch the training by; no answer is in both."""
    watched = set(random.Random(seed).sample(range(len(rows)), count))
    answers = {text for number in watched for text in rows[number].answer_texts}
    left = [row for row in rows if answers.isdisjoint(row.answer_texts)]
    return left, [rows[number] for number in sorted(watched)]
