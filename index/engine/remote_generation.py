"""A generation read from an engine: what is small lies in a temporary folder, what is long stays there.

Vectors, nearest texts and articles come from the engine when they are asked for; the words, the spans and the
columns are files of the generation, fetched once, held against the manifest, and removed with the generation.
So an answer is made of the same numbers as from a folder: the engine proposes, `index.retrieval.dense_index` and
`index.search.searcher` compare with the vectors themselves.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from index.engine.collections import MilvusStore
from index.engine.files import ChunkedFiles, RemoteBytes, places, without_files
from index.errors import IndexFailure
from index.generation.files import ARTICLES, ELSEWHERE, MANIFEST
from index.generation.generation import Generation, open_generation
from index.generation.manifest import FileDigest, Manifest, read_manifest, verify_files
from index.retrieval.filter import NO_FILTER_IDS, FilterIds, Granularity
from index.storage.arrays import Mask, RowIds, Vectors
from index.storage.lru import LruCache

KEPT = 20_000
"""Vectors kept in memory after their last use: 30 MB of 384 numbers each."""
MOST = 16_384
"""Records that Milvus gives back at most."""
ANY = "*"
"""The value of a fact of which a text has too many: it is found under every filter, and sorted out here."""


class MilvusVectors:
    """Vectors by row, fetched when asked for. Safe to share between threads."""

    def __init__(self, store: MilvusStore, generation: str, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._store = store
        self._generation = generation
        self._recent: LruCache[int, Vectors] = LruCache(KEPT)

    def __len__(self) -> int:
        """Texts."""
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""
        return 4 * self.shape[0] * self.shape[1]

    def __getitem__(self, rows: Any) -> Any:
        """See `index.retrieval.dense_index.VectorArray`. Raises Unreachable, Altered."""
        wanted = np.atleast_1d(np.asarray(rows)).astype(np.int64)
        held = self._recent.held(wanted.tolist())
        missing = np.array([row for row in dict.fromkeys(wanted.tolist()) if row not in held], dtype=np.int64)
        if len(missing):
            fetched = self._store.vectors(self._generation, missing)
            new = dict(zip(missing.tolist(), fetched, strict=True))
            self._recent.keep(new)
            held |= new
        if np.ndim(rows) == 0:
            return held[int(rows)]
        if not len(wanted):
            return np.empty((0, self.shape[1]), dtype=np.float32)
        return np.stack([held[row] for row in wanted.tolist()])


class MilvusVectorSearch:
    """Finds the texts of sentences, or of passages; see `index.retrieval.dense_index.Searched`.

    Where the engine compares all vectors, more are asked for until equals at the cut are all there.
    """

    def __init__(
        self, store: MilvusStore, generation: str, unit: Granularity, *, exact: bool = False
    ) -> None:
        self.rescore_factor = 0 if exact else 1
        self._store = store
        self._generation = generation
        self._unit = unit

    def release_pages(self) -> None:
        """Nothing is held."""

    def search(
        self, query: Vectors, k: int, *, only: Mask | None = None, marks: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """About the k nearest texts. A text of several articles may have one mark of each: `only` decides."""
        facts = {kind: [*map(str, some), ANY] for kind, some in marks.items()}
        found = self._store.nearest(
            self._generation, query, min(k, MOST), {"units": self._unit.value, **facts}
        )
        rows = np.array([row for row, _ in found], dtype=np.int64)
        scores = np.array([score for _, score in found], dtype=np.float32)
        if only is None:
            return rows, scores
        inside = rows < len(only)
        inside[inside] = only[rows[inside]]
        return rows[inside], scores[inside]


@dataclass(frozen=True, slots=True)
class ServedEngine:
    """See `index.generation.generation.Engine`."""

    store: MilvusStore
    generation: str
    vectors: MilvusVectors
    content: RemoteBytes
    exact: bool

    def searched(self, unit: Granularity) -> MilvusVectorSearch:
        """What finds the texts of a unit."""
        return MilvusVectorSearch(self.store, self.generation, unit, exact=self.exact)


def open_remote_generation(store: MilvusStore, generation: str) -> Generation:
    """Fetch the small files of a generation, published or not, verify each, and open it.

    Raises:
        Unreachable, Missing: the engine, or the generation, is not there.
        Altered, Damaged: something is not as it was published.
    """
    pieces, cache = ChunkedFiles(store, generation), _cache()
    with ExitStack() as undone:
        undone.callback(shutil.rmtree, cache, ignore_errors=True)
        folder = cache / generation
        manifest = _fetched(pieces, folder)
        verify_files(folder, replace(manifest, files=without_files(manifest, ELSEWHERE)))
        shape = manifest.counts["vectors"], manifest.dimension
        vectors = MilvusVectors(store, generation, shape)
        content = RemoteBytes(pieces, places(_travelling(manifest))[ARTICLES])
        exact = store.compares_all(generation)
        opened = open_generation(folder, manifest, ServedEngine(store, generation, vectors, content, exact))
        undone.pop_all()
    # The mapped files go with the last question that reads them.
    weakref.finalize(vectors, shutil.rmtree, cache, True)
    return opened


def manifest_digest(store: MilvusStore, generation: str) -> str:
    """The SHA-256 of a generation's manifest in the engine."""
    return hashlib.sha256(ChunkedFiles(store, generation).manifest()).hexdigest()


def fetched_manifest(store: MilvusStore, generation: str) -> Manifest:
    """What a generation in the engine is, without opening it."""
    cache = _cache()
    try:
        folder = cache / generation
        folder.mkdir()
        (folder / MANIFEST).write_bytes(ChunkedFiles(store, generation).manifest())
        return read_manifest(folder)
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def fetch_files(pieces: ChunkedFiles, manifest: Manifest, folder: Path, names: Iterable[str]) -> None:
    """Write some files of a generation into a folder. Raises OSError, Altered."""
    lying = places(_travelling(manifest))
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            for content in pieces.read(lying[name]):
                stream.write(content)


def _fetched(pieces: ChunkedFiles, folder: Path) -> Manifest:
    try:
        folder.mkdir()
        (folder / MANIFEST).write_bytes(pieces.manifest())
        manifest = read_manifest(folder)
        fetch_files(pieces, manifest, folder, without_files(manifest, ELSEWHERE))
    except OSError as error:
        fact = f"the files of the index cannot be kept in {folder.parent}: {error.strerror}"
        raise IndexFailure(f"{fact}; set TMPDIR to a folder with room") from error
    return manifest


def _travelling(manifest: Manifest) -> Mapping[str, FileDigest]:
    """The files that an engine has in pieces: the articles, and all that is small."""
    return without_files(manifest, ELSEWHERE - {ARTICLES})


def _cache() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="pullquote-"))
    except OSError as error:
        fact = f"no temporary folder can be made: {error.strerror}"
        raise IndexFailure(f"{fact}; set TMPDIR to a folder that can be written") from error
