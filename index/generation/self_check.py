"""Checks that an opened generation has the texts of its articles and finds its own sentences."""

from __future__ import annotations

import numpy as np

from index.errors import Damaged
from index.generation.files import DENSE, LEXICAL, PASSAGES, VECTORS
from index.generation.generation import Generation
from index.generation.spans import HEADING
from index.retrieval.filter import Granularity
from index.retrieval.index_type import Kind

PROBES = 16  # sentences that must find themselves before a build is published
NEAR = 1e-3  # a rounded vector's product with itself is 1 at least this well


def check_texts(generation: Generation) -> None:
    """Cut each passage out of its article, with its sentences, and compare it with its stored hash.

    Raises Damaged: the first passage that differs.
    """
    for row, passage in enumerate(generation.passages):
        if generation.passage_text(row).digest() != generation.digests[row].tobytes():
            name = f"characters {passage.start} to {passage.end} of {passage.article.source}"
            raise Damaged(generation.folder / PASSAGES, f"{name} are not the text that was indexed")


def check_probes(generation: Generation) -> None:
    """Search for sentences spread over the corpus by vector and by phrase: each must find itself.

    Raises Damaged: a sentence that does not.
    """
    rows = np.flatnonzero(generation.sentences.spans[:, 3] & HEADING == 0)
    for row in rows[:: max(1, len(rows) // PROBES)].tolist():
        _probe_dense(generation, row)
        _probe_lexical(generation, row)


def _probe_dense(generation: Generation, row: int) -> None:
    """Another sentence may come first only if its vector is the same."""
    vector = np.asarray(generation.vectors[row], dtype=np.float32)
    hits = generation.dense.search(vector, 1)
    best = generation.vectors[hits[0][0]] if hits else vector
    if not hits or abs(hits[0][1] - 1) > NEAR or abs(float(best @ vector) - 1) > NEAR:
        flat = generation.manifest.index["kind"] == Kind.FLAT
        file = generation.folder / (VECTORS if flat else DENSE)
        raise Damaged(file, f"sentence {row} does not find itself by its vector")


def _probe_lexical(generation: Generation, row: int) -> None:
    terms = generation.lexical.terms(generation.sentences[row].text)
    count = generation.lexical.count(Granularity.SENTENCE)
    if terms and row not in generation.lexical.phrase(Granularity.SENTENCE, terms, count):
        folder = generation.folder / LEXICAL / Granularity.SENTENCE
        raise Damaged(folder, f"sentence {row} does not find itself by its words")
