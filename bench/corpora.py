"""Public texts to measure with: SciFact's abstracts and SQuAD's paragraphs, and the questions of both.

Read from where they lie, a folder with `scifact` and `squad` in it in the form of BEIR; nothing of them is
kept in this project.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.errors import NoCorpus
from corpus.sentences import sentence_spans

SETS = ("scifact", "squad")
SEED = 2026
# A sentence that is no fragment, and of which a few always fit the encoder's window of 256 word pieces.
_WORDS = range(6, 41)
# Of a text that is to be one passage: at two word pieces a word it still fits the window.
_PASSAGE_WORDS = 120


@dataclass(frozen=True, slots=True)
class Source:
    """Passages, sentences and questions, each different, in an order shuffled by a fixed seed."""

    passages: tuple[str, ...]
    sentences: tuple[str, ...]
    questions: tuple[str, ...]


def read_source(folder: Path, *, seed: int = SEED) -> Source:
    """The texts of all sets. Raises NoCorpus for a file that is missing."""
    paragraphs = [text for name in SETS for text in _texts(folder / name / "corpus.jsonl")]
    questions = [text for name in SETS for text in _texts(folder / name / "queries.jsonl")]
    split = [[text[start:end] for start, end in sentence_spans(text)] for text in paragraphs]
    sentences = [line for parts in split for line in parts if len(line.split()) in _WORDS]
    passages = [passage for parts in split if (passage := _passage(parts))]
    return Source(*(_shuffled(texts, seed) for texts in (passages, sentences, questions)))


def _texts(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise NoCorpus(path)
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield canonical(json.loads(line)["text"])


def canonical(text: str) -> str:
    """As an article's text has it: NFC, single spaces, no line breaks, no controls."""
    composed = unicodedata.normalize("NFC", text)
    printable = "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else " " for c in composed)
    return " ".join(printable.split())


def _passage(sentences: list[str]) -> str:
    """As many of the first sentences as fit the window; "" where the first alone does not."""
    words: list[str] = []
    for sentence in sentences:
        if sum(len(word.split()) for word in [*words, sentence]) > _PASSAGE_WORDS:
            break
        words.append(sentence)
    return " ".join(words)


def _shuffled(texts: list[str], seed: int) -> tuple[str, ...]:
    different = sorted(set(texts))
    random.Random(seed).shuffle(different)
    return tuple(different)
