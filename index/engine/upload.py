"""Publishes a generation of a data folder in an engine; nothing is encoded again.

Records and files are sent, counted, opened and probed, then the alias moves in one step. An interrupted
upload continues where it stopped: stored records are not sent twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from index.engine.collections import MAX_VALUES, MilvusStore
from index.engine.files import GenerationFiles
from index.engine.remote_generation import ANY, MilvusVectorSearch, open_remote_generation
from index.errors import BuildFailed, Damaged, FilesUnreachable, NoIndex, Unreachable
from index.generation.generation import Generation
from index.generation.self_check import check_probes
from index.retrieval.dense_index import SCORE_TOLERANCE
from index.retrieval.filter import FilterIds
from index.retrieval.tuning import MIN_RECALL, QUERIES, RECALL_AT, sample
from index.storage.arrays import RowIds, Vectors

BLOCK = 2_000
"""Records per progress report: 3 MB of 384 numbers each."""

_COMPARED = 200_000  # vectors of which a query's exact neighbours are computed: half a minute

Search = Callable[[Vectors, int], tuple[RowIds, Vectors]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What was published: all records, those sent by this upload, and recall@10 of the engine.

    `unchanged` if it was the published generation already; `repaired` counts the files replaced then.
    """

    generation: str
    records: int
    sent: int
    recall: float
    unchanged: bool = False
    repaired: int = 0


def upload(
    generation: Generation, store: MilvusStore, *, progress: Progress | None = None, block: int = BLOCK
) -> UploadResult:
    """Publish a generation; of the published one only damaged files are sent. The last two are kept.

    `progress` is called with the records stored so far, and all.

    Raises:
        Unreachable, FilesUnreachable: the engine or the folder of files; the next try continues.
        BuildFailed, Altered: what arrived is not what was sent, or recall is too low; the alias stays.
    """
    name, count = generation.id, len(generation.sentences)
    before = _published(store)
    if before == name:
        # `qa index` builds nothing new from unchanged articles, so this is what mends damaged files.
        repaired = GenerationFiles(store.address, name).repair(generation.folder, generation.manifest)
        return UploadResult(name, count, 0, 1.0, unchanged=True, repaired=repaired)
    sent = _send_records(generation, store, progress=progress, block=block)
    stored = store.seal(name)
    if stored != count:
        raise BuildFailed(f"the engine holds {stored:,} records, but {count:,} were sent")
    # After the count: `recover` takes a generation with a manifest for a complete one.
    GenerationFiles(store.address, name).upload(generation.folder, generation.manifest)
    try:
        check_probes(open_remote_generation(store, name))
    except Damaged as error:
        raise BuildFailed(f"the upload to {store.address.shown} is not sound: {error.reason}") from error
    recall = measure_recall(generation, store)
    if recall < MIN_RECALL:
        raise BuildFailed(f"recall@10 at {store.address.shown} is {recall:.3f}, below {MIN_RECALL}")
    store.point(name)
    _retire(store, {name, before})
    return UploadResult(name, count, sent, recall)


def measure_recall(generation: Generation, store: MilvusStore) -> float:
    """Recall@10 of the engine against an exact search; see `index.retrieval.tuning`.

    Any sentence as near as the tenth counts, whichever of several at the same distance is returned.
    """
    vectors = np.asarray(generation.vectors)
    search = MilvusVectorSearch(store, generation.id).search
    if len(vectors) > _COMPARED:
        return _self_recall(vectors, search)
    expected = sample(vectors)
    shares = []
    for query, nearest in zip(expected.queries, expected.nearest, strict=True):
        least = float((vectors[nearest] @ query).min()) - SCORE_TOLERANCE
        hits = search(query, len(nearest))[0]
        shares.append(float((vectors[hits] @ query >= least).sum()) / len(nearest))
    return float(np.mean(shares))


def _self_recall(vectors: Vectors, search: Search) -> float:
    """The share of some sentences that find one as near as themselves: needs no exact search."""
    shares = []
    for row in range(0, len(vectors), len(vectors) // QUERIES):
        vector = np.asarray(vectors[row], dtype=np.float32)
        hits = search(vector, RECALL_AT)[0]
        shares.append((vectors[hits] @ vector >= vector @ vector - SCORE_TOLERANCE).any())
    return float(np.mean(shares))


def _published(store: MilvusStore) -> str:
    try:
        return store.published()
    except NoIndex:
        return ""


def _send_records(
    generation: Generation, store: MilvusStore, *, progress: Progress | None, block: int
) -> int:
    count, sent = len(generation.sentences), 0
    filter_ids = record_filter_ids(generation)
    created = store.begin(generation.id, generation.manifest.dimension, expected=count)
    for start in range(0, count, block):
        end = min(start + block, count)
        stored = set() if created else store.stored_ids(generation.id, start, end)
        missing = np.array([row for row in range(start, end) if row not in stored], dtype=np.int64)
        if len(missing):
            vectors = np.asarray(generation.vectors[missing], dtype=np.float32)
            store.add(generation.id, missing, vectors, list(map(filter_ids, missing.tolist())))
            sent += len(missing)
        if progress:
            progress(end, count)
    return sent


def _retire(store: MilvusStore, keep: set[str]) -> None:
    """Drop older generations; what cannot be dropped now is dropped after the next build."""
    with suppress(Unreachable, FilesUnreachable):
        for name in store.generations():
            if name not in keep:
                GenerationFiles(
                    store.address, name
                ).remove()  # first: the collection is what lists a generation
                store.drop(name)


def record_filter_ids(generation: Generation, *, max_values: int = MAX_VALUES) -> Callable[[int], FilterIds]:
    """A function from a sentence's row to the filter ids of its article: {"authors": [2, 5]}."""
    ids_of_article = generation.facets.filter_ids()

    def ids_of(row: int) -> FilterIds:
        ids = ids_of_article(int(generation.article_of[row]))
        return {field: values if len(values) <= max_values else [ANY] for field, values in ids.items()}

    return ids_of
