"""Tunes an approximate index: fewest probed lists that reach a target recall on a fixed sample.

A query is a vector of the corpus moved towards two others, so that its cosine to the first is about .7, as
near as a question is to its answer. Recall@10 is the share of the ten nearest vectors, found by comparing
all, that are among the first ten of the index, averaged over the queries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.errors import BuildFailed
from index.retrieval.dense_index import DenseIndex
from index.retrieval.faiss_index import IndexParameters, IVFIndex, build_ivf_index
from index.retrieval.index_type import Kind, Plan
from index.storage.arrays import RowIds, StoredVectors, Vectors, release_pages

QUERIES = 200
RECALL_AT = 10
MIN_RECALL = 0.95
"""A build with less recall@10 is refused."""
TARGET_RECALL = 0.985
"""Recall that the chosen number of lists must reach on the sample: other questions may get less."""

_SEED = 20_240_506
_WEIGHTS = (1.0, 0.75, 0.65)  # of the vector and of the two it is moved towards
_BLOCK = 1 << 14  # vectors compared at once
_PROBES = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # tried in turn


@dataclass(frozen=True, slots=True)
class Sample:
    """Queries, shape (n, dimension), and the rows of their ten nearest vectors, shape (n, 10)."""

    queries: Vectors
    nearest: RowIds


def sample(vectors: StoredVectors) -> Sample:
    """Queries from some of these vectors, with their nearest among all of them."""
    random = np.random.default_rng(_SEED)
    chosen = random.choice(len(vectors), (3, min(QUERIES, len(vectors))))
    mixed = sum(
        weight * vectors[part].astype(np.float32) for weight, part in zip(_WEIGHTS, chosen, strict=True)
    )
    queries = np.asarray(mixed, dtype=np.float32)
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return Sample(queries, exact(vectors, queries))


def exact(vectors: StoredVectors, queries: Vectors, *, block: int = _BLOCK) -> RowIds:
    """The rows of the ten nearest vectors of each query, best first; compares `block` vectors at once."""
    scores = np.full((len(queries), 0), -np.inf, dtype=np.float32)
    nearest = np.zeros((len(queries), 0), dtype=np.int64)
    for start in range(0, len(vectors), block):
        compared = vectors[start : start + block].astype(np.float32)
        rows = np.arange(start, start + len(compared))
        scores = np.hstack([scores, queries @ compared.T])
        nearest = np.hstack([nearest, np.broadcast_to(rows, (len(queries), len(rows)))])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :RECALL_AT]
        scores, nearest = np.take_along_axis(scores, order, 1), np.take_along_axis(nearest, order, 1)
        release_pages(vectors)
    return nearest


def recall(expected: Sample, search: Callable[[Vectors], RowIds]) -> float:
    """Recall@10 of a search that maps a query to rows, best first: 9 of 10 for each query -> .9."""
    shares = [
        len(np.intersect1d(search(query)[:RECALL_AT], nearest)) / len(nearest)
        for query, nearest in zip(expected.queries, expected.nearest, strict=True)
    ]
    return float(np.mean(shares))


def make_index(file: Path, vectors: StoredVectors, plan: Plan) -> IndexParameters:
    """Write the index of these vectors, unless it is flat; returns its parameters.

    Raises:
        BuildFailed: recall@10 is below `MIN_RECALL`.
        OSError: a write failed.
    """
    kind = plan.kind_of(len(vectors))
    if kind is Kind.FLAT:
        return {"kind": kind.value}
    index = build_ivf_index(vectors, kind)
    measured = _choose_nprobe(DenseIndex(vectors, index), index, sample(vectors), plan)
    index.write(file)
    parameters = {"lists": index.list_count, "nprobe": index.nprobe, "recall": round(measured, 4)}
    return {"kind": kind.value, **parameters}


def _choose_nprobe(dense: DenseIndex, index: IVFIndex, expected: Sample, plan: Plan) -> float:
    """Set `nprobe`; returns the recall@10 that it gives."""
    most = index.list_count
    candidates = [plan.nprobe] if plan.nprobe else [*(number for number in _PROBES if number < most), most]
    measured = 0.0
    for nprobe in candidates:
        index.nprobe = min(nprobe, most)
        measured = recall(expected, lambda query: dense.nearest(query, RECALL_AT)[0])
        if measured >= TARGET_RECALL:
            break
    if measured < MIN_RECALL:
        raise BuildFailed(
            f"a dense index that probes {index.nprobe} of {most} lists has recall {measured:.3f}, "
            f"below the minimum of {MIN_RECALL}; set QA_NPROBE higher, or QA_INDEX=flat"
        )
    return measured
