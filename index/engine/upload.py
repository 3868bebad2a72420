"""Publishes a generation of a data folder in an engine; nothing is encoded again.

Records and files are sent, counted, opened and probed, then the alias moves in one step. An interrupted
upload continues where it stopped: stored records are not sent twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.engine.collections import MAX_VALUES, UNITS, FilterValues, MilvusStore
from index.engine.files import GenerationFiles
from index.engine.remote_generation import ANY, MilvusVectorSearch, open_remote_generation
from index.errors import BuildFailed, Damaged, FilesUnreachable, NoIndex, Unreachable
from index.generation.generation import Generation
from index.generation.self_check import check_probes
from index.retrieval.dense_index import SCORE_TOLERANCE
from index.retrieval.filter import Granularity
from index.retrieval.lexical_index import FILTER_FIELDS
from index.retrieval.tuning import MIN_RECALL, QUERIES, RECALL_AT, sample
from index.storage.arrays import RowIds, Vectors

BLOCK = 2_000
"""Records per progress report: 3 MB of 384 numbers each."""

_COMPARED = 200_000  # texts of which a query's exact neighbours are computed: half a minute

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
    name, count = generation.id, generation.manifest.counts["vectors"]
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
    """Recall@10 of the engine among sentences, against an exact search; see `index.retrieval.tuning`.

    Any text as near as the tenth counts, whichever of several at the same distance is returned.
    """
    texts = np.unique(generation.sentence_rows)
    vectors = np.asarray(generation.vectors)
    search = MilvusVectorSearch(store, generation.id, Granularity.SENTENCE).search
    if len(texts) > _COMPARED:
        return _self_recall(vectors, texts[:: len(texts) // QUERIES], search)
    expected = sample(vectors, texts)
    shares = []
    for query, nearest in zip(expected.queries, expected.nearest, strict=True):
        least = float((vectors[nearest] @ query).min()) - SCORE_TOLERANCE
        hits = search(query, len(nearest))[0]
        shares.append(float((vectors[hits] @ query >= least).sum()) / len(nearest))
    return float(np.mean(shares))


def _self_recall(vectors: Vectors, rows: NDArray[np.int32], search: Search) -> float:
    """The share of these texts that find themselves: needs no exact search."""
    return float(np.mean([row in search(np.asarray(vectors[row]), RECALL_AT)[0] for row in rows.tolist()]))


def _published(store: MilvusStore) -> str:
    try:
        return store.published()
    except NoIndex:
        return ""


def _send_records(
    generation: Generation, store: MilvusStore, *, progress: Progress | None, block: int
) -> int:
    count, sent = generation.manifest.counts["vectors"], 0
    values = RecordValues(generation)
    created = store.begin(generation.id, generation.manifest.dimension, expected=count)
    for start in range(0, count, block):
        end = min(start + block, count)
        stored = set() if created else store.stored_ids(generation.id, start, end)
        missing = np.array([row for row in range(start, end) if row not in stored], dtype=np.int64)
        if len(missing):
            vectors = np.asarray(generation.vectors[missing], dtype=np.float32)
            store.add(generation.id, missing, vectors, [values.of(row) for row in missing.tolist()])
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


class RecordValues:
    """What each distinct text can be filtered by: its granularities and the filter ids of its articles."""

    def __init__(self, generation: Generation, *, max_values: int = MAX_VALUES) -> None:
        sentences, passages = generation.sentences.spans, generation.passages.spans
        rows = (generation.sentence_rows, generation.window_rows, generation.passage_rows)
        articles = (sentences[:, 0], sentences[:, 0], passages[:, 0])
        count = generation.manifest.counts["vectors"]
        self._max_values = max_values
        self._units = [np.bincount(texts, minlength=count) > 0 for texts in rows]
        pairs = np.stack([np.concatenate(rows), np.concatenate(articles)], axis=1)
        pairs = np.unique(pairs, axis=0)
        self._articles = pairs[:, 1]
        self._starts = np.searchsorted(pairs[:, 0], np.arange(count + 1))
        self._filter_ids = generation.facets.filter_ids()

    def of(self, row: int) -> FilterValues:
        """The values of one text: {"units": ["sentence"], "years": ["0"], ..., "articles": ["0", "1"]}."""
        units = [unit for unit, present in zip(UNITS, self._units, strict=True) if present[row]]
        articles = self._articles[self._starts[row] : self._starts[row + 1]].tolist()
        if len(articles) > self._max_values:
            return {"units": units, **dict.fromkeys(FILTER_FIELDS, (ANY,))}
        ids: dict[str, set[str]] = {field: set() for field in FILTER_FIELDS}
        for article in articles:
            for field, values in self._filter_ids(article).items():
                ids[field].update(map(str, values))
        capped = {
            field: (ANY,) if len(values) > self._max_values else sorted(values)
            for field, values in ids.items()
        }
        return {"units": units, **capped}
