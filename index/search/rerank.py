"""Reading a question and a sentence together: how well the one answers the other.

Vectors and words are compared after the fact; a reranker sees both texts at once, so it can tell who did what
to whom, and that a sentence speaks of the matter but does not answer. It is too slow for a corpus and quick
enough for the best few candidates, each read with what stands before and after it: that says who is speaking.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from corpus.article import Sentence
from index.embedding.shipped_models import folder_sha256, model_folder
from index.embedding.torch_models import best_device, check_device, load_cross_encoder
from index.generation.generation import Generation
from index.generation.spans import window
from index.search.query import Hit
from index.search.reranker_model import BATCH, RERANKER, JointReranker, Reading
from index.search.searcher import zscore
from index.storage.arrays import Vectors

NO_RERANKER = "none"
"""Named to go without one."""
DEPTH = 30
"""Hits that are read for a question."""
WEIGHT = 3.0
"""What the rating counts beside the fused score: best of six on 1,600 public questions, see `training/`."""
# Half the window of the usual models: sentence and neighbours are seldom longer, and each piece costs.
_MAX_TOKENS = 256


class Reranker(Protocol):
    """Rates sentences as answers to a question."""

    @property
    def name(self) -> str:
        """The model's name, for people."""

    @property
    def fingerprint(self) -> str:
        """Equal for two rerankers exactly when their scores can be compared: a SHA-256."""

    def rate(self, question: str, readings: Sequence[Reading]) -> Vectors:
        """How well each sentence answers, shape (len(readings),): higher is better.

        The shipped reranker gives log odds; others give what they were trained to give.
        """


@dataclass(frozen=True, slots=True)
class Reranking:
    """A reranker, how many of the best hits it reads, and how much its word counts beside their score."""

    reranker: Reranker
    depth: int = DEPTH
    weight: float = WEIGHT


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers, read from a folder; safe to share between threads."""

    def __init__(self, folder: Path, *, name: str, device: str | None = None, batch: int = BATCH) -> None:
        self.name = name
        self._batch = batch
        self._model = load_cross_encoder(folder, device or best_device(), max_tokens=_MAX_TOKENS)
        self._lock = threading.Lock()  # the tokenizer changes its own settings during a call
        self.fingerprint = folder_sha256(folder, f"{_MAX_TOKENS}")

    def rate(self, question: str, readings: Sequence[Reading]) -> Vectors:
        """See `Reranker.rate`. The sentence stands first: what is too long is cut at the end."""
        pairs = [(question, " ".join([one.sentence, one.before, one.after]).strip()) for one in readings]
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        with self._lock:
            rated = self._model.predict(pairs, batch_size=self._batch, show_progress_bar=False)
        return np.asarray(rated, dtype=np.float32)


def rerank(generation: Generation, question: str, hits: Sequence[Hit], way: Reranking) -> list[Hit]:
    """The hits in a new order: the first `depth` are read, and their ratings added to their scores.

    Ratings are standardised over what was read, as all scores are, and what was not read counts as rated
    like the worst that was. Hits come best first, and leave so.
    """
    read, rest = hits[: way.depth], hits[way.depth :]
    if not read:
        return list(hits)
    rated = way.reranker.rate(question, [reading(generation.sentences, hit.row) for hit in read])
    added = way.weight * zscore(rated[None])[0]
    scored = [
        *(
            replace(hit, score=hit.score + float(more), rating=float(rating))
            for hit, more, rating in zip(read, added, rated, strict=True)
        ),
        *(replace(hit, score=hit.score + float(added.min()), rating=float(rated.min())) for hit in rest),
    ]
    return sorted(scored, key=lambda hit: (-round(hit.score, 6), hit.row))


def reading(sentences: Sequence[Sentence], row: int) -> Reading:
    """A sentence as a reranker reads it: with the lines of its neighbours that touch it."""
    sentence = sentences[row]
    start, end = window(sentences, row)
    text = sentence.article.text
    return Reading(
        sentence=sentence.text,
        before=text[start : sentence.start].strip().split("\n")[-1],
        after=text[sentence.end : end].strip().split("\n")[0],
    )


def load_reranker(model: str = "", *, device: str | None = None, batch: int = BATCH) -> Reranker | None:
    """Load a reranker: "" for the shipped one, "none", a folder, or a name on the Hugging Face hub.

    A hub name, such as cross-encoder/ms-marco-MiniLM-L6-v2, is downloaded on first use, without code and
    pickled weights.

    Raises:
        ModelRefused: there is no such device or model, or its files are not what they should be.
    """
    if device is not None:
        check_device(device)
    if model == NO_RERANKER:
        return None
    if model in ("", RERANKER):
        return JointReranker(device=device, batch=batch)
    return CrossEncoderReranker(model_folder(model), name=model, device=device, batch=batch)
