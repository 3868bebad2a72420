"""Opens a generation of an engine: vectors stay in Milvus, all other files are copied and verified.

Answers are those of a data folder: Milvus proposes sentences, `index.retrieval.dense_index` computes their
scores again from the vectors. The copies lie in a temporary folder that is removed with the generation.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from index.engine.collections import MilvusStore
from index.engine.files import GenerationFiles
from index.errors import IndexFailure
from index.generation.files import MANIFEST
from index.generation.generation import Generation, open_generation
from index.generation.manifest import Manifest, read_manifest
from index.retrieval.filter import NO_FILTER_IDS, FilterIds
from index.storage.arrays import STORED, Mask, RowIds, Vectors, array_header
from index.storage.lru import LruCache

ANY = -1
"""Filter id in place of too many, as of authors: Milvus finds the article under all, `only` sorts it out."""

_CACHED = 20_000  # vectors: 30 MB of 384 numbers each
_MAX_HITS = 16_384  # of one search in Milvus
_BLOCK = 2_000  # vectors in memory at once: 3 MB of 384 numbers each


class MilvusVectors:
    """Vectors by row, fetched on use; see `RemoteVectors`. Safe to share between threads."""

    def __init__(self, store: MilvusStore, generation: str, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._store = store
        self._generation = generation
        self._cache: LruCache[int, Vectors] = LruCache(_CACHED)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes of all vectors."""
        return 4 * self.shape[0] * self.shape[1]

    def __getitem__(self, rows: Any) -> Any:
        """Vectors of some rows, or of one. Raises Unreachable, Altered."""
        ids = np.atleast_1d(np.asarray(rows)).astype(np.int64).tolist()
        vectors = self._cache.get_many(ids)
        missing = [row for row in dict.fromkeys(ids) if row not in vectors]
        if missing:
            fetched = self._store.vectors(self._generation, np.array(missing, dtype=np.int64))
            new = dict(zip(missing, fetched, strict=True))
            self._cache.update(new)
            vectors |= new
        if np.ndim(rows) == 0:
            return vectors[int(rows)]
        if not ids:
            return np.empty((0, self.shape[1]), dtype=np.float32)
        return np.stack([vectors[row] for row in ids])

    def search_index(self) -> MilvusVectorSearch:
        """The search among them."""
        return MilvusVectorSearch(self._store, self._generation, exact=self._store.is_exact(self._generation))


class MilvusVectorSearch:
    """Finds sentences in Milvus; see `VectorSearch`."""

    def __init__(self, store: MilvusStore, generation: str, *, exact: bool = False) -> None:
        self.rescore_factor = 0 if exact else 1
        self._store = store
        self._generation = generation

    def release_pages(self) -> None:
        """Nothing is mapped."""

    def search(
        self, query: Vectors, k: int, *, only: Mask | None = None, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """About the k nearest sentences; `only` drops those found by `ANY`."""
        where = {field: [*ids, ANY] for field, ids in filter_ids.items()}
        hits = self._store.nearest(self._generation, query, min(k, _MAX_HITS), where)
        rows = np.array([row for row, _ in hits], dtype=np.int64)
        scores = np.array([score for _, score in hits], dtype=np.float32)
        if only is None:
            return rows, scores
        inside = rows < len(only)
        inside[inside] = only[rows[inside]]
        return rows[inside], scores[inside]


def open_remote_generation(store: MilvusStore, generation: str) -> Generation:
    """Copy the files of a generation, published or not, verify and open them.

    Raises:
        Unreachable, FilesUnreachable, Missing: the engine, its files or the generation is not there.
        Altered, Damaged: something differs from what was published.
    """
    with ExitStack() as on_error:
        cache = _temporary_folder()
        on_error.callback(shutil.rmtree, cache, ignore_errors=True)
        folder = cache / generation
        try:
            manifest = GenerationFiles(store.address, generation).download(folder)
        except OSError as error:
            fact = f"the files of the index cannot be copied to {cache}: {error.strerror}"
            raise IndexFailure(f"{fact}; set TMPDIR to a folder with room") from error
        shape = manifest.counts["sentences"], manifest.dimension
        vectors = MilvusVectors(store, generation, shape)
        opened = open_generation(folder, manifest, vectors)
        on_error.pop_all()
    # A question that still reads the mapped files holds the vectors too.
    weakref.finalize(vectors, shutil.rmtree, cache, True)
    return opened


def remote_manifest(store: MilvusStore, generation: str) -> Manifest:
    """The manifest of a generation, without opening it."""
    cache = _temporary_folder()
    try:
        folder = cache / generation
        folder.mkdir()
        (folder / MANIFEST).write_bytes(GenerationFiles(store.address, generation).manifest())
        return read_manifest(folder)
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def vector_file(store: MilvusStore, manifest: Manifest) -> Iterator[bytes]:
    """The bytes of vectors.npy, block by block."""
    count = manifest.counts["sentences"]
    blocks = (np.arange(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))
    header = array_header((count, manifest.dimension), STORED)
    return chain(
        [header], (store.vectors(manifest.generation, ids).astype(STORED).tobytes() for ids in blocks)
    )


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="pullquote-"))
    except OSError as error:
        fact = f"no temporary folder can be created: {error.strerror}"
        raise IndexFailure(f"{fact}; set TMPDIR to a writable folder") from error
