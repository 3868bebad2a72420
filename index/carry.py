"""A generation of a data folder into an engine, and back: nothing is encoded again.

Records and files are sent in blocks; what is there already is not sent twice, so one that was stopped goes on
when it is started again. Only what was counted, opened and probed is published, by moving one alias.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.articles import ARTICLES
from index.check import check_probes
from index.durable import Disk, Lock, reported
from index.engine import MOST_TEXT_BYTES, MOST_VALUES, Batch
from index.errors import BuildFailed, Damaged, NoIndex, Unreachable
from index.facts import Facts
from index.generation import DENSE_PASSAGES, DENSE_SENTENCES, ELSEWHERE, VECTORS, Generation
from index.lexical import MARKS, Unit
from index.lists import make_index
from index.manifest import MANIFEST, Manifest, file_facts, read_manifest, verify_files, write_manifest
from index.milvus_store import MilvusStore
from index.pieces import MANIFEST_PIECES, PIECE, Pieces, kept_apart, piece_row, places
from index.plan import Kind, Plan
from index.recall import FLOOR, recall, sample
from index.records import array_header, read_array
from index.served import ANY, EngineTexts, fetch_files, open_served
from index.store import CURRENT, LOCK, Pointer, generations, number, pointer_bytes

BLOCK = 2_000
"""Records sent between two looks at what is there: 3 MB of 384 numbers each."""
SAMPLED = 50_000
"""Texts whose vectors recall is measured on, at most."""

Progress = Callable[[int, int], None]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Carried:
    """What was published in an engine: records in all, those sent now, and recall@10 of its search."""

    generation: str
    records: int
    sent: int
    recall: float
    unchanged: bool = False


def carry(generation: Generation, store: MilvusStore, *, progress: Progress | None = None) -> Carried:
    """Publish a generation in an engine, unless it is published there; the last two are kept.

    `progress` is called with the records sent or found so far, and all.

    Raises:
        Unreachable: the engine went away; what was sent stays there for the next try.
        BuildFailed: what arrived is not what was sent, or finds too little; the one published before stays.
    """
    name, count = generation.id, generation.manifest.counts["vectors"]
    before = _published(store)
    if before == name:
        return Carried(name, count, 0, 1.0, unchanged=True)
    sent = _send_records(generation, store, progress=progress)
    pieces = Pieces(store, name)
    expected = _send_files(generation, pieces)
    _check_count("records", store.seal(name), count)
    _check_count("pieces of files", pieces.seal(), expected)
    try:
        check_probes(open_served(store, name))
    except Damaged as error:
        raise BuildFailed(f"what arrived at {store.address.shown} is not sound: {error.reason}") from error
    found = measured(generation, store)
    if found < FLOOR:
        raise BuildFailed(f"{store.address.shown} finds {found:.3f} of the nearest texts, not {FLOOR}")
    store.point(name)
    _retire(store, {name, before})
    return Carried(name, count, sent, found)


def measured(generation: Generation, store: MilvusStore) -> float:
    """Recall@10 of the engine's search among sentences, against comparing all vectors; see `index.recall`."""
    texts = np.unique(generation.sentence_rows)
    if len(texts) > SAMPLED:  # comparing all would take minutes, and those asked for are as good a sample
        return _self_recall(generation, store, texts)
    search = EngineTexts(store, generation.id, Unit.SENTENCE).search
    expected = sample(np.asarray(generation.vectors), texts)
    return recall(expected, lambda query: search(query, 10)[0])


def bring(store: MilvusStore, data: Path, *, disk: Disk | None = None) -> str:
    """Publish in a data folder what is published in an engine; returns the generation's name.

    Raises:
        Unreachable, Altered: the engine is away, or something there is not as it was published.
        BuildFailed: the disk is full, or what was fetched is not sound.
    """
    disk, name = disk or Disk(), store.published()
    with reported(data):
        disk.make_data_folder(data)
        with Lock(data / LOCK):
            temporary = data / f"tmp-{secrets.token_hex(8)}"
            try:
                return _brought(store, name, data, temporary, disk=disk)
            finally:
                with suppress(OSError):
                    disk.remove(temporary)


def _brought(store: MilvusStore, name: str, data: Path, temporary: Path, *, disk: Disk) -> str:
    folder = temporary / name
    disk.make_folder(temporary)
    disk.make_folder(folder)
    pieces = Pieces(store, name)
    (folder / MANIFEST).write_bytes(pieces.manifest())
    manifest = read_manifest(folder)
    fetch_files(pieces, manifest, folder, kept_apart(manifest, ELSEWHERE - {ARTICLES}))
    disk.write_blocks(folder / VECTORS, _vector_file(store, manifest))
    manifest = _with_lists(folder, manifest, data, disk=disk)
    try:
        verify_files(folder, manifest)
    except Damaged as error:
        raise BuildFailed(f"what {store.address.shown} gave is not sound: {error.reason}") from error
    for path in sorted(folder.rglob("*")):
        disk.sync_folder(path) if path.is_dir() else disk.sync_file(path)
    digest = file_facts(folder / MANIFEST).sha256
    if (data / manifest.generation).exists():
        disk.remove(data / manifest.generation)
    disk.rename(folder, data / manifest.generation)
    disk.replace(data / CURRENT, pointer_bytes(Pointer(manifest.generation, digest)))
    return manifest.generation


