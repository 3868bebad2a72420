"""The files of a generation in an engine: in pieces, for Milvus takes 65,535 bytes in a field and no more.

Each piece has the SHA-256 of its bytes and is held against it whenever it comes back; a whole file is held
against the manifest besides. Where a piece lies follows from the sizes in the manifest, so nothing is looked
for: the manifest's own come first, then every file's by name.

    a manifest of 1 piece; a.npy of 3 pieces, b.npy of 1   ->   ids 0 | 32 33 34 | 35
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from index.engine.client import Row, one_of
from index.engine.collections import MilvusStore
from index.errors import Altered
from index.generation.manifest import FileDigest, Manifest
from index.storage.lru import LruCache

PIECE = 48_000
"""Bytes of a piece: 64,000 letters where it is no text."""
MANIFEST_PIECES = 32
SENT = 32
"""Pieces sent at once: 2 MB, below what a message broker takes in one message."""
ASKED = 64
KEPT = 256
"""Pieces kept in memory after their last use: 12 MB."""

_DUMMY = [0.0, 1.0]  # Milvus wants a vector in each collection


@dataclass(frozen=True, slots=True)
class ChunkRange:
    """The ids of a file's pieces, and its size in bytes."""

    first: int
    size: int

    @property
    def count(self) -> int:
        """Pieces; an empty file has none."""
        return -(-self.size // PIECE)


def places(files: Mapping[str, FileDigest]) -> dict[str, ChunkRange]:
    """Where the pieces of each file lie, those of the manifest left out."""
    found, first = {}, MANIFEST_PIECES
    for name in sorted(files):
        found[name] = ChunkRange(first, files[name].size)
        first += found[name].count
    return found


def piece_row(identifier: int, file: str, content: bytes) -> Row:
    """A piece as it is stored: text where it is ASCII, so that people can read it there, else base64."""
    plain = file.endswith((".jsonl", ".json"))
    return {
        "id": identifier,
        "file": file,
        "content": content.decode("ascii") if plain else base64.b64encode(content).decode("ascii"),
        "plain": plain,
        "sha256": hashlib.sha256(content).hexdigest(),
        "vector": _DUMMY,
    }


class ChunkedFiles:
    """The pieces of one generation's files."""

    def __init__(self, store: MilvusStore, generation: str) -> None:
        self._store = store
        self._generation = generation
        self._name = store.files(generation)
        self._kept: LruCache[int, bytes] = LruCache(KEPT)

    def create(self) -> bool:
        """Make the collection unless it is there; whether it was made now."""
        fields: list[Row] = [
            {"field_name": "id", "datatype": "INT64", "is_primary": True},
            {"field_name": "file", "datatype": "VARCHAR", "max_length": 200},
            {"field_name": "content", "datatype": "VARCHAR", "max_length": 65_535},
            {"field_name": "plain", "datatype": "BOOL"},
            {"field_name": "sha256", "datatype": "VARCHAR", "max_length": 64},
            {"field_name": "vector", "datatype": "FLOAT_VECTOR", "dim": len(_DUMMY)},
        ]
        client = self._store.client
        flat = {"field_name": "vector", "metric_type": "IP", "index_type": "FLAT"}
        new = client.create(self._name, fields, [flat])
        client.load(self._name)
        return new

    def known(self, first: int, end: int) -> set[int]:
        """Which pieces from `first` to `end` are there."""
        return self._store.client.known(self._name, first, end)

    def put(self, rows: list[Row]) -> None:
        """Store pieces; those that are there already are replaced."""
        for start in range(0, len(rows), SENT):
            self._store.client.upsert(self._name, rows[start : start + SENT])

    def seal(self) -> int:
        """Make them durable; how many there are."""
        return self._store.client.seal(self._name)

    def manifest(self) -> bytes:
        """What the manifest holds. Raises Altered."""
        told = self._store.client.get(
            self._name, f"id >= 0 and id < {MANIFEST_PIECES}", self._fields, limit=MANIFEST_PIECES
        )
        ordered = sorted(told, key=lambda row: int(row["id"]))
        return b"".join(self._checked(row) for row in ordered)

    def read(self, place: ChunkRange) -> Iterator[bytes]:
        """The content of a file, some pieces at a time. Raises Altered."""
        for start in range(place.first, place.first + place.count, ASKED):
            ids = range(start, min(start + ASKED, place.first + place.count))
            held = self._fetch(list(ids))
            yield from (held[one] for one in ids)

    def cut(self, place: ChunkRange, start: int, end: int) -> bytes:
        """The bytes of a file from `start` to `end`. Raises Altered."""
        if start >= end:
            return b""
        ids = range(place.first + start // PIECE, place.first + (end - 1) // PIECE + 1)
        held = self._kept.held(ids)
        new = self._fetch([one for one in ids if one not in held])
        self._kept.keep(new)
        held |= new
        whole = b"".join(held[one] for one in ids)
        offset = start - (ids[0] - place.first) * PIECE
        return whole[offset : offset + end - start]

    @property
    def _fields(self) -> tuple[str, ...]:
        return ("id", "file", "content", "plain", "sha256")

    def _fetch(self, ids: list[int]) -> dict[int, bytes]:
        if not ids:
            return {}
        told = self._store.client.get(self._name, one_of("id", ids), self._fields, limit=len(ids))
        held = {int(row["id"]): self._checked(row) for row in told}
        for one in ids:
            if one not in held:
                self._refuse(f"piece {one} of {self._generation}")
        return held

    def _checked(self, row: Row) -> bytes:
        written = str(row["content"])
        try:
            content = written.encode("ascii") if row["plain"] else base64.b64decode(written, validate=True)
        except (ValueError, binascii.Error):
            content = b""
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            self._refuse(f"piece {row['id']} of {self._generation}, of {row['file']},")
        return content

    def _refuse(self, what: str) -> NoReturn:
        self._store.refused += 1
        raise Altered(self._store.address.shown, what)


class RemoteBytes:
    """A file whose parts are fetched when they are asked for; see `index.generation.articles.Content`."""

    def __init__(self, pieces: ChunkedFiles, place: ChunkRange) -> None:
        self._pieces = pieces
        self._place = place

    def __len__(self) -> int:
        return self._place.size

    def __getitem__(self, part: slice) -> NDArray[np.uint8]:
        start, end, _ = part.indices(len(self))
        return np.frombuffer(self._pieces.cut(self._place, start, end), dtype=np.uint8)


def without_files(manifest: Manifest, apart: frozenset[str]) -> dict[str, FileDigest]:
    """The files that travel in pieces: all but those `apart`."""
    return {name: facts for name, facts in manifest.files.items() if name not in apart}
