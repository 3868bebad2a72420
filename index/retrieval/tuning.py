"""Recall of an approximate index, measured on the vectors it was built from, with a fixed seed.

A query is a vector of the corpus moved towards two others, so that its cosine to the first is about .7: as
near as a question is to the text that answers it. Recall@10 is the share of the ten vectors nearest to it
that the index finds among its first ten, over all queries; the nearest are found by comparing all vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import BuildFailed
from index.retrieval.dense_index import DenseIndex
from index.retrieval.faiss_index import IndexParameters, IVFIndex, make_lists
from index.retrieval.index_type import Kind, Plan
from index.storage.arrays import Int32Rows, RowIds, Vectors, release_pages

QUERIES = 200
RECALL_AT = 10
MIN_RECALL = 0.95
"""A build with less recall@10 than this is refused."""
TARGET_RECALL = 0.985
"""What a number of lists must reach to be chosen: other questions may find less."""

_SEED = 20_240_506
_OWN, _OTHERS = 1.0, (0.75, 0.65)  # weights of the vector and of the two it is moved towards
_BLOCK = 1 << 14  # vectors compared at once


@dataclass(frozen=True, slots=True)
class Sample:
    """Queries, shape (n, dimension), and the rows of their ten nearest vectors, shape (n, 10)."""

    queries: Vectors
    nearest: RowIds


def sample(vectors: Vectors, rows: Int32Rows) -> Sample:
    """Queries made of some of these rows of `vectors`, with their nearest among all of these rows."""
    random = np.random.default_rng(_SEED)
    chosen = random.choice(len(rows), (3, min(QUERIES, len(rows))))
    weights = (_OWN, *_OTHERS)
    mixed = sum(weight * vectors[rows[part]] for weight, part in zip(weights, chosen, strict=True))
    queries = np.asarray(mixed, dtype=np.float32)
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return Sample(queries, exact(vectors, rows, queries))


def exact(vectors: Vectors, rows: Int32Rows, queries: Vectors) -> RowIds:
    """The rows of the ten nearest vectors of each query, best first; fewer where there are fewer."""
    best = np.full((len(queries), 0), -np.inf, dtype=np.float32)
    found = np.zeros((len(queries), 0), dtype=np.int64)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        scores = np.hstack([best, queries @ vectors[block].T])
        ids = np.hstack([found, np.broadcast_to(block, (len(queries), len(block)))])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :RECALL_AT]
        best, found = np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)
        release_pages(vectors)
    return found


def recall(expected: Sample, search: Callable[[Vectors], RowIds]) -> float:
    """Recall@10 of a search, given one query and giving rows, best first: 9 of 10 found twice -> .9."""
    shares = [
        len(np.intersect1d(search(query)[:RECALL_AT], nearest)) / len(nearest)
        for query, nearest in zip(expected.queries, expected.nearest, strict=True)
    ]
    return float(np.mean(shares))


_STEPS = (
    1,
    2,
    4,
    6,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    256,
    384,
    512,
)  # lists looked into, tried in turn


def make_index(file: Path, vectors: Vectors, rows: NDArray[np.int32], plan: Plan) -> IndexParameters:
    """Write the index of the texts at these rows of the vectors, unless it is flat; tells what it is.

    Raises:
        BuildFailed: it would miss more than one in twenty of the ten nearest texts.
        OSError: a write failed.
    """
    texts = np.unique(rows)
    kind = plan.kind_of(len(texts))
    if kind is Kind.FLAT:
        return {"kind": kind.value}
    lists = make_lists(vectors, texts, kind)
    found = _choose(DenseIndex(vectors, texts, lists), lists, sample(vectors, texts), plan)
    lists.write(file)
    return {"kind": kind.value, "lists": lists.lists, "nprobe": lists.nprobe, "recall": round(found, 4)}


def _choose(index: DenseIndex, lists: IVFIndex, expected: Sample, plan: Plan) -> float:
    """Set how many lists a search looks into; the recall@10 that this gives."""
    most = lists.lists
    tried = [plan.nprobe] if plan.nprobe else [*(step for step in _STEPS if step < most), most]
    found = 0.0
    for nprobe in tried:
        lists.nprobe = min(nprobe, most)
        found = recall(expected, lambda query: index.nearest_texts(query, RECALL_AT)[0])
        if found >= TARGET_RECALL:
            break
    if found < MIN_RECALL:
        fact = f"a dense index that looks into {lists.nprobe} of {most} lists has recall {found:.3f}"
        raise BuildFailed(f"{fact}, and {MIN_RECALL} is the least; set QA_NPROBE higher, or QA_INDEX=flat")
    return found
