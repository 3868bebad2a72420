"""Encodes the passages of a new generation, and reuses what was made of unchanged ones.

Passages are encoded, written and read in blocks, so that the vectors are never all in memory.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.building.layout import TOKEN_VECTORS, GenerationPlan
from index.embedding.encoder import EncodedPassages, Encoder
from index.errors import BuildFailed
from index.generation.generation import Generation
from index.storage.arrays import RowIds, Vectors
from index.storage.durable_io import Disk

Progress = Callable[[int, int], None]
Digests = NDArray[np.uint8]
Block = tuple[Digests, EncodedPassages]
"""Digests of passages, shape (n, 32), and what an encoder made of these."""

_NEW = -1
_KEY = np.dtype("<u8")


@dataclass(frozen=True, slots=True)
class EncodedPlan:
    """What was made of each passage: at its row in `before`, or in `checkpoint` where `reused_rows` is -1."""

    digests: Digests
    reused_rows: RowIds
    before: Generation | None
    checkpoint: EmbeddingCheckpoint
    token_vectors: bool

    def blocks(self) -> Iterator[EncodedPassages]:
        """In order of the passages, at most BLOCK at a time."""
        for start in range(0, len(self.digests), BLOCK):
            rows = self.reused_rows[start : start + BLOCK]
            new, reused = np.flatnonzero(rows == _NEW), np.flatnonzero(rows != _NEW)
            parts = [self.checkpoint.read([self.digests[start + row].tobytes() for row in new.tolist()])]
            if self.before:
                parts.append(self.before.encoded(rows[reused]))
            block = EncodedPassages.join(parts).take(np.argsort(np.concatenate([new, reused])))
            yield block if self.token_vectors else block.without_tokens()


def encode_passages(
    contents: GenerationPlan,
    encoder: Encoder,
    before: Generation | None,
    checkpoint: EmbeddingCheckpoint,
    *,
    progress: Progress | None = None,
) -> tuple[EncodedPlan, int]:
    """All passages, and how many of them were encoded: those in `checkpoint` are reused.

    `progress` is called with the passages encoded so far and the passages to encode.

    Raises:
        BuildFailed: the model gives vectors whose length is not 1.
        OSError: a block could not be written.
    """
    digests, done = contents.digests, 0
    token_vectors = contents.plan.token_vectors
    reused = _reused_rows(digests, encoder, before, token_vectors=token_vectors)
    new = checkpoint.missing(digests, reused)

    def advance(passages: int) -> None:
        nonlocal done
        done += passages
        if progress:
            progress(done, len(new))

    new_rows = frozenset(new)
    texts = ((row, text) for row, text in enumerate(contents.passage_texts()) if row in new_rows)
    while block := list(islice(texts, BLOCK)):
        encoded = encoder.encode_passages([text for _, text in block], progress=advance)
        _check_lengths(encoded.vectors, encoder)
        checkpoint.add(digests[[row for row, _ in block]], encoded)
    return EncodedPlan(digests, reused, before, checkpoint, token_vectors), len(new)


def reuse_passages(
    blocks: Iterable[Block],
    encoder: Encoder,
    before: Generation | None,
    checkpoint: EmbeddingCheckpoint,
    *,
    token_vectors: bool,
) -> None:
    """Add passages encoded elsewhere by the same model to the checkpoint, unless `before` has them.

    Raises:
        BuildFailed: vectors of another dimension, or whose length is not 1.
        OSError: a block could not be written.
    """
    for digests, encoded in blocks:
        sizes = encoded.vectors.shape[1], encoded.tokens.shape[1]
        if len(digests) != len(encoded) or sizes != (encoder.dimension, encoder.token_dimension):
            raise BuildFailed(
                f"vectors of {sizes} numbers of {len(encoded)} passages are not of {encoder.name}"
            )
        reused = _reused_rows(digests, encoder, before, token_vectors=token_vectors)
        if new := checkpoint.missing(digests, reused):
            part = encoded.take(np.array(new))
            _check_lengths(part.vectors, encoder)
            checkpoint.add(digests[new], part)


def _reused_rows(
    digests: Digests, encoder: Encoder, before: Generation | None, *, token_vectors: bool
) -> RowIds:
    """The row of each passage in `before` if the same model made all that is wanted of it, else -1."""
    if before is None or before.manifest.fingerprint != encoder.fingerprint:
        return np.full(len(digests), _NEW, dtype=np.int64)
    if token_vectors and before.manifest.settings[TOKEN_VECTORS] == "off":
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
BLOCK = 1024
"""Passages encoded between two writes: the most that a stopped build loses."""

_DIGEST = 32
_FINGERPRINT = 16  # letters of it in the folder's name
_DIGESTS = "digests"


class EmbeddingCheckpoint:
    """Encoded passages on disk by their digest; only their positions are in memory."""

    def __init__(self, data: Path, encoder: Encoder, *, disk: Disk) -> None:
        """Read the existing blocks; nothing is written before `add`."""
        self.folder = data / f"{PREFIX}{encoder.fingerprint[:_FINGERPRINT]}"
        self._sizes = encoder.dimension, encoder.token_dimension
        self._disk = disk
        self._positions: dict[bytes, tuple[int, int]] = {}
        self._blocks: list[Path] = []
        self._last: tuple[int, EncodedPassages] = (-1, EncodedPassages.none(*self._sizes))
        for path in sorted(self.folder.glob("[0-9]*")):
            if read := _read(path):
                self._remember(path, read[0])

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    def missing(self, digests: Digests, reused_rows: RowIds) -> list[int]:
        """Positions of the passages that are neither reused nor here, of equal ones the first."""
        new: dict[bytes, int] = {}
        for position in np.flatnonzero(reused_rows == _NEW).tolist():
            digest = digests[position].tobytes()
            if digest not in self._positions:
                new.setdefault(digest, position)
        return list(new.values())

    def add(self, digests: Digests, encoded: EncodedPassages) -> None:
        """Write a block and flush it. Raises OSError."""
        if not self.folder.is_dir():
            self._disk.make_folder(self.folder)
            self._disk.sync_folder(self.folder.parent)
        numbers = [int(path.name) for path in self.folder.glob("[0-9]*")]
        path = self.folder / f"{max(numbers, default=0) + 1:08d}"
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **{_DIGESTS: digests}, **asdict(encoded))
        content = stream.getvalue()
        self._disk.write_file(path, hashlib.sha256(content).digest() + content)
        self._disk.sync_folder(self.folder)
        self._remember(path, digests)

    def read(self, digests: Sequence[bytes]) -> EncodedPassages:
        """The passages with these digests, in this order. Raises OSError for a block that was changed."""
        positions = [self._positions[digest] for digest in digests]
        order = sorted(range(len(digests)), key=lambda number: positions[number])
        parts = [EncodedPassages.none(*self._sizes)]
        for block, numbers in groupby(order, key=lambda number: positions[number][0]):
            rows = [positions[number][1] for number in numbers]
            parts.append(self._block(block).take(np.array(rows)))
        return EncodedPassages.join(parts).take(np.argsort(np.array(order, dtype=np.int64)))

    def _block(self, number: int) -> EncodedPassages:
        if self._last[0] != number:
            read = _read(self._blocks[number])
            if read is None:
                raise OSError(None, "a block of vectors was changed", str(self._blocks[number]))
            self._last = number, read[1]
        return self._last[1]

    def _remember(self, path: Path, digests: Digests) -> None:
        self._blocks.append(path)
        for row, digest in enumerate(digests):
            self._positions.setdefault(digest.tobytes(), (len(self._blocks) - 1, row))


def checkpoint_folders(data: Path, but: Path | None = None) -> Iterator[Path]:
    """Checkpoint folders in a data folder, except `but`."""
    yield from (folder for folder in data.glob(f"{PREFIX}*") if folder != but)


def _read(path: Path) -> Block | None:
    content = path.read_bytes()
    seal, body = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(body).digest() != seal:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        fields = dict(arrays)
    return fields.pop(_DIGESTS), EncodedPassages(**fields)
