"""Reranks the best hits with a cross-encoder, if the settings name one.

It reads question and sentence together: it can tell who did what to whom, and that a sentence mentions the
subject without answering, but is too slow for more than the best hits, each read with its neighbours.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Protocol

import numpy as np

from corpus.article import Sentence
from index.embedding.shipped_models import hashed_files, lines_sha256, model_folder
from index.embedding.torch_models import best_device, check_device, load_cross_encoder
from index.generation.spans import window
from index.search.fusion import zscore
from index.search.query import Hit
from index.storage.arrays import Vectors

_NONE = ("", "none")
DEPTH = 30
"""Hits read per question."""
WEIGHT = 3.0
"""Weight of the rating beside the fused score: best of six on 1,600 public questions with a small model."""
BATCH = 16
"""Pairs in one forward pass."""
# Half the window of most models: a sentence with its neighbours is seldom longer, and each token costs time.
_MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence with the text just before and just after it."""

    sentence: str
    before: str = ""
    after: str = ""


class Reranker(Protocol):
    """Rates sentences as answers to a question."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def fingerprint(self) -> str:
        """A SHA-256, equal for two rerankers exactly when their ratings are comparable."""

    def rate(self, question: str, readings: Sequence[Reading]) -> Vectors:
        """How well each sentence answers, shape (len(readings),): higher is better, the unit the model's."""


@dataclass(frozen=True, slots=True)
class Reranking:
    """A reranker, the number of best hits that it reads, and the weight of its ratings."""

    reranker: Reranker
    depth: int = DEPTH
    weight: float = WEIGHT

    def rerank(self, question: str, hits: Sequence[Hit], sentences: Sequence[Sentence]) -> list[Hit]:
        """The hits, best first, with standardised ratings of the first `depth` added to their scores.

        An unread hit counts as rated like the worst one read. `sentences` are those of the generation.
        """
        read, unread = hits[: self.depth], hits[self.depth :]
        if not read:
            return list(hits)
        ratings = self.reranker.rate(question, [reading(sentences, hit.row) for hit in read])
        added = self.weight * zscore(ratings[None])[0]
        bonuses = [*added.tolist(), *repeat(float(added.min()), len(unread))]
        rated = [*ratings.tolist(), *repeat(float(ratings.min()), len(unread))]
        reranked = [
            replace(hit, score=hit.score + bonus, rating=rating)
            for hit, bonus, rating in zip(hits, bonuses, rated, strict=True)
        ]
        return sorted(reranked, key=lambda hit: (-round(hit.score, 6), hit.row))


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers from a folder; safe to share between threads."""

    def __init__(self, folder: Path, *, name: str, device: str | None = None, batch: int = BATCH) -> None:
        self.name = name
        self._batch = batch
        self._model = load_cross_encoder(folder, device or best_device(), max_tokens=_MAX_TOKENS)
        self._lock = threading.Lock()  # the tokenizer changes its own settings during a call
        self.fingerprint = _fingerprint(folder)

    def rate(self, question: str, readings: Sequence[Reading]) -> Vectors:
        """See `Reranker.rate`. The sentence comes first: long texts are truncated at the end."""
        pairs = [(question, " ".join([row.sentence, row.before, row.after]).strip()) for row in readings]
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        with self._lock:
            ratings = self._model.predict(pairs, batch_size=self._batch, show_progress_bar=False)
        return np.asarray(ratings, dtype=np.float32)


def reading(sentences: Sequence[Sentence], row: int) -> Reading:
    """A sentence with the adjacent lines of its neighbours, as input for a reranker."""
    sentence = sentences[row]
    start, end = window(sentences, row)
    text = sentence.article.text
    return Reading(
        sentence=sentence.text,
        before=text[start : sentence.start].strip().split("\n")[-1],
        after=text[sentence.end : end].strip().split("\n")[0],
    )


def load_reranker(model: str, *, device: str | None = None, batch: int = BATCH) -> Reranker | None:
    """Load a cross-encoder from a folder or by its name on the Hugging Face hub; None for "" and "none".

    A hub name, such as cross-encoder/ms-marco-MiniLM-L6-v2, is downloaded on first use, without code and
    pickled weights.

    Raises ModelRefused: no such device or model, or unexpected files.
    """
    if model in _NONE:
        return None
    if device is not None:
        check_device(device)
    return CrossEncoderReranker(model_folder(model), name=model, device=device, batch=batch)


def reranker_fingerprint(model: str) -> str:
    """Fingerprint of `load_reranker(model)` without loading the network, "" for none. Raises ModelRefused."""
    return "" if model in _NONE else _fingerprint(model_folder(model))


def _fingerprint(folder: Path) -> str:
    return lines_sha256([f"{_MAX_TOKENS}", *hashed_files(folder)])
