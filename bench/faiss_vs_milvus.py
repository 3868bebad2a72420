"""The same vectors in FAISS and in an engine: how fast they go in, how fast and how well they are found.

    python -m bench.faiss_vs_milvus 100000 milvus://127.0.0.1:19530/bench

Vectors are drawn around random centres, since independent ones have no neighbours worth the name; the seed is
fixed. Questions are vectors moved towards others; see `index.retrieval.tuning`. Milliseconds are of one
question at a time, through all that the service goes through to know the ten nearest with their exact scores.
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from index.engine.collections import MilvusStore
from index.engine.remote_generation import MilvusVectors, MilvusVectorSearch
from index.retrieval.dense_index import DenseIndex
from index.retrieval.filter import NO_FILTER_IDS
from index.retrieval.index_type import AUTO
from index.retrieval.tuning import Sample, make_index, recall, sample
from index.storage.arrays import STORED, RowIds, StoredVectors, Vectors
from qa.settings import Settings

DIMENSION = 384
CENTRES = 2_000
SPREAD = 0.6  # of a vector around its centre, whose numbers have deviation 1
BLOCK = 10_000
K = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds until all vectors are there and until they are found by the index, milliseconds a question
    (median, 95th of a hundred), recall@10, MB held in memory.
    """

    store: str
    vectors: int
    sent_seconds: float
    fill_seconds: float
    p50_ms: float
    p95_ms: float
    recall: float
    memory_mb: int


def drawn(count: int) -> StoredVectors:
    """So many vectors of length 1, as they are stored, shape (count, DIMENSION)."""
    random = np.random.default_rng(11)
    centres = random.normal(size=(CENTRES, DIMENSION)).astype(np.float32)
    vectors = np.empty((count, DIMENSION), dtype=STORED)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        part = SPREAD * random.standard_normal((size, DIMENSION), dtype=np.float32)
        part += centres[random.integers(0, CENTRES, size)]
        vectors[start : start + size] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def in_faiss(vectors: StoredVectors, expected: Sample) -> Measured:
    """As `qa index` does it: flat, or lists with recall enough."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.faiss"
        started = time.perf_counter()
        facts = make_index(file, vectors, AUTO)
        filled = time.perf_counter() - started
        index = DenseIndex.open(file, vectors, facts)
        before = file.stat().st_size if file.exists() else 0
        times, results = _time_queries(expected, lambda query: index.nearest(query, K)[0])
    name = f"FAISS {facts['kind']}"
    return Measured(
        name, len(vectors), 0.0, round(filled, 1), *times, results, (before + vectors.nbytes) >> 20
    )


def in_engine(vectors: StoredVectors, expected: Sample, store: MilvusStore) -> Measured:
    """As `qa index` and the service do it, under a name that is dropped at the end."""
    name = f"gen-1-{secrets.token_hex(8)}"
    before = _memory()
    started = time.perf_counter()
    store.begin(name, DIMENSION, expected=len(vectors))
    for start in range(0, len(vectors), BLOCK):
        ids = np.arange(start, min(start + BLOCK, len(vectors)), dtype=np.int64)
        store.add(name, ids, vectors[start : start + BLOCK].astype(np.float32), [NO_FILTER_IDS] * len(ids))
    sent = time.perf_counter() - started
    counted = store.seal(name)
    filled = time.perf_counter() - started
    assert counted == len(vectors), f"{counted:,} of {len(vectors):,} arrived"
    remote = MilvusVectors(store, name, vectors.shape)
    index = DenseIndex(remote, MilvusVectorSearch(store, name), brute_force_below=0)
    times, results = _time_queries(expected, lambda query: index.nearest(query, K)[0])
    held_more, label = _memory() - before, "Milvus"
    store.drop(name)
    return Measured(label, counted, round(sent, 1), round(filled, 1), *times, results, held_more)


def _time_queries(expected: Sample, search: Callable[[Vectors], RowIds]) -> tuple[tuple[float, float], float]:
    """Milliseconds, median and 95th, and recall@10; the first questions pay for what is loaded then."""
    for query in expected.queries[:20]:
        search(query)
    seconds = []
    for query in expected.queries[:100]:
        started = time.perf_counter()
        search(query)
        seconds.append(1_000 * (time.perf_counter() - started))
    middle, late = np.percentile(seconds, (50, 95))
    return (round(float(middle), 2), round(float(late), 2)), round(recall(expected, search), 4)


def _memory() -> int:
    """MB that processes called "milvus" hold, where they run beside this one."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:  # it ended
            continue
        if fields["Name"].strip() == "milvus":
            total += int(fields.get("VmRSS", "0 kB").split()[0]) >> 10
    return total


def main() -> None:
    """Measure and print one line of JSON for each store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("count", type=int, help="vectors")
    parser.add_argument("store", nargs="?", default="", help="milvus://HOST:PORT/NAME, or a file.db")
    options = parser.parse_args()
    vectors = drawn(options.count)
    expected = sample(vectors)
    print(json.dumps(asdict(in_faiss(vectors, expected))), flush=True)
    address = Settings.from_environment().engine_at(options.store) if options.store else None
    if address:
        store = MilvusStore(address, patience=60)
        print(json.dumps(asdict(in_engine(vectors, expected, store))), flush=True)
        store.close()


if __name__ == "__main__":
    main()
