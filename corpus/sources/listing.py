"""Files listed for whoever reads them elsewhere: where each is, what it is called, and its state.

A listing is made once, in one place; its entries are strings alone, so they can be sent to another machine,
which opens the files where it sees them. Paths of this machine are walked as `corpus.sources.folder` does; addresses
are listed by what reads them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from corpus.article import CorpusError, Unreadable
from corpus.sources.folder import (
    LARGEST_FILE,
    TOO_LARGE,
    Found,
    file_bytes,
    local_files,
    met,
    named,
    printable,
    unsuited,
)
from corpus.sources.remote import RemoteFolder, Stored, Unreached, is_address, local_path


@dataclass(frozen=True, slots=True)
class Listed:
    """A file in a listing.

    `root` is the folder or address it was reached from and `name` its path below that. `source` is what it is
    called, as no other is; `reason` says why it is skipped, if it is. `state` differs from one content of the
    file to the next; "" when the store tells nothing that would.
    """

    source: str
    root: str
    name: str
    size: int = 0
    state: str = ""
    reason: str = ""

    @property
    def suffix(self) -> str:
        """What kind of file it is: ".md"."""
        return Path(self.name).suffix.lower()

    def raw(self) -> bytes:
        """Its bytes, wherever this is called.

        Raises:
            Unreadable: why there is no article in it.
            Unreached: the folder or address as a whole is not to be had from here.
        """
        if self.reason:
            raise Unreadable(self.reason)
        return _far_bytes(self) if is_address(self.root) else _near_bytes(self)


@dataclass(frozen=True, slots=True)
class _Far:
    """A file at an address, before it has a source that no other has."""

    root: str
    stored: Stored
    reason: str

    @property
    def path(self) -> object:
        return f"{self.root}/{self.stored.name}"

    @property
    def source(self) -> str:
        return printable(self.stored.name)

    @property
    def folder(self) -> str:
        return self.root.rsplit("/", 1)[-1]


def listed_files(places: Sequence[str]) -> list[Listed]:
    """Each file in these paths and addresses once, in their order and that of the names below them.

    Raises CorpusError for one that does not exist or cannot be reached.
    """
    found = [file for place in places for file in _files(place)]
    return [_listed(file, source) for file, source in named(found)]


def _files(place: str) -> Iterator[Found | _Far]:
    return _far_files(place.rstrip("/")) if is_address(place) else local_files(Path(local_path(place)))


def _far_files(address: str) -> Iterator[_Far]:
    place = RemoteFolder(address)
    if itself := place.itself():
        yield _Far(address.rpartition("/")[0], itself, _reason(itself, unsuited(itself.name)))
        return
    if not place.exists():
        raise CorpusError(f"{printable(address)} does not exist; give a file or a folder of articles")
    for stored in place.files():
        if not any(part.startswith(".") for part in stored.name.split("/")):
            yield _Far(address, stored, _reason(stored, met(stored.name.rsplit("/", 1)[-1])))


def _reason(stored: Stored, reason: str) -> str:
    return reason or (TOO_LARGE if stored.size > LARGEST_FILE else "")


def _listed(file: Found | _Far, source: str) -> Listed:
    if isinstance(file, _Far):
        stored = file.stored
        return Listed(source, file.root, stored.name, stored.size, stored.state, file.reason)
    name = file.path.relative_to(file.root).as_posix()
    try:
        told = file.path.lstat()
    except OSError:
        return Listed(source, str(file.root), name, reason=file.reason)
    state = f"{told.st_mtime_ns} {told.st_ctime_ns} {told.st_ino}"
    return Listed(source, str(file.root), name, told.st_size, state, file.reason)


def _near_bytes(file: Listed) -> bytes:
    root = Path(file.root)
    if not os.path.isdir(root):
        where = os.uname().nodename
        raise Unreached(f"{root} is not there on {where}; give a folder or address that each node reaches")
    return file_bytes(Found(root / file.name, root))


def _far_bytes(file: Listed) -> bytes:
    try:
        raw = _place(file.root).read(file.name, LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise Unreadable("was removed while the others were read") from error
    if len(raw) > LARGEST_FILE:
        raise Unreadable(TOO_LARGE)
    return raw


@lru_cache(maxsize=8)
def _place(address: str) -> RemoteFolder:
    """A connection kept for the next file."""
    return RemoteFolder(address)
