"""Lists the files of folders and fsspec addresses, each with a source of its own and a state.

Entries of a listing are strings and numbers alone, so another machine can be sent them and open the files
where it sees them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePath

from corpus.article import CorpusError, Unreadable
from corpus.sources.folder import (
    LARGEST_FILE,
    TOO_LARGE,
    Entry,
    file_bytes,
    format_reason,
    local_files,
    printable,
    skip_reason,
)
from corpus.sources.remote import RemoteFolder, Stored, Unreached, is_address, local_path


@dataclass(frozen=True, slots=True)
class Listed:
    """A file in a listing.

    `root` is the folder or address it was reached from and `name` its path below that. `source` is unique in
    the listing; `reason` says why the file is skipped, if it is. `state` changes whenever the content does;
    "" where the store reports nothing that would.
    """

    source: str
    root: str
    name: str
    size: int = 0
    state: str = ""
    reason: str = ""

    @property
    def suffix(self) -> str:
        """The format: ".md"."""
        return Path(self.name).suffix.lower()

    def raw(self) -> bytes:
        """Its bytes.

        Raises:
            Unreadable: why there is no article in it.
            Unreached: the folder or address as a whole cannot be reached from this machine.
        """
        if self.reason:
            raise Unreadable(self.reason)
        return _remote_bytes(self) if is_address(self.root) else _local_bytes(self)


def listed_files(locations: Sequence[str]) -> list[Listed]:
    """Each file in these paths and addresses once, in their order and by name below each.

    Raises CorpusError for one that does not exist or cannot be reached.
    """
    return list(_with_unique_sources(file for location in locations for file in _files(location)))


def _files(location: str) -> Iterator[Listed]:
    if is_address(location):
        yield from _remote_files(location.rstrip("/"))
    else:
        yield from map(_local_file, local_files(Path(local_path(location))))


def _with_unique_sources(files: Iterable[Listed]) -> Iterator[Listed]:
    """Each file once; equal sources get the name of their root in front, then a number behind."""
    firsts: dict[str, Listed] = {}
    for file in files:
        firsts.setdefault(f"{file.root.rstrip('/')}/{file.name}", file)
    counts = Counter(file.source for file in firsts.values())
    seen: Counter[str] = Counter()
    for file in firsts.values():
        source = file.source
        if counts[source] > 1:
            source = f"{printable(file.root.rsplit('/', 1)[-1])}/{source}"
        seen[source] += 1
        yield replace(file, source=source if seen[source] == 1 else f"{source} ({seen[source]})")


def _local_file(entry: Entry) -> Listed:
    name = entry.path.relative_to(entry.root).as_posix()
    file = Listed(printable(name), str(entry.root), name, reason=entry.reason)
    try:
        status = entry.path.lstat()
    except OSError:
        return file
    return replace(
        file, size=status.st_size, state=f"{status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
    )


def _remote_files(address: str) -> Iterator[Listed]:
    remote = RemoteFolder(address)
    if file := remote.as_file():
        yield _remote_file(address.rpartition("/")[0], file, format_reason(file.name))
        return
    if not remote.exists():
        raise CorpusError(f"{printable(remote.address)} does not exist; give a file or a folder of articles")
    for file in remote.files():
        if not any(part.startswith(".") for part in file.name.split("/")):
            yield _remote_file(address, file, skip_reason(file.name.rsplit("/", 1)[-1]))


def _remote_file(root: str, file: Stored, reason: str) -> Listed:
    reason = reason or (TOO_LARGE if file.size > LARGEST_FILE else "")
    return Listed(printable(file.name), root, file.name, file.size, file.state, reason)


def _local_bytes(file: Listed) -> bytes:
    root = Path(file.root)
    if not root.is_dir():
        node = os.uname().nodename
        raise Unreached(f"{root} is not there on {node}; give a folder or address that each node reaches")
    return file_bytes(root, PurePath(file.name))


def _remote_bytes(file: Listed) -> bytes:
    try:
        raw = _remote_folder(file.root).read(file.name, LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise Unreadable("was removed while the others were read") from error
    if len(raw) > LARGEST_FILE:
        raise Unreadable(TOO_LARGE)
    return raw


_remote_folder = lru_cache(maxsize=8)(RemoteFolder)  # one connection for many files
