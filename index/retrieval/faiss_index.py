"""Searches vectors by inner product with FAISS.

flat   compares every vector, copied into memory: exact, no file of its own
ivf    one byte per number, in lists around k-means centroids; compares the lists nearest to the query
pq     the same with one byte for four numbers

FAISS pads missing results with row -1; no -1 leaves this file. `index.retrieval.dense_index` rescores.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import Damaged
from index.retrieval.filter import NO_FILTER_IDS, FilterIds
from index.retrieval.index_type import VECTORS_PER_LIST, Kind, list_count
from index.storage.arrays import Mask, RowIds, StoredVectors, Vectors, release_pages
from index.storage.durable_io import os_error_from_message

FILTERED_OVERPROBE = 4  # times the texts compared without a filter: allowed texts are farther and scattered
RESCORE_FACTOR = {Kind.IVF: 1, Kind.PQ: 4}  # candidates per result: four numbers in a byte are inexact

_BATCH = 1 << 14  # vectors in memory while lists are filled
_SEED = 1234
_LOADING = threading.Lock()  # FAISS's deserialisation limits are global

IndexParameters = Mapping[str, str | int | float]


def _faiss() -> Any:
    """The library, imported on first use; its type hints are incomplete."""
    import faiss

    return faiss


class FlatIndex:
    """Compares every vector; holds them in memory, as they are stored."""

    rescore_factor = 0

    def __init__(self, vectors: StoredVectors) -> None:
        faiss = _faiss()
        half = faiss.ScalarQuantizer.QT_fp16
        self._index = faiss.IndexScalarQuantizer(vectors.shape[1], half, faiss.METRIC_INNER_PRODUCT)
        for _, batch in _batches(vectors):
            self._index.add(batch)

    def release_pages(self) -> None:
        """Nothing is mapped."""

    def search(
        self, query: Vectors, k: int, *, only: Mask | None = None, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """The k nearest rows with their scores, best first; see `VectorSearch.search`."""
        return _search(self._index, query, k, _faiss().SearchParameters(), only)


class IVFIndex:
    """A FAISS index of inverted lists; a search compares the vectors of `nprobe` of them.

    `content` is the mapped file that the lists live in, if they were opened from one.
    """

    def __init__(
        self, index: Any, kind: Kind, nprobe: int, *, content: NDArray[np.uint8] | None = None
    ) -> None:
        """Raises `ValueError` if a list contains a row that the index does not count."""
        self.nprobe = nprobe
        self.rescore_factor = RESCORE_FACTOR[kind]
        self.list_count = int(index.nlist)
        self._index = index
        self._content = content
        self._list_of = _list_of(index)

    def probes(self, query: Vectors, only: Mask | None) -> int:
        """How many lists a search compares if only these rows are allowed.

        Enough, nearest first, to contain `FILTERED_OVERPROBE` times the rows of `nprobe` average lists: if
        the near rows are not allowed, the search continues until it has compared enough allowed ones.
        """
        if only is None:
            return self.nprobe
        allowed = np.bincount(self._list_of[: len(only)][only], minlength=self.list_count)
        _, order = self._index.quantizer.search(query[None, :], self.list_count)
        enough = FILTERED_OVERPROBE * self.nprobe * int(self._index.ntotal) / self.list_count
        return min(self.list_count, 1 + int(np.searchsorted(np.cumsum(allowed[order[0]]), enough)))

    def search(
        self, query: Vectors, k: int, *, only: Mask | None = None, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """About the k nearest rows; see `VectorSearch.search`. A narrow filter probes more lists."""
        parameters = _faiss().SearchParametersIVF(nprobe=self.probes(query, only))
        return _search(self._index, query, k, parameters, only)

    def release_pages(self) -> None:
        """Release the memory of mapped lists; they are read again when used."""
        release_pages(self._content)

    def write(self, file: Path) -> None:
        """Write the index, without a flush to disk. Raises `OSError`."""
        faiss = _faiss()
        try:
            faiss.write_index(self._index, str(file))
        except RuntimeError as error:  # FAISS reports the disk's errors without their numbers
            raise os_error_from_message(str(error), file) from error


def _search(index: Any, query: Vectors, k: int, parameters: Any, only: Mask | None) -> tuple[RowIds, Vectors]:
    if only is not None:
        bits = np.packbits(only, bitorder="little")
        selector = _faiss().IDSelectorBitmap(bits)  # lives, like the bits, until the search is over
        parameters.sel = selector
    scores, rows = index.search(query[None, :], k, params=parameters)
    return rows[0][rows[0] >= 0], scores[0][rows[0] >= 0]


def build_ivf_index(vectors: StoredVectors, kind: Kind) -> IVFIndex:
    """An index of these vectors, trained on a sample of them and filled in batches."""
    index = _empty(kind, vectors.shape[1], list_count(len(vectors)))
    index.train(_sample(vectors, index.nlist))
    for start, batch in _batches(vectors):
        index.add_with_ids(batch, np.arange(start, start + len(batch), dtype=np.int64))
    return IVFIndex(index, kind, 1)


def open_ivf_index(file: Path, parameters: IndexParameters, shape: tuple[int, ...]) -> IVFIndex:
    """Open an index that must contain vectors of this shape; lists stay on disk until used.

    Raises Damaged: unreadable, or of another class, size, dimension or metric.
    """
    faiss = _faiss()
    count, dimension = shape
    kind, lists = Kind(str(parameters["kind"])), int(parameters["lists"])
    expected = _shape(_empty(kind, dimension, lists))
    *_, code_size, _ = expected
    longest = max(4 * dimension * max(lists, 256), count * max(code_size, 8))
    try:
        content = np.memmap(file, mode="r", dtype=np.uint8)
        with _limits(longest, loops=4 * lists):
            reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(content), len(content))
            index = faiss.read_index(reader, faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE)
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise Damaged(file, "not an index of the expected size") from error
    found = _shape(index)
    if found != expected or index.ntotal != count or not index.is_trained:
        raise Damaged(file, f"expected {expected} of {count}, found {found} of {index.ntotal}")
    _check_lists(file, index, count=count)
    try:
        nprobe = int(parameters["nprobe"])
        return IVFIndex(index, kind, nprobe, content=content)
    except ValueError as error:
        raise Damaged(file, str(error)) from error


def _check_lists(file: Path, index: Any, *, count: int) -> None:
    """Checks the classes and sizes of centroids and lists."""
    faiss = _faiss()
    inverted, centroids = faiss.downcast_InvertedLists(index.invlists), faiss.downcast_index(index.quantizer)
    classes = type(inverted).__name__, type(centroids).__name__
    sizes = centroids.ntotal, centroids.d, inverted.nlist
    if (*classes, *sizes) != ("ArrayInvertedLists", "IndexFlatIP", index.nlist, index.d, index.nlist):
        raise Damaged(file, f"unexpected lists: {(*classes, *sizes)}")
    if inverted.compute_ntotal() != count:
        raise Damaged(file, f"its lists contain {inverted.compute_ntotal()} vectors of {count}")


def _list_of(index: Any) -> NDArray[np.uint16]:
    """The list of each vector, by row."""
    faiss = _faiss()
    inverted = faiss.downcast_InvertedLists(index.invlists)
    numbers = np.zeros(index.ntotal, dtype=np.uint16)
    for number in range(index.nlist):
        size = inverted.list_size(number)
        if size:
            rows = faiss.rev_swig_ptr(inverted.get_ids(number), size)
            if rows.min() < 0 or rows.max() >= len(numbers):
                raise ValueError(f"list {number} contains a row outside 0..{len(numbers) - 1}")
            numbers[rows] = number
    return numbers


def _empty(kind: Kind, dimension: int, lists: int) -> Any:
    faiss = _faiss()
    centroids, metric = faiss.IndexFlatIP(dimension), faiss.METRIC_INNER_PRODUCT
    if kind is Kind.IVF:
        one_byte = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(centroids, dimension, lists, one_byte, metric)
    else:
        parts = next(parts for parts in (dimension // 4, dimension // 2, dimension) if dimension % parts == 0)
        index = faiss.IndexIVFPQ(centroids, dimension, lists, parts, 8, metric)
        index.pq.cp.seed, index.pq.cp.min_points_per_centroid = _SEED, 1
    index.cp.spherical, index.cp.seed = True, _SEED
    return index


def _shape(index: Any) -> tuple[str, int, int, int, int]:
    """Class, numbers per vector, lists, bytes per vector, and metric."""
    lists, code_size = getattr(index, "nlist", 0), getattr(index, "code_size", 0)
    return type(index).__name__, index.d, lists, code_size, index.metric_type


def _batches(vectors: StoredVectors) -> Iterator[tuple[int, Vectors]]:
    """The first row of each batch, and its vectors: a mapped file is never in memory whole."""
    for start in range(0, len(vectors), _BATCH):
        yield start, vectors[start : start + _BATCH].astype(np.float32)
        release_pages(vectors)


def _sample(vectors: StoredVectors, lists: int) -> Vectors:
    """A bounded random sample, in order of row: reading in order is fast."""
    size = VECTORS_PER_LIST * max(lists, 256)
    if len(vectors) <= size:
        return vectors.astype(np.float32)
    rows = np.random.default_rng(_SEED).choice(len(vectors), size, replace=False)
    return vectors[np.sort(rows)].astype(np.float32)


@contextmanager
def _limits(vector_bytes: int, *, loops: int) -> Iterator[None]:
    """Limits the allocations and loops of FAISS's deserialisation, whatever a damaged header asks for."""
    faiss = _faiss()
    with _LOADING:
        before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
        faiss.set_deserialization_vector_byte_limit(vector_bytes + 4)  # the limit is exclusive, in floats
        faiss.set_deserialization_loop_limit(loops)
        try:
            yield
        finally:
            faiss.set_deserialization_vector_byte_limit(before[0])
            faiss.set_deserialization_loop_limit(before[1])