def _with_lists(folder: Path, manifest: Manifest, data: Path, *, disk: Disk) -> Manifest:
    """Make the lists again that an engine does not keep; the generation is then another, as they may differ."""
    kinds = {file: Kind(str(facts["kind"])) for file, facts in manifest.indexes.items()}
    if all(kind is Kind.FLAT for kind in kinds.values()):
        return manifest
    shape = manifest.counts["vectors"], manifest.dimension
    vectors = read_array(folder / VECTORS, dtype=np.float32, shape=shape, mapped=True)
    files, indexes = dict(manifest.files), dict(manifest.indexes)
    for file, rows in ((DENSE_SENTENCES, "sentence_rows.npy"), (DENSE_PASSAGES, "passage_rows.npy")):
        if kinds[file] is not Kind.FLAT:
            found = np.load(folder / rows, allow_pickle=False)
            indexes[file] = make_index(folder / file, vectors, found, Plan(kinds[file]))
            files[file] = file_facts(folder / file)
    latest = max(map(number, generations(data)), default=0)
    name = f"gen-{latest + 1}-{secrets.token_hex(8)}"
    made = replace(manifest, generation=name, files=files, indexes=indexes)
    disk.remove(folder / MANIFEST)
    write_manifest(folder, made, disk=disk)
    return made


def _vector_file(store: MilvusStore, manifest: Manifest) -> Iterator[bytes]:
    count = manifest.counts["vectors"]
    blocks = (np.arange(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
    header = array_header((count, manifest.dimension), np.float32)
    return chain([header], (store.vectors(manifest.generation, ids).tobytes() for ids in blocks))


def _published(store: MilvusStore) -> str:
    try:
        return store.published()
    except NoIndex:
        return ""


def _send_records(generation: Generation, store: MilvusStore, *, progress: Progress | None) -> int:
    told, count, sent = _Told(generation), generation.manifest.counts["vectors"], 0
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        known = store.known(generation.id, start, end)
        missing = np.array([row for row in range(start, end) if row not in known], dtype=np.int64)
        if len(missing):
            store.add(generation.id, told.batch(missing))
            sent += len(missing)
        if progress:
            progress(end, count)
    return sent


def _send_files(generation: Generation, pieces: Pieces) -> int:
    """Send the files and at last the manifest; tells how many pieces there must be."""
    pieces.create()
    travelling = kept_apart(generation.manifest, ELSEWHERE - {ARTICLES})
    for name, place in places(travelling).items():
        known = pieces.known(place.first, place.first + place.count)
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
    return len(cut) + sum(place.count for place in places(travelling).values())


def _check_count(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise BuildFailed(f"the engine holds {found:,} {what}, but {expected:,} were sent")


def _retire(store: MilvusStore, kept: set[str]) -> None:
    """What cannot be dropped now is dropped after the next build."""
    with suppress(Unreachable):
        for name in store.generations():
            if name not in kept:
                store.drop(name)


def _self_recall(generation: Generation, store: MilvusStore, texts: NDArray[np.int32]) -> float:
    """How many of some texts, spread over all, find themselves first: what can be told without comparing all."""
    search = EngineTexts(store, generation.id, Unit.SENTENCE).search
    asked = texts[:: max(1, len(texts) // 200)]
    found = [row in search(np.asarray(generation.vectors[int(row)]), 10)[0] for row in asked.tolist()]
    return math.fsum(found) / len(found)


class _Told:
    """The records of a generation: each text with its units and the marks of the articles it stands in."""

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
        self._marks = _marks(generation.facts)

    def batch(self, rows: Rows) -> Batch:
        """The records of these texts."""
        return Batch(
            ids=rows,
            vectors=np.asarray(self._generation.vectors[rows], dtype=np.float32),
            texts=[self._text(row) for row in rows.tolist()],
            facts=[self._facts(row) for row in rows.tolist()],
        )

    def _text(self, row: int) -> str:
        """The text of a sentence or passage; of a window, or of what is too long for a record, none."""
        spans = (self._generation.sentences, self._generation.passages)
        for first, held in zip(self._first, spans, strict=True):
            if first[row] >= 0:
                text = held[int(first[row])].text
                return text if len(text.encode("utf-8", "replace")) <= MOST_TEXT_BYTES else ""
        return ""

    def _facts(self, row: int) -> Mapping[str, Sequence[str]]:
        units = [
            unit
            for unit, held in zip(("sentence", "window", "passage"), self._units, strict=True)
            if held[row]
        ]
        marks: dict[str, set[str]] = {kind: set() for kind in MARKS}
        for article in self._articles[self._starts[row] : self._starts[row + 1]].tolist()[: MOST_VALUES + 1]:
            for kind, values in self._marks(article).items():
                marks[kind].update(map(str, values))
        several = {kind: [ANY] if len(some) > MOST_VALUES else sorted(some) for kind, some in marks.items()}
        return {"units": units, **several}


def _marks(facts: Facts) -> Callable[[int], Mapping[str, Sequence[int]]]:
    return facts.marks()


def _first(rows: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """The first span with each text, -1 where there is none: of texts 1, 0, 1 of three -> [1, 0, -1]."""
    first = np.full(count, -1, dtype=np.int32)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1, dtype=np.int32)
    return first
