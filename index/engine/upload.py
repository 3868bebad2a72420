"""A generation of a data folder into an engine: counted, opened and probed, then published in one step.

Records and files are sent in blocks; what is there already is not sent twice, so one that was stopped goes on
when it is started again. Nothing is encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.article import Passage, Sentence
from index.engine.collections import MilvusStore
from index.engine.contract import MOST_TEXT_BYTES, MOST_VALUES, UNITS, Batch
from index.engine.files import MANIFEST_PIECES, PIECE, ChunkedFiles, piece_row, places, without_files
from index.engine.remote_generation import ANY, MilvusVectorSearch, open_remote_generation
from index.errors import BuildFailed, Damaged, NoIndex, Unreachable
from index.generation.files import ARTICLES, ELSEWHERE, MANIFEST
from index.generation.generation import Generation
from index.generation.self_check import check_probes
from index.retrieval.dense_index import SCORE_TOLERANCE
from index.retrieval.filter import Granularity
from index.retrieval.lexical_index import MARKS
from index.retrieval.tuning import MIN_RECALL, QUERIES, RECALL_AT, sample
from index.storage.arrays import RowIds, Vectors

BLOCK = 2_000
"""Records sent between two looks at what is there: 3 MB of 384 numbers each."""
COMPARED = 200_000
"""Texts that are compared with each query at most, to know which are nearest: half a minute."""

Search = Callable[[Vectors, int], tuple[NDArray[np.int64], Vectors]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What was published in an engine: records in all, those sent now, and recall@10 of its search."""

    generation: str
    records: int
    sent: int
    recall: float
    unchanged: bool = False


def upload(generation: Generation, store: MilvusStore, *, progress: Progress | None = None) -> UploadResult:
    """Publish a generation in an engine, unless it is published there; the last two are kept.

    `progress` is called with the records sent or found so far, and all.

    Raises:
        Unreachable: the engine went away; what was sent stays there for the next try.
        BuildFailed: what arrived is not what was sent, or finds too little; the one published before stays.
    """
    name, count = generation.id, generation.manifest.counts["vectors"]
    before = _published(store)
    if before == name:
        return UploadResult(name, count, 0, 1.0, unchanged=True)
    sent = _send_records(generation, store, progress=progress)
    pieces = ChunkedFiles(store, name)
    expected = _send_files(generation, pieces)
    _check_count("records", store.seal(name), count)
    _check_count("pieces of files", pieces.seal(), expected)
    try:
        check_probes(open_remote_generation(store, name))
    except Damaged as error:
        raise BuildFailed(f"what arrived at {store.address.shown} is not sound: {error.reason}") from error
    found = measure_recall(generation, store)
    if found < MIN_RECALL:
        raise BuildFailed(f"{store.address.shown} finds {found:.3f} of the nearest texts, not {MIN_RECALL}")
    store.point(name)
    _retire(store, {name, before})
    return UploadResult(name, count, sent, found)


