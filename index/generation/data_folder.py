"""The data folder: opens, verifies and recovers its published generation.

Content:
    LOCK                    locked by the one builder
    CURRENT                 "<generation> <SHA-256 of its manifest.json>" and a line feed
    gen-<n>-<nonce>/        generations, the last two
    tmp-<nonce>/            an unfinished build
"""

from __future__ import annotations

import errno
import re
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from index.errors import Damaged, NoIndex
from index.generation.files import GENERATION_NAME, MANIFEST
from index.generation.generation import Generation, open_generation
from index.generation.manifest import Manifest, file_digest, read_manifest, read_small, verify_files
from index.generation.self_check import check_texts
from index.storage.durable_io import Disk, as_build_failure, exclusive_lock

CURRENT = "CURRENT"
GENERATIONS = 2  # kept: the published one, and the one before it, which may still answer requests
LOCK = "LOCK"

_POINTER = re.compile(rf"({GENERATION_NAME.pattern}) ([0-9a-f]{{64}})\n".encode())


class Pointer(NamedTuple):
    """The content of `CURRENT`: a generation's name and the SHA-256 of its manifest."""

    generation: str
    manifest_sha256: str

    def to_bytes(self) -> bytes:
        """The bytes of `CURRENT`."""
        return f"{self.generation} {self.manifest_sha256}\n".encode()


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was verified without finding a fault; `hashed` counts bytes, without the manifest's."""

    generation: str
    files: int
    hashed: int
    articles: int
    sentences: int
    passages: int

    @classmethod
    def of(cls, generation: Generation, *, files: int, hashed: int) -> VerifyReport:
        """The report on a generation whose files were verified."""
        counts = len(generation.articles), len(generation.sentences), len(generation.passages)
        return cls(generation.id, files, hashed, *counts)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder with generations, one of which is published; implements `index.published.Published`."""

    path: Path

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self.path)

    @property
    def refused(self) -> int:
        """Always 0: what is read from a folder was verified when it was opened."""
        return 0

    def current(self) -> Pointer:
        """The published generation; nothing of it is opened.

        Raises:
            NoIndex: nothing was ever published here.
            Damaged: `CURRENT` cannot be read or is malformed.
        """
        file = self.path / CURRENT
        try:
            content = read_small(file)
        except (FileNotFoundError, NotADirectoryError) as error:
            names = self.generations() if self.path.is_dir() else []
            raise NoIndex(self.path, left=names[-1] if names else "") from error
        except OSError as error:
            raise Damaged(file, f"cannot be read: {error.strerror}") from error
        match = _POINTER.fullmatch(content)
        if not match:
            raise Damaged(file, "does not hold a generation and a SHA-256")
        return Pointer(match[1].decode(), match[2].decode())

    def manifest(self) -> Manifest:
        """The manifest of the published generation, which is not opened. Raises NoIndex and Damaged."""
        return self._manifest(self.current())

    def open(self) -> Generation:
        """Verify every file of the published generation and open it.

        Raises:
            NoIndex: nothing was ever published here.
            Damaged: names the file that differs from what was published.
        """
        while True:
            pointer = self.current()
            try:
                return self._open(pointer)[0]
            except Damaged:
                if self.current() == pointer:  # else a build published and removed during this read
                    raise

    def verify(self) -> VerifyReport:
        """Hash every file again and compare every sentence and passage with its article.

        Raises:
            NoIndex: nothing was ever published here.
            Damaged: the first fault found.
        """
        generation, hashed = self._open(self.current())
        check_texts(generation)
        return VerifyReport.of(generation, files=len(generation.manifest.files), hashed=hashed)

    def recover(self, *, disk: Disk | None = None) -> str:
        """Publish the newest generation that verifies; returns its name.

        Raises:
            NoIndex: there is no generation at all.
            Damaged: the fault of the newest, if every one is damaged; or one cannot be read just now.
            Locked: a build is running.
            BuildFailed: `CURRENT` could not be replaced.
        """
        if not self.path.is_dir():
            raise NoIndex(self.path)
        with as_build_failure(self.path), self.lock():
            pointer = self._newest_sound()
            self.publish(pointer, disk=disk or Disk())
        return pointer.generation

    def probe(self, generation: Generation) -> None:
        """Does nothing: an open folder stays searchable."""

    def generations(self) -> list[str]:
        """Names of the generation folders, oldest first, published or not. Raises `OSError`."""
        names = [path.name for path in self.path.iterdir() if GENERATION_NAME.fullmatch(path.name)]
        return sorted(names, key=number)

    def next_name(self, nonce: str) -> str:
        """The name of a new generation: "gen-12-5f0c9a7be2d14c33". Raises `OSError`."""
        names = self.generations()
        return f"gen-{number(names[-1]) + 1 if names else 1}-{nonce}"

    def leftovers(self) -> list[Path]:
        """What a process that died while it wrote has left, but for generations and checkpoints."""
        return [*self.path.glob("tmp-*"), *self.path.glob(CURRENT + ".tmp")]

    def retire(self, *, disk: Disk) -> None:
        """Remove all but the published generation and the newest other; what fails is retried next time."""
        with suppress(OSError):
            current = self.current().generation
            for name in [name for name in self.generations() if name != current][: 1 - GENERATIONS]:
                disk.remove(self.path / name)

    def lock(self) -> AbstractContextManager[None]:
        """The lock that a build holds."""
        return exclusive_lock(self.path / LOCK)

    def publish(self, pointer: Pointer, *, disk: Disk) -> None:
        """Replace `CURRENT` atomically. Raises `OSError`."""
        disk.replace(self.path / CURRENT, pointer.to_bytes())

    def _manifest(self, pointer: Pointer) -> Manifest:
        folder = self.path / pointer.generation
        if not folder.is_dir():
            raise Damaged(self.path / CURRENT, f"names {pointer.generation}, which is not there")
        return read_manifest(folder, sha256=pointer.manifest_sha256)

    def _open(self, pointer: Pointer) -> tuple[Generation, int]:
        folder, manifest = self.path / pointer.generation, self._manifest(pointer)
        hashed = verify_files(folder, manifest)
        return open_generation(folder, manifest), hashed

    def _newest_sound(self) -> Pointer:
        newest_fault: Damaged | None = None
        for name in reversed(self.generations()):
            folder = self.path / name
            try:
                read_manifest(folder)
                pointer = Pointer(name, file_digest(folder / MANIFEST).sha256)
                check_texts(self._open(pointer)[0])
                return pointer
            except Damaged as error:
                if _is_resource_shortage(error):
                    raise
                newest_fault = newest_fault or error
        raise newest_fault or NoIndex(self.path)


def number(generation: str) -> int:
    """The number in a generation's name: "gen-12-5f0c9a7be2d14c33" -> 12."""
    return int(generation.split("-")[1])


def _is_resource_shortage(damaged: Damaged) -> bool:
    """Too many open files or no memory is no damage: going back to an older generation would not help."""
    cause = damaged.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
