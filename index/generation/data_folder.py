"""The data folder: which generation is published, and how it is opened, verified and recovered.

What lies in it:
    LOCK                    held by the one builder
    CURRENT                 "<generation> <SHA-256 of its manifest.json>" and a line feed
    gen-<n>-<nonce>/        generations, the last two
    tmp-<nonce>/            a build at work, or what a crash left of one
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from index.errors import Damaged, NoIndex
from index.generation.generation import Generation, open_generation
from index.generation.manifest import MANIFEST, Manifest, file_facts, read_manifest, read_small, verify_files
from index.generation.self_check import check_texts
from index.storage.durable_io import Disk, Lock, as_build_failure

CURRENT = "CURRENT"
LOCK = "LOCK"

_NAME = re.compile(r"gen-([1-9][0-9]{0,8})-[0-9a-f]{16}")
_POINTER = re.compile(rf"({_NAME.pattern}) ([0-9a-f]{{64}})\n".encode())


class Pointer(NamedTuple):
    """What `CURRENT` says: a generation's name and the SHA-256 of its manifest."""

    generation: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was verified without finding a fault; `hashed` counts bytes, the manifest's left out."""

    generation: str
    files: int
    hashed: int
    articles: int
    sentences: int
    passages: int


def current(data: Path) -> Pointer:
    """The published generation of a data folder; nothing of it is opened.

    Raises:
        NoIndex: nothing was ever published there.
        Damaged: `CURRENT` cannot be read or does not say what it should.
    """
    path = data / CURRENT
    try:
        content = read_small(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoIndex(data, left=_left(data)) from error
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error
    match = _POINTER.fullmatch(content)
    if not match:
        raise Damaged(path, "does not hold a generation and a SHA-256")
    return Pointer(match[1].decode(), match[3].decode())


def _left(data: Path) -> str:
    return max(generations(data), key=number, default="") if data.is_dir() else ""


def pointer_bytes(pointer: Pointer) -> bytes:
    """What `CURRENT` holds for a pointer."""
    return f"{pointer.generation} {pointer.manifest_sha256}\n".encode()


def current_manifest(data: Path) -> Manifest:
    """What the published generation is, without opening it.

    Raises:
        NoIndex: nothing was ever published there.
        Damaged: the manifest is not the one that was published.
    """
    pointer = current(data)
    return read_manifest(data / pointer.generation, sha256=pointer.manifest_sha256)


def open_current(data: Path) -> Generation:
    """Verify the published generation, every file of it, and open it.

    Raises:
        NoIndex: nothing was ever published there.
        Damaged: names the file that is not as it was published.
    """
    while True:
        pointer = current(data)
        try:
            return _open(data, pointer)[0]
        except Damaged:
            if current(data) == pointer:  # else a build published and removed while this one read
                raise


def verify(data: Path) -> VerifyReport:
    """Hash everything again and hold every sentence and passage against its article.

    Raises:
        NoIndex: nothing was ever published there.
        Damaged: the first fault found.
    """
    generation, hashed = _open(data, current(data))
    check_texts(generation)
    return VerifyReport(
        generation=generation.id,
        files=len(generation.manifest.files),
        hashed=hashed,
        articles=len(generation.articles),
        sentences=len(generation.sentences),
        passages=len(generation.passages),
    )


def generations(data: Path) -> list[str]:
    """Names of the generation folders, oldest first, published or not. Raises `OSError`."""
    names = [path.name for path in data.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(names, key=number)


def number(generation: str) -> int:
    """The number in a generation's name: "gen-12-5f0c9a7be2d14c33" -> 12."""
    return int(generation.split("-")[1])


def recover(data: Path, *, disk: Disk | None = None) -> str:
    """Publish the newest generation that verifies; returns its name.

    Raises:
        NoIndex: there is no generation at all.
        Damaged: none is sound, which names the fault of the newest; or one cannot be read just now.
        Locked: a build is at work.
        BuildFailed: `CURRENT` could not be replaced.
    """
    if not data.is_dir():
        raise NoIndex(data)
    with as_build_failure(data), Lock(data / LOCK):
        pointer = _newest_sound(data)
        (disk or Disk()).replace(data / CURRENT, pointer_bytes(pointer))
    return pointer.generation


def _open(data: Path, pointer: Pointer) -> tuple[Generation, int]:
    folder = data / pointer.generation
    if not folder.is_dir():
        raise Damaged(data / CURRENT, f"names {pointer.generation}, which is not there")
    manifest = read_manifest(folder, sha256=pointer.manifest_sha256)
    hashed = verify_files(folder, manifest)
    return open_generation(folder, manifest), hashed


def _passing(damaged: Damaged) -> bool:
    """Whether it could not be read for want of files or memory: no reason to go back to an older one."""
    cause = damaged.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def _newest_sound(data: Path) -> Pointer:
    newest: Damaged | None = None
    for name in reversed(generations(data)):
        folder = data / name
        try:
            read_manifest(folder)
            pointer = Pointer(name, file_facts(folder / MANIFEST).sha256)
            check_texts(_open(data, pointer)[0])
            return pointer
        except Damaged as error:
            if _passing(error):
                raise
            newest = newest or error
    raise newest or NoIndex(data)
