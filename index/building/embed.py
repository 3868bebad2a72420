"""Makes the vectors of a new generation: reuses those of unchanged text and encodes the others.

Texts are encoded, written and read in blocks, so that the vectors are never all in memory.
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
from index.storage.arrays import RowIds, Vectors
from index.storage.durable_io import Disk

Progress = Callable[[int, int], None]
Digests = NDArray[np.uint8]
Block = tuple[Digests, Vectors]
"""Digests of texts, shape (n, 32), and the vectors of these, shape (n, dimension)."""

_NEW = -1
_KEY = np.dtype("<u8")


@dataclass(frozen=True, slots=True)
class TextVectors:
    """The vector of each text: at its row in `before`, or in `checkpoint` where `reused_rows` is -1."""

    digests: Digests
    dimension: int
    reused_rows: RowIds
    before: Generation | None
    checkpoint: EmbeddingCheckpoint

    @property
    def shape(self) -> tuple[int, int]:
        """Texts and numbers per vector."""
        return len(self.digests), self.dimension

    def blocks(self) -> Iterator[Vectors]:
        """The vectors in the order of the texts, at most BLOCK at a time, shape (n, dimension)."""
        for start in range(0, len(self.digests), BLOCK):
            rows = self.reused_rows[start : start + BLOCK]
            vectors = np.empty((len(rows), self.dimension), dtype=np.float32)
            reused = rows != _NEW
            if self.before:
                vectors[reused] = self.before.vectors[rows[reused]]
            for row in np.flatnonzero(~reused).tolist():
                vectors[row] = self.checkpoint.vector(self.digests[start + row].tobytes())
            yield vectors


def encode_texts(
    contents: GenerationPlan,
    encoder: Encoder,
    before: Generation | None,
    checkpoint: EmbeddingCheckpoint,
    *,
    progress: Progress | None = None,
) -> tuple[TextVectors, int]:
    """The vectors of all texts, and how many of them were encoded: those in `checkpoint` are reused.

    `progress` is called with the texts encoded so far and the texts to encode.

    Raises:
        BuildFailed: the model gives vectors whose length is not 1.
        OSError: a block could not be written.
    """
    digests, done = contents.digests, 0
    reused = _reused_rows(digests, encoder, before)
    new = checkpoint.missing(digests, reused)

    def advance(texts: int) -> None:
        nonlocal done
        done += texts
        if progress:
            progress(done, len(new))

    for start in range(0, len(new), BLOCK):
        rows = new[start : start + BLOCK]
        vectors = encoder.encode([contents.texts[row] for row in rows], progress=advance)
        _check_lengths(vectors, encoder)
        checkpoint.add(digests[rows], vectors)
    return TextVectors(digests, encoder.dimension, reused, before, checkpoint), len(new)


def reuse_vectors(
    blocks: Iterable[Block], encoder: Encoder, before: Generation | None, checkpoint: EmbeddingCheckpoint
) -> None:
    """Add vectors made elsewhere by the same model to the checkpoint, unless `before` has them.

    Raises:
        BuildFailed: vectors of another dimension, or whose length is not 1.
        OSError: a block could not be written.
    """
    for digests, vectors in blocks:
        if vectors.shape != (len(digests), encoder.dimension):
            raise BuildFailed(f"vectors of shape {vectors.shape} for {len(digests)} texts of {encoder.name}")
        if new := checkpoint.missing(digests, _reused_rows(digests, encoder, before)):
            _check_lengths(vectors[new], encoder)
            checkpoint.add(digests[new], vectors[new])


def _reused_rows(digests: Digests, encoder: Encoder, before: Generation | None) -> RowIds:
    """The row of each text in `before` if the same model made it, else -1."""
    if before is None or before.manifest.fingerprint != encoder.fingerprint:
        return np.full(len(digests), _NEW, dtype=np.int64)
    old, new = _keys(before.digests), _keys(digests)
    order = np.argsort(old)
    rows = order[np.searchsorted(old, new, sorter=order).clip(max=len(old) - 1)]
    # Two digests may share a key, so whole digests are compared.
    same = (before.digests[rows] == digests).all(axis=1)
    return np.where(same, rows, _NEW)


def _keys(digests: Digests) -> NDArray[np.uint64]:
    """The first eight bytes of each digest."""
    return np.ascontiguousarray(digests[:, : _KEY.itemsize]).view(_KEY).reshape(-1)


def _check_lengths(vectors: Vectors, encoder: Encoder) -> None:
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise BuildFailed(f"the model {encoder.name} gave a vector whose length is not 1; use another model")


PREFIX = "encoded-"
BLOCK = 4096
"""Texts encoded between two writes: the most that a stopped build loses."""

_DIGEST = 32
_FINGERPRINT = 16  # letters of it in the folder's name


class EmbeddingCheckpoint:
    """Vectors on disk by the digest of their text; only their positions are in memory."""

    def __init__(self, data: Path, fingerprint: str, *, dimension: int, disk: Disk) -> None:
        """Read the existing blocks; nothing is written before `add`."""
        self.folder = data / f"{PREFIX}{fingerprint[:_FINGERPRINT]}"
        self._dimension = dimension
        self._disk = disk
        self._positions: dict[bytes, tuple[int, int]] = {}
        self._blocks: list[Path] = []
        self._last: tuple[int, Vectors] = (-1, np.empty((0, dimension), dtype=np.float32))
        for path in sorted(self.folder.glob("[0-9]*")):
            if read := _read(path, dimension):
                self._remember(path, read[0])

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    def missing(self, digests: Digests, reused_rows: RowIds) -> list[int]:
        """Positions of the texts that are neither reused nor here."""
        new = np.flatnonzero(reused_rows == _NEW).tolist()
        return [position for position in new if digests[position].tobytes() not in self._positions]

    def add(self, digests: Digests, vectors: Vectors) -> None:
        """Write a block and flush it. Raises OSError."""
        if not self.folder.is_dir():
            self._disk.make_folder(self.folder)
            self._disk.sync_folder(self.folder.parent)
        numbers = [int(path.name) for path in self.folder.glob("[0-9]*")]
        path = self.folder / f"{max(numbers, default=0) + 1:08d}"
        content = digests.tobytes() + np.ascontiguousarray(vectors, dtype=np.float32).tobytes()
        self._disk.write_file(path, hashlib.sha256(content).digest() + content)
        self._disk.sync_folder(self.folder)
        self._remember(path, digests)

    def vector(self, digest: bytes) -> Vectors:
        """The vector of a text, shape (dimension,)."""
        number, row = self._positions[digest]
        if self._last[0] != number:
            read = _read(self._blocks[number], self._dimension)
            if read is None:
                raise OSError(None, "a block of vectors was changed", str(self._blocks[number]))
            self._last = number, read[1]
        return np.asarray(self._last[1][row])

    def _remember(self, path: Path, digests: Digests) -> None:
        self._blocks.append(path)
        for row, digest in enumerate(digests):
            self._positions.setdefault(digest.tobytes(), (len(self._blocks) - 1, row))


def checkpoint_folders(data: Path, but: Path | None = None) -> Iterator[Path]:
    """Checkpoint folders in a data folder, except `but`."""
    yield from (folder for folder in data.glob(f"{PREFIX}*") if folder != but)


def _read(path: Path, dimension: int) -> tuple[Digests, Vectors] | None:
    content = path.read_bytes()
    seal, body = content[:_DIGEST], content[_DIGEST:]
    count, remainder = divmod(len(body), _DIGEST + 4 * dimension)
    if remainder or hashlib.sha256(body).digest() != seal:
        return None
    digests = np.frombuffer(body, dtype=np.uint8, count=count * _DIGEST).reshape(count, _DIGEST)
    vectors = np.frombuffer(body, dtype=np.float32, offset=count * _DIGEST).reshape(count, dimension)
    return digests, vectors
