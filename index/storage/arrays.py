"""Reads and writes NPY arrays, never pickles; long ones are mapped into memory.

A mapped array costs memory only for the pages that were touched, but keeps those: read all of it with `scan`,
and after a few rows call `release_pages`.
"""

from __future__ import annotations

import hashlib
import io
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from index.errors import Damaged

Vectors = NDArray[np.float32]
"""Vectors, shape (n, dimension), or one of them, shape (dimension,)."""
STORED = np.float16
StoredVectors = NDArray[np.float16]
"""Vectors as they are stored: rounded, a cosine moves by .0001 at most."""
Scores = NDArray[np.float64]
RowIds = NDArray[np.int64]
Int32Rows = NDArray[np.int32]
"""Rows as they are stored: spans, and positions of texts."""
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Raised by numpy for a file that is not an array: it parses the header as Python.
_NOT_AN_ARRAY = (ValueError, EOFError, SyntaxError, TokenError)
BLOCK = 1 << 25  # bytes in memory at once while a long array is read


def text_digest(text: str) -> bytes:
    """The SHA-256 of a text in UTF-8, 32 bytes; a lone surrogate counts as "?"."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def array_bytes(array: NDArray[Any]) -> bytes:
    """An array in NPY format; `read_array` reads it back."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def array_header(shape: Sequence[int], dtype: DTypeLike) -> bytes:
    """The NPY header, which precedes the numbers of an array."""
    stream = io.BytesIO()
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def read_array(
    path: Path, *, dtype: DTypeLike, shape: Sequence[int | None], mapped: bool = False
) -> NDArray[Any]:
    """Read an array of this type and shape (None: any size); `mapped` leaves it on disk until it is used.

    Raises Damaged: not an NPY file, or another type or shape.
    """
    lazily = mapped and 0 not in shape  # an empty file cannot be mapped
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if lazily else None, allow_pickle=False)
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error
    except _NOT_AN_ARRAY as error:
        raise Damaged(path, "not an array") from error
    same_shape = array.ndim == len(shape) and all(
        size in (None, actual) for size, actual in zip(shape, array.shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not same_shape:
        expected = f"expected {np.dtype(dtype)} {tuple(shape)}"
        raise Damaged(path, f"{expected}, found {array.dtype} {array.shape}")
    array.flags.writeable = False
    return np.asarray(array)  # each slice of a memmap is a memmap again, which costs microseconds


def read_rows(path: Path, count: int, *, below: int) -> NDArray[np.int32]:
    """Read `count` row numbers, each in 0..below - 1, mapped. Raises Damaged."""
    rows: NDArray[np.int32] = read_array(path, dtype=np.int32, shape=(count,), mapped=True)
    if not all(block.min() >= 0 and block.max() < below for block in scan(rows)):
        raise Damaged(path, f"a row outside 0..{below - 1}")
    return rows


def read_starts(path: Path, count: int) -> RowIds:
    """Read where each of `count` parts of another array begins, and where the last ends, mapped.

    Raises Damaged: not ascending from 0.
    """
    starts: RowIds = read_array(path, dtype=np.int64, shape=(count + 1,), mapped=True)
    if starts[0] != 0 or any((np.diff(block) < 0).any() for block in scan(starts, overlap=1)):
        raise Damaged(path, "starts out of order")
    return starts


def concatenate_ranges(first: RowIds, last: RowIds) -> RowIds:
    """The numbers of half-open ranges one after another: 3..5 and 9..10 -> 3 4 9."""
    lengths = last - first
    before = np.cumsum(lengths) - lengths
    return np.repeat(first - before, lengths) + np.arange(int(lengths.sum()))


def scan(array: NDArray[Any], *, overlap: int = 0) -> Iterator[NDArray[Any]]:
    """The rows in blocks of `BLOCK` bytes; each begins with the last `overlap` rows of the one before."""
    rows = max(1, BLOCK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        yield array[max(0, start - overlap) : start + rows]
        release_pages(array)


def release_pages(array: object) -> None:
    """Release the memory of a mapped array's pages, which are read again when used; else do nothing."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap):
        owner.madvise(mmap.MADV_DONTNEED)