def measure_recall(generation: Generation, store: MilvusStore) -> float:
    """Recall@10 of the engine's search among sentences, against comparing all vectors; see `index.retrieval.tuning`.

    A text as near as the tenth counts as found, whichever of several that are equally near comes back.
    """
    texts = np.unique(generation.sentence_rows)
    vectors = np.asarray(generation.vectors)
    search = MilvusVectorSearch(store, generation.id, Granularity.SENTENCE).search
    if len(texts) > COMPARED:
        return _self_recall(vectors, texts[:: len(texts) // QUERIES], search)
    expected = sample(vectors, texts)
    shares = []
    for query, nearest in zip(expected.queries, expected.nearest, strict=True):
        least = float((vectors[nearest] @ query).min()) - SCORE_TOLERANCE
        found = search(query, len(nearest))[0]
        shares.append(float((vectors[found] @ query >= least).sum()) / len(nearest))
    return float(np.mean(shares))


def _self_recall(vectors: Vectors, asked: NDArray[np.int32], search: Search) -> float:
    """The share of some texts, spread over all, that find themselves: told without comparing all."""
    return float(np.mean([row in search(np.asarray(vectors[row]), RECALL_AT)[0] for row in asked.tolist()]))


def _published(store: MilvusStore) -> str:
    try:
        return store.published()
    except NoIndex:
        return ""


def _send_records(generation: Generation, store: MilvusStore, *, progress: Progress | None) -> int:
    told, count, sent = MilvusRecords(generation), generation.manifest.counts["vectors"], 0
    new = store.begin(generation.id, generation.manifest.dimension, expected=count)
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        known = set() if new else store.known(generation.id, start, end)
        missing = np.array([row for row in range(start, end) if row not in known], dtype=np.int64)
        if len(missing):
            store.add(generation.id, told.batch(missing))
            sent += len(missing)
        if progress:
            progress(end, count)
    return sent


def _send_files(generation: Generation, pieces: ChunkedFiles) -> int:
    """Send the files and at last the manifest; tells how many pieces there must be."""
    new = pieces.create()
    travelling = places(without_files(generation.manifest, ELSEWHERE - {ARTICLES}))
    for name, place in travelling.items():
        known = set() if new else pieces.known(place.first, place.first + place.count)
        with (generation.folder / name).open("rb") as stream:
            for start in range(0, place.count, 64):
                contents = [stream.read(PIECE) for _ in range(start, min(start + 64, place.count))]
                rows = [
                    piece_row(place.first + start + offset, name, content)
                    for offset, content in enumerate(contents)
                    if place.first + start + offset not in known
                ]
                pieces.put(rows)
    content = (generation.folder / MANIFEST).read_bytes()
    cut = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]
    if len(cut) > MANIFEST_PIECES:
        raise BuildFailed(f"the manifest has {len(content):,} bytes, too many for an engine")
    pieces.put([piece_row(row, MANIFEST, part) for row, part in enumerate(cut)])
    return len(cut) + sum(place.count for place in travelling.values())


def _check_count(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise BuildFailed(f"the engine holds {found:,} {what}, but {expected:,} were sent")


def _retire(store: MilvusStore, kept: set[str]) -> None:
    """What cannot be dropped now is dropped after the next build."""
    with suppress(Unreachable):
        for name in store.generations():
            if name not in kept:
                store.drop(name)


class MilvusRecords:
    """The records of a generation, a text each."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        sentences, passages = generation.sentences.spans, generation.passages.spans
        rows = (generation.sentence_rows, generation.window_rows, generation.passage_rows)
        articles = (sentences[:, 0], sentences[:, 0], passages[:, 0])
        count = generation.manifest.counts["vectors"]
        self._units = [np.bincount(some, minlength=count) > 0 for some in rows]
        self._first = [_first(rows[place], count) for place in (0, 2)]
        pairs = np.stack([np.concatenate(rows), np.concatenate(articles)], axis=1)
        pairs = np.unique(pairs, axis=0)
        self._articles = pairs[:, 1]
        self._starts = np.searchsorted(pairs[:, 0], np.arange(count + 1))
        self._marks = generation.facets.filter_ids()

    def batch(self, rows: RowIds) -> Batch:
        """The records of these texts."""
        return Batch(
            ids=rows,
            vectors=np.asarray(self._generation.vectors[rows], dtype=np.float32),
            texts=[self._text(row) for row in rows.tolist()],
            facts=[self._facts(row) for row in rows.tolist()],
        )

    def _text(self, row: int) -> str:
        """The text of a sentence or passage; of a window, or of what is too long for a record, none."""
        sentences, passages = self._generation.sentences, self._generation.passages
        spans: tuple[Sequence[Sentence | Passage], ...] = (sentences, passages)
        for first, held in zip(self._first, spans, strict=True):
            if first[row] >= 0:
                text = held[int(first[row])].text
                return text if len(text.encode("utf-8", "replace")) <= MOST_TEXT_BYTES else ""
        return ""

    def _facts(self, row: int) -> Mapping[str, Sequence[str]]:
        units = [unit for unit, held in zip(UNITS, self._units, strict=True) if held[row]]
        articles = self._articles[self._starts[row] : self._starts[row + 1]].tolist()
        if len(articles) > MOST_VALUES:
            return {"units": units, **dict.fromkeys(MARKS, (ANY,))}
        marks: dict[str, set[str]] = {kind: set() for kind in MARKS}
        for article in articles:
            for kind, values in self._marks(article).items():
                marks[kind].update(map(str, values))
        several = {kind: (ANY,) if len(some) > MOST_VALUES else sorted(some) for kind, some in marks.items()}
        return {"units": units, **several}


def _first(rows: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """The first span with each text, -1 where there is none: of texts 1, 0, 1 of three -> [1, 0, -1]."""
    first = np.full(count, -1, dtype=np.int32)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1, dtype=np.int32)
    return first
