"""Texts by their vectors, found by inner product: the one file that knows FAISS.

flat   every vector is compared where it lies on disk, and nothing is approximated; there is no file
ivf    one byte a number, in lists around k-means centres; the lists nearest to the query are compared
pq     the same with one byte for four numbers

FAISS fills missing results with row -1; no -1 leaves this file. What is found is compared again by
`index.retrieval.dense_index`, which knows the vectors.
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
from index.retrieval.index_type import LEAST_PER_LIST, Kind, lists_for
from index.storage.arrays import Mask, RowIds, Vectors, release_pages
from index.storage.durable_io import os_error_from_message

FILTERED_OVERPROBE = (
    4  # times the texts seen without a filter: what is allowed lies further off, and more scattered
)
RESCORE_FACTOR = {
    Kind.IVF: 1,
    Kind.PQ: 4,
}  # texts compared again, per text wanted: four numbers in a byte blur

_ADDED = 1 << 14  # vectors in memory at once while lists are filled
_SEED = 1234
_LOADING = threading.Lock()  # the limits of deserialization are global to FAISS

IndexParameters = Mapping[str, str | int | float]


def _faiss() -> Any:
    """The library, loaded when first used; its own type hints know only half of it."""
    import faiss

    return faiss


class FlatIndex:
    """Every text is compared, in the memory-mapped vectors themselves."""

    rescore_factor = 0

    def release_pages(self) -> None:
        """Nothing is held but the vectors, which are their owner's."""

    def __init__(self, vectors: Vectors, texts: NDArray[np.int32]) -> None:
        self._first = int(texts[0]) if len(texts) else 0
        self._vectors = vectors[self._first : int(texts[-1]) + 1 if len(texts) else 0]
        held = np.zeros(len(self._vectors), dtype=bool)
        held[texts - self._first] = True
        self._bits = np.packbits(held, bitorder="little")

    def search(
        self, query: Vectors, k: int, *, only: Mask | None = None, marks: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """The k nearest texts as (rows, scores), best first; of those alone that are true in `only`."""
        faiss = _faiss()
        # Also where nothing is left out: without a selector FAISS is three times slower here.
        bits = self._bits if only is None else np.packbits(only[self._first :], bitorder="little")
        selector = faiss.IDSelectorBitmap(bits)
        scores, found = np.empty(k, dtype=np.float32), np.empty(k, dtype=np.int64)
        told = map(faiss.swig_ptr, (query, self._vectors))
        sizes = self._vectors.shape[1], 1, len(self._vectors), k
        faiss.knn_inner_product(*told, *sizes, faiss.swig_ptr(scores), faiss.swig_ptr(found), selector)
        return found[found >= 0] + self._first, scores[found >= 0]


class IVFIndex:
    """A FAISS index of lists of texts, and how many of them a search looks into."""

    def __init__(self, index: Any, kind: Kind, nprobe: int, *, texts: int) -> None:
        self._index = index
        self._content = np.zeros(0, dtype=np.uint8)
        self._kind = kind
        self._list_of = _list_of(index, texts)
        self.nprobe = nprobe

    @property
    def rescore_factor(self) -> int:
        """Texts to compare again for each that is wanted."""
        return RESCORE_FACTOR[self._kind]

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return int(self._index.nlist)

    def probes(self, query: Vectors, only: Mask | None) -> int:
        """How many lists are looked into for texts of which only these are allowed.

        So many, nearest first, that they hold `FILTERED_OVERPROBE` times the allowed texts which that number of whole lists
        would: where what is near is not allowed, the search goes on until it has seen enough of what is.
        """
        if only is None:
            return self.nprobe
        counts = np.bincount(self._list_of[: len(only)][only], minlength=self.lists)
        _, order = self._index.quantizer.search(query[None, :], self.lists)
        wanted = FILTERED_OVERPROBE * self.nprobe * int(self._index.ntotal) / self.lists
        return min(self.lists, 1 + int(np.searchsorted(np.cumsum(counts[order[0]]), wanted)))

    def search(
        self, query: Vectors, k: int, *, only: Mask | None = None, marks: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """About the k nearest texts, see `Flat.search`. The fewer are allowed, the more lists it takes."""
        faiss = _faiss()
        told = faiss.SearchParametersIVF(nprobe=self.probes(query, only))
        if only is not None:
            bits = np.packbits(only, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
            told.sel = selector
        scores, found = self._index.search(query[None, :], k, params=told)
        return found[0][found[0] >= 0], scores[0][found[0] >= 0]

    def keep_mapping(self, content: NDArray[np.uint8]) -> IVFIndex:
        """Keep the mapped file that the lists were opened in; returns itself."""
        self._content = content
        return self

    def release_pages(self) -> None:
        """Give back the memory of the lists looked into; they are read again when used."""
        release_pages(self._content)

    def write(self, file: Path) -> None:
        """Write the index; nothing is flushed to the disk here. Raises `OSError`."""
        faiss = _faiss()
        try:
            faiss.write_index(self._index, str(file))
        except RuntimeError as error:  # FAISS reports the disk's errors without their numbers
            raise os_error_from_message(str(error), file) from error


def make_lists(vectors: Vectors, texts: NDArray[np.int32], kind: Kind) -> IVFIndex:
    """Lists of these texts, learnt from a sample of them and filled a few thousand at a time."""
    index = _empty(kind, vectors.shape[1], lists_for(len(texts)))
    index.train(np.concatenate([part for _, part in _read(vectors, _learnt_from(texts, index.nlist))]))
    for block, part in _read(vectors, texts):
        index.add_with_ids(part, block.astype(np.int64))
    return IVFIndex(index, kind, 1, texts=int(texts[-1]) + 1)


def open_lists(file: Path, facts: IndexParameters, texts: NDArray[np.int32], *, dimension: int) -> IVFIndex:
    """Open lists that must hold these texts of `dimension` numbers; they stay on disk until looked into.

    Raises:
        Damaged: unreadable, or of another class, size, dimension or metric.
    """
    faiss = _faiss()
    kind, lists, nprobe = Kind(str(facts["kind"])), int(facts["lists"]), int(facts["nprobe"])
    expected = _shape(_empty(kind, dimension, lists))
    *_, code, _ = expected
    longest = max(4 * dimension * max(lists, 256), len(texts) * max(code, 8))
    try:
        content = np.memmap(file, mode="r", dtype=np.uint8)
        with _limits(longest, loops=4 * lists):
            reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(content), len(content))
            index = faiss.read_index(reader, faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE)
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise Damaged(file, "not an index of the expected size") from error
    found = _shape(index)
    if found != expected or index.ntotal != len(texts) or not index.is_trained:
        raise Damaged(file, f"expected {expected} of {len(texts)}, found {found} of {index.ntotal}")
    _check_lists(file, index, count=len(texts))
    try:
        return IVFIndex(index, kind, nprobe, texts=int(texts[-1]) + 1).keep_mapping(content)
    except ValueError as error:
        raise Damaged(file, str(error)) from error


def _check_lists(file: Path, index: Any, *, count: int) -> None:
    """The centres are what they should be, and the lists hold as many texts as the index says."""
    faiss = _faiss()
    inverted, centres = faiss.downcast_InvertedLists(index.invlists), faiss.downcast_index(index.quantizer)
    found = type(inverted).__name__, type(centres).__name__, centres.ntotal, centres.d, inverted.nlist
    if found != ("ArrayInvertedLists", "IndexFlatIP", index.nlist, index.d, index.nlist):
        raise Damaged(file, f"unexpected lists: {found}")
    if inverted.compute_ntotal() != count:
        raise Damaged(file, f"its lists hold {inverted.compute_ntotal()} texts of {count}")


def _list_of(index: Any, texts: int) -> NDArray[np.uint16]:
    """The list of each of so many texts, by row. Raises `ValueError` for a list that holds another."""
    faiss = _faiss()
    inverted = faiss.downcast_InvertedLists(index.invlists)
    found = np.zeros(texts, dtype=np.uint16)
    for number in range(index.nlist):
        size = inverted.list_size(number)
        if size:
            rows = faiss.rev_swig_ptr(inverted.get_ids(number), size)
            if rows.min() < 0 or rows.max() >= texts:
                raise ValueError(f"list {number} holds a text outside 0..{texts - 1}")
            found[rows] = number
    return found


def _empty(kind: Kind, dimension: int, lists: int) -> Any:
    faiss = _faiss()
    centres, metric = faiss.IndexFlatIP(dimension), faiss.METRIC_INNER_PRODUCT
    if kind is Kind.IVF:
        eight = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(centres, dimension, lists, eight, metric)
    else:
        parts = next(parts for parts in (dimension // 4, dimension // 2, dimension) if dimension % parts == 0)
        index = faiss.IndexIVFPQ(centres, dimension, lists, parts, 8, metric)
        index.pq.cp.seed, index.pq.cp.min_points_per_centroid = _SEED, 1
    index.cp.spherical, index.cp.seed = True, _SEED
    return index


def _shape(index: Any) -> tuple[str, int, int, int, int]:
    """Class, numbers a vector, lists, bytes a text, and metric."""
    return (
        type(index).__name__,
        index.d,
        getattr(index, "nlist", 0),
        getattr(index, "code_size", 0),
        index.metric_type,
    )


def _read(vectors: Vectors, rows: NDArray[np.int32]) -> Iterator[tuple[NDArray[np.int32], Vectors]]:
    """Rows and their vectors, a few thousand at a time: a mapped file never lies in memory whole."""
    for start in range(0, len(rows), _ADDED):
        block = rows[start : start + _ADDED]
        yield block, vectors[block]
        release_pages(vectors)


def _learnt_from(texts: NDArray[np.int32], lists: int) -> NDArray[np.int32]:
    """A bounded sample, ascending: what is read in order is read fast."""
    wanted = max(LEAST_PER_LIST * lists, LEAST_PER_LIST * 256)
    if len(texts) <= wanted:
        return texts
    return np.sort(np.random.default_rng(_SEED).choice(texts, wanted, replace=False))


@contextmanager
def _limits(vector_bytes: int, *, loops: int) -> Iterator[None]:
    """Hold FAISS to vectors of so many bytes and so many turns: a wrong header cannot ask for more."""
    faiss = _faiss()
    with _LOADING:
        before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
        faiss.set_deserialization_vector_byte_limit(vector_bytes + 4)  # FAISS asks for less than, in floats
        faiss.set_deserialization_loop_limit(loops)
        try:
            yield
        finally:
            faiss.set_deserialization_vector_byte_limit(before[0])
            faiss.set_deserialization_loop_limit(before[1])
