"""The vectors of a new generation: those of unchanged text are taken over, the others encoded.

Nowhere are all of them in memory: texts are encoded and written in blocks, and read in blocks again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.building.layout import GenerationPlan
from index.embedding.encoder import Encoder
from index.errors import BuildFailed
from index.generation.generation import Generation
from index.storage.arrays import Vectors
from index.storage.durable_io import Disk

Progress = Callable[[int, int], None]
Digests = NDArray[np.uint8]
Block = tuple[Digests, Vectors]
"""Digests of texts, shape (n, 32), and the vectors of these, shape (n, dimension)."""

_NOT_THERE = -1
_KEY = np.dtype("<u8")


@dataclass(frozen=True, slots=True)
class TextVectors:
    """Where the vector of each text is: in the generation before, at the row in `taken`, or in `encoded`.

    `taken` has shape (texts,) and -1 for what was encoded.
    """

    digests: NDArray[np.uint8]
    dimension: int
    reused_rows: NDArray[np.int64]
    before: Generation | None
    encoded: EmbeddingCheckpoint

    @property
    def shape(self) -> tuple[int, int]:
        """Texts and numbers per vector."""
        return len(self.digests), self.dimension

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The vectors in the order of the texts, at most BLOCK at a time, shape (n, dimension)."""
        for start in range(0, len(self.digests), BLOCK):
            rows = self.reused_rows[start : start + BLOCK]
            vectors = np.empty((len(rows), self.dimension), dtype=np.float32)
            held = rows != _NOT_THERE
            if self.before:
                vectors[held] = self.before.vectors[rows[held]]
            for place in np.flatnonzero(~held).tolist():
                vectors[place] = self.encoded.vector(self.digests[start + place].tobytes())
            yield vectors


def encode_texts(
    contents: GenerationPlan,
    encoder: Encoder,
    before: Generation | None,
    encoded: EmbeddingCheckpoint,
    *,
    progress: Progress | None = None,
) -> tuple[TextVectors, int]:
    """The vectors of all texts, and how many were encoded for it; what `encoded` holds already is not.

    `progress` is called with the texts encoded so far and the texts to encode.

    Raises:
        BuildFailed: the model gives vectors whose length is not 1.
        OSError: a block could not be written.
    """
    taken = _taken(contents.digests, encoder, before)
    missing = np.flatnonzero(taken == _NOT_THERE).tolist()
    new = [row for row in missing if contents.digests[row].tobytes() not in encoded]
    done = 0

    def advance(texts: int) -> None:
        nonlocal done
        done += texts
        if progress:
            progress(done, len(new))

    for start in range(0, len(new), BLOCK):
        rows = new[start : start + BLOCK]
        vectors = encoder.encode([contents.texts[row] for row in rows], progress=advance)
        _check_lengths(vectors, encoder)
        encoded.add(contents.digests[rows], vectors)
    return TextVectors(contents.digests, encoder.dimension, taken, before, encoded), len(new)


def reuse_vectors(
    blocks: Iterable[Block], encoder: Encoder, before: Generation | None, encoded: EmbeddingCheckpoint
) -> None:
    """Put vectors made elsewhere by the same model into `encoded`, but for those that are somewhere already.

    Raises:
        BuildFailed: vectors of another dimension, or whose length is not 1.
        OSError: a block could not be written.
    """
    for digests, vectors in blocks:
        if vectors.shape != (len(digests), encoder.dimension):
            raise BuildFailed(f"vectors of shape {vectors.shape} for {len(digests)} texts of {encoder.name}")
        missing = np.flatnonzero(_taken(digests, encoder, before) == _NOT_THERE).tolist()
        new = [row for row in missing if digests[row].tobytes() not in encoded]
        if new:
            _check_lengths(vectors[new], encoder)
            encoded.add(digests[new], vectors[new])


