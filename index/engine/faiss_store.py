"""Records of generations in files of this machine: FAISS compares the vectors, tantivy has the words.

    CURRENT             the generation that is published
    <generation>/       records.jsonl, vectors.npy and the words, written when it is published

It is what other stores are held against. The service itself reads whole generations; see `index.generation.generation`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.engine.contract import NO_FILTER, Batch, Filter, Found, wanted
from index.errors import Damaged, NoIndex, StoreRefused
from index.generation.manifest import read_small
from index.retrieval.dense_index import DenseIndex
from index.retrieval.filter import Granularity
from index.retrieval.lexical_index import LexicalIndex, unmarked
from index.storage.arrays import Vectors, array_bytes, text_digest
from index.storage.durable_io import Disk

_CURRENT = "CURRENT"
_RECORDS = "records.jsonl"
_VECTORS = "vectors.npy"
_WORDS = "words"


@dataclass(frozen=True, slots=True)
class _Record:
    id: int
    text: str
    facts: Mapping[str, Sequence[str]]
    sha256: str


@dataclass(frozen=True, slots=True)
class _Opened:
    """A published generation. A row is a record's place in `records`."""

    generation: str
    records: Sequence[_Record]
    dense: DenseIndex
    words: LexicalIndex

    def allowed(self, where: Filter) -> NDArray[np.bool_] | None:
        """Which rows have all facts asked for; None where nothing is."""
        asked = wanted(where)
        if not asked:
            return None
        sets = {name: frozenset(values) for name, values in asked.items()}
        having = (
            all(not values.isdisjoint(one.facts.get(name, ())) for name, values in sets.items())
            for one in self.records
        )
        return np.fromiter(having, dtype=bool, count=len(self.records))


class FaissStore:
    """A store in a folder; safe to search from several threads while one adds and publishes."""

    def __init__(self, folder: Path, *, disk: Disk | None = None) -> None:
        self._folder = folder
        self._disk = disk or Disk()
        self._added: dict[str, dict[int, tuple[_Record, NDArray[np.float32]]]] = {}
        self._opened: _Opened | None = None

    def add(self, generation: str, batch: Batch) -> None:
        """See `Store`."""
        held = self._added.setdefault(generation, {})
        told = zip(batch.ids.tolist(), batch.vectors, batch.texts, batch.facts, strict=True)
        for identifier, vector, text, facts in told:
            held[identifier] = _Record(identifier, text, dict(facts), text_digest(text).hex()), vector

    def delete(self, generation: str, ids: Sequence[int]) -> None:
        """See `Store`."""
        for identifier in ids:
            self._added.get(generation, {}).pop(int(identifier), None)

    def publish(self, generation: str) -> None:
        """See `Store`."""
        held = [self._added[generation][one] for one in sorted(self._added.get(generation, {}))]
        if not held:
            raise StoreRefused(f"{generation} holds no record; add some before it is published")
        folder = self._folder / generation
        self._disk.make_data_folder(self._folder)
        self._disk.remove(folder)
        self._disk.make_folder(folder)
        lines = (json.dumps([one.id, one.text, one.facts, one.sha256]) + "\n" for one, _ in held)
        self._disk.write_file(folder / _RECORDS, "".join(lines).encode("ascii"))
        self._disk.write_file(folder / _VECTORS, array_bytes(np.stack([vector for _, vector in held])))
        self._disk.make_folder(folder / _WORDS)
        LexicalIndex.create(folder / _WORDS, unmarked(one.text for one, _ in held), ())
        for path in sorted(folder.rglob("*")):
            self._disk.sync_folder(path) if path.is_dir() else self._disk.sync_file(path)
        self._disk.replace(self._folder / _CURRENT, f"{generation}\n".encode())
        self._opened = _open(self._folder, generation)

    def dense(self, vector: Vectors, k: int, where: Filter = NO_FILTER) -> list[Found]:
        """See `Store`."""
        opened = self._current()
        allowed = opened.allowed(where)
        narrowed = None if allowed is None else opened.dense.allowed_texts(allowed)
        found = opened.dense.search(np.asarray(vector, dtype=np.float32), k, allowed=narrowed)
        return self._told(opened, found)

    def lexical(self, text: str, k: int, where: Filter = NO_FILTER) -> list[Found]:
        """See `Store`."""
        opened = self._current()
        allowed, fetch = opened.allowed(where), k
        terms = opened.words.terms(text)
        while k > 0:
            found = opened.words.search(Granularity.SENTENCE, terms, fetch)
            kept = [hit for hit in found if allowed is None or allowed[hit[0]]]
            if len(kept) >= k or len(found) < fetch:
                return self._told(opened, kept[:k])
            fetch *= 4
        return []

    def drop(self, generation: str) -> None:
        """See `Store`."""
        if self._opened and self._opened.generation == generation:
            raise StoreRefused(f"{generation} is published in {self._folder}; publish another first")
        self._added.pop(generation, None)
        shutil.rmtree(self._folder / generation, ignore_errors=True)

    def close(self) -> None:
        """See `Store`."""
        self._opened = None

    def _current(self) -> _Opened:
        opened = self._opened
        if opened is None:
            opened = self._opened = _open(self._folder, _named(self._folder))
        return opened

    def _told(self, opened: _Opened, found: Sequence[tuple[int, float]]) -> list[Found]:
        return [Found(opened.records[row].id, score, opened.records[row].text) for row, score in found]


def _named(folder: Path) -> str:
    try:
        return read_small(folder / _CURRENT).decode("ascii").strip()
    except FileNotFoundError as error:
        raise NoIndex(folder) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(folder / _CURRENT, "cannot be read") from error


def _open(folder: Path, generation: str) -> _Opened:
    place = folder / generation
    try:
        lines = (place / _RECORDS).read_text(encoding="ascii").splitlines()
        records = [_Record(*json.loads(line)) for line in lines]
        vectors = np.load(place / _VECTORS, allow_pickle=False)
    except (OSError, ValueError, TypeError) as error:
        raise Damaged(place, "cannot be read") from error
    for record in records:
        if text_digest(record.text).hex() != record.sha256:
            raise Damaged(place / _RECORDS, f"the text of record {record.id} is not the one its SHA-256 says")
    rows = np.arange(len(records), dtype=np.int32)
    return _Opened(generation, records, DenseIndex(vectors, rows), LexicalIndex.open(place / _WORDS))
