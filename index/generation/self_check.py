"""Checks that an opened generation has the texts of its articles and finds its own sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.article import Passage, Sentence
from index.errors import Damaged
from index.generation.files import DENSE_SENTENCES, LEXICAL, PASSAGES, SENTENCES, VECTORS
from index.generation.generation import Generation
from index.generation.spans import HEADING
from index.retrieval.filter import Granularity
from index.retrieval.index_type import Kind
from index.storage.arrays import text_digest

PROBES = 16  # sentences that must find themselves before a build is published
NEAR = 1e-4  # float32 sums of a few hundred products agree at least this well


def check_texts(generation: Generation) -> None:
    """Cut each sentence and passage out of its article and compare it with its stored hash.

    Raises Damaged: the first span whose text differs.
    """
    _check_spans(generation, generation.sentences, generation.sentence_rows, SENTENCES)
    _check_spans(generation, generation.passages, generation.passage_rows, PASSAGES)


def check_probes(generation: Generation) -> None:
    """Search for sentences spread over the corpus by vector and by phrase: each must find itself.

    Raises Damaged: a sentence that does not.
    """
    rows = np.flatnonzero(generation.sentences.spans[:, 3] & HEADING == 0)
    for row in rows[:: max(1, len(rows) // PROBES)].tolist():
        _probe_dense(generation, row)
        _probe_lexical(generation, row)


def _check_spans(
    generation: Generation, spans: Sequence[Sentence | Passage], rows: NDArray[np.int32], file: str
) -> None:
    for span, row in zip(spans, rows, strict=True):
        if text_digest(span.text) != generation.digests[row].tobytes():
            span_name = f"characters {span.start} to {span.end} of {span.article.source}"
            raise Damaged(generation.folder / file, f"{span_name} are not the text that was indexed")


def _probe_dense(generation: Generation, row: int) -> None:
    """Another sentence may come first only if its vector is the same."""
    vector = np.asarray(generation.vectors[generation.sentence_rows[row]])
    hits = generation.dense_sentences.search(vector, 1)
    best = generation.vectors[generation.sentence_rows[hits[0][0]]] if hits else vector
    if not hits or abs(hits[0][1] - 1) > NEAR or abs(float(best @ vector) - 1) > NEAR:
        kind = generation.manifest.indexes[DENSE_SENTENCES]["kind"]
        file = generation.folder / (VECTORS if kind == Kind.FLAT else DENSE_SENTENCES)
        raise Damaged(file, f"sentence {row} does not find itself by its vector")


def _probe_lexical(generation: Generation, row: int) -> None:
    terms = generation.lexical.terms(generation.sentences[row].text)
    count = generation.lexical.count(Granularity.SENTENCE)
    if terms and row not in generation.lexical.phrase(Granularity.SENTENCE, terms, count):
        folder = generation.folder / LEXICAL / Granularity.SENTENCE
        raise Damaged(folder, f"sentence {row} does not find itself by its words")
