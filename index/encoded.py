"""Texts encoded by a build that is not published yet, so that one that was stopped goes on where it was.

They lie in the data folder under `encoded-<fingerprint>`, a folder of numbered blocks. A block is the SHA-256
of what follows it, the digests of its texts, and their vectors; one that a crash left damaged is not read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.durable import Disk

PREFIX = "encoded-"
BLOCK = 4096
"""Texts encoded before they are written: what a stopped build loses at most."""

_DIGEST = 32
_FINGERPRINT = 16  # letters of it in the folder's name

Digests = NDArray[np.uint8]
Vectors = NDArray[np.float32]


class Encoded:
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