def _taken(digests: NDArray[np.uint8], encoder: Encoder, before: Generation | None) -> NDArray[np.int64]:
    """The row of each text in the generation before, if that was made by the same model, else -1."""
    if before is None or before.manifest.fingerprint != encoder.fingerprint:
        return np.full(len(digests), _NOT_THERE, dtype=np.int64)
    old, new = _keys(before.digests), _keys(digests)
    order = np.argsort(old)
    place = np.searchsorted(old, new, sorter=order).clip(max=len(old) - 1)
    rows = order[place]
    # Two digests of one key are a matter of chance: the whole of it decides.
    same = (before.digests[rows] == digests).all(axis=1)
    return np.where(same, rows, _NOT_THERE)


def _keys(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first eight bytes of each digest."""
    return np.ascontiguousarray(digests[:, : _KEY.itemsize]).view(_KEY).reshape(-1)


def _check_lengths(vectors: NDArray[np.float32], encoder: Encoder) -> None:
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise BuildFailed(f"the model {encoder.name} gave a vector whose length is not 1; use another model")


PREFIX = "encoded-"
BLOCK = 4096
"""Texts encoded before they are written: what a stopped build loses at most."""

_DIGEST = 32
_FINGERPRINT = 16  # letters of it in the folder's name


class EmbeddingCheckpoint:
    """Vectors by the digest of their text; only the places of the vectors are kept in memory."""

    def __init__(self, data: Path, fingerprint: str, *, dimension: int, disk: Disk) -> None:
        """Read what lies there; nothing is written before `add`."""
        self.folder = data / f"{PREFIX}{fingerprint[:_FINGERPRINT]}"
        self._dimension = dimension
        self._disk = disk
        self._places: dict[bytes, tuple[int, int]] = {}
        self._blocks: list[Path] = []
        self._last: tuple[int, Vectors] = (-1, np.empty((0, dimension), dtype=np.float32))
        for path in sorted(self.folder.glob("[0-9]*")) if self.folder.is_dir() else []:
            self._enter(path)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, digests: Digests, vectors: Vectors) -> None:
        """Write a block and flush it. Raises OSError."""
        if not self.folder.is_dir():
            self._disk.make_folder(self.folder)
            self._disk.sync_folder(self.folder.parent)
        taken = [int(path.name) for path in self.folder.glob("[0-9]*")]
        path = self.folder / f"{max(taken, default=0) + 1:08d}"
        content = digests.tobytes() + np.ascontiguousarray(vectors, dtype=np.float32).tobytes()
        self._disk.write_file(path, hashlib.sha256(content).digest() + content)
        self._disk.sync_folder(self.folder)
        self._remember(path, digests)

    def vector(self, digest: bytes) -> Vectors:
        """The vector of a text, shape (dimension,)."""
        number, row = self._places[digest]
        if self._last[0] != number:
            read = _read(self._blocks[number], self._dimension)
            if read is None:
                raise OSError(None, "a block of vectors was changed", str(self._blocks[number]))
            self._last = number, read[1]
        return np.asarray(self._last[1][row])

    def _enter(self, path: Path) -> None:
        read = _read(path, self._dimension)
        if read:
            self._remember(path, read[0])

    def _remember(self, path: Path, digests: Digests) -> None:
        self._blocks.append(path)
        for row, digest in enumerate(digests):
            self._places.setdefault(digest.tobytes(), (len(self._blocks) - 1, row))


def others(data: Path, keep: Path | None = None) -> Iterator[Path]:
    """Folders of encoded texts in a data folder, but for the one to keep."""
    yield from (folder for folder in data.glob(f"{PREFIX}*") if folder != keep)


def _read(path: Path, dimension: int) -> tuple[Digests, Vectors] | None:
    content = path.read_bytes()
    sealed, rest = content[:_DIGEST], content[_DIGEST:]
    count, left = divmod(len(rest), _DIGEST + 4 * dimension)
    if left or hashlib.sha256(rest).digest() != sealed:
        return None
    digests = np.frombuffer(rest, dtype=np.uint8, count=count * _DIGEST).reshape(count, _DIGEST)
    vectors = np.frombuffer(rest, dtype=np.float32, offset=count * _DIGEST).reshape(count, dimension)
    return digests, vectors
