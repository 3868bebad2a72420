"""A folder of files: the walk through it, and each file's bytes.

No link is followed on the way, also none that is put in the place of a folder meanwhile, and nothing but
regular files and folders is read from. Names are whatever the file system allows; sources can be printed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Protocol, TypeVar

from corpus.article import CorpusError, Unreadable
from corpus.formats.read_bytes import SUFFIXES

LARGEST_FILE = 20_000_000
TOO_LARGE = f"is larger than {LARGEST_FILE // 1_000_000} MB"
# Each folder is opened from the root down, so the time a walk takes grows with the square of the depth.
DEEPEST = 1_000
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_NO_FILE = "is not a regular file"


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a walk: where it is, the folder it was reached from, and why it is skipped, if it is."""

    path: Path
    root: Path
    reason: str = ""

    @property
    def source(self) -> str:
        """The path below the root, with forward slashes, on one line."""
        return printable(self.path.relative_to(self.root).as_posix())

    @property
    def folder(self) -> str:
        """The root's own name."""
        return self.root.name

    @property
    def suffix(self) -> str:
        """What kind of file it is: ".md"."""
        return self.path.suffix.lower()

    def raw(self) -> bytes:
        """Its bytes; see `file_bytes`."""
        return file_bytes(self)


class Named(Protocol):
    """A file somewhere: where it is, its path below the folder it was reached from, and that one's name."""

    @property
    def path(self) -> object:
        """Equal for the same file only."""

    @property
    def source(self) -> str:
        """The path below the folder, on one line."""

    @property
    def folder(self) -> str:
        """The folder's own name."""


Sourced = TypeVar("Sourced", bound=Named)


class _Kind(StrEnum):
    FOLDER = "folder"
    LINK = "link"
    FILE = "file"
    OTHER = "other"


def found_files(paths: Sequence[Path]) -> Iterator[tuple[Found, str]]:
    """Each file in these files and folders once, with a source that no other has.

    They come in the order of `paths` and of the names in a folder. Raises CorpusError for a path that does
    not exist.
    """
    return named([found for path in paths for found in local_files(path)])


def file_bytes(found: Found) -> bytes:
    """The bytes of a regular file; a link, pipe or device put in its place meanwhile is refused."""
    if found.reason:
        raise Unreadable(found.reason)
    try:
        opened = _open_below(found.root, found.path.relative_to(found.root), _FILE)
        try:
            return _regular(opened)
        finally:
            os.close(opened)
    except OSError as error:
        raise Unreadable(_said(error)) from error


def _regular(opened: int) -> bytes:
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(_NO_FILE)
    raw = b""
    if status.st_size <= LARGEST_FILE:
        with open(opened, "rb", closefd=False) as file:
            raw = file.read(LARGEST_FILE + 1)
    if max(status.st_size, len(raw)) > LARGEST_FILE:
        raise Unreadable(TOO_LARGE)
    return raw


def printable(name: str) -> str:
    """A name or message on one line: what cannot be shown is written as \\n, \\x1b or \\udcff."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def local_files(path: Path) -> Iterator[Found]:
    """The files of a path given by name: itself, or what a walk of it meets. Raises CorpusError."""
    # A link given by name is meant; only links met on the way are not followed.
    real = Path(os.path.realpath(path))
    if os.path.isdir(real):
        yield from sorted(_walk(real), key=lambda found: found.path.as_posix())
    elif os.path.exists(real):
        yield Found(real, real.parent, unsuited(real.name))
    else:
        raise CorpusError(f"{printable(str(path))} does not exist; give a file or a folder of articles")


def _walk(root: Path) -> Iterator[Found]:
    """What a folder holds, in no order; hidden files and folders are passed over."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            listed = _listed(root, folder)
        except OSError as error:
            yield Found(folder, root, _said(error))
            continue
        for name, kind in listed:
            path = folder / name
            if kind is _Kind.FOLDER:
                waiting.append(path)
            else:
                yield Found(path, root, _reason(path, root, kind))


def _listed(root: Path, folder: Path) -> list[tuple[str, _Kind]]:
    below = folder.relative_to(root)
    if len(below.parts) > DEEPEST:
        raise OSError(errno.ENAMETOOLONG, f"lies more than {DEEPEST:,} folders deep")
    opened = _open_below(root, below, _FOLDER)
    try:
        with closing(os.scandir(opened)) as entries:
            return [(entry.name, _kind(entry)) for entry in entries if not entry.name.startswith(".")]
    finally:
        os.close(opened)


def _kind(entry: os.DirEntry[str]) -> _Kind:
    if entry.is_dir(follow_symlinks=False):
        return _Kind.FOLDER
    if entry.is_symlink():
        return _Kind.LINK
    return _Kind.FILE if entry.is_file(follow_symlinks=False) else _Kind.OTHER


def _open_below(root: Path, below: PurePath, flags: int) -> int:
    """A descriptor of what lies below a folder; each step is opened from the one above, so none is a link."""
    opened = os.open(root, _FOLDER)
    for place, name in enumerate(below.parts, start=1):
        last = place == len(below.parts)
        try:
            inner = os.open(name, flags if last else _FOLDER, dir_fd=opened)
        finally:
            os.close(opened)
        opened = inner
    return opened


def _reason(path: Path, root: Path, kind: _Kind) -> str:
    if kind is _Kind.LINK:
        inside = Path(os.path.realpath(path)).is_relative_to(root)
        return "a link" if inside else "a link out of the folder"
    if kind is _Kind.OTHER:
        return _NO_FILE
    return met(path.name)


def met(name: str) -> str:
    """Why a file that a walk meets is skipped for its name alone, "" when it is not."""
    if Path(name).stem.casefold() == "readme":
        return "a folder's README, not an article"
    return unsuited(name)


def unsuited(name: str) -> str:
    """Why a file of this name is no article, "" when it may be one."""
    suffix = Path(name).suffix.lower()
    return "" if suffix in SUFFIXES else f"not an article: {suffix or 'no suffix'}"


def _said(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link"
    return error.strerror or "cannot be read"


def named(found: Sequence[Sourced]) -> Iterator[tuple[Sourced, str]]:
    """Each file once, with a source that no other has: the root's name goes in front of equal ones."""
    firsts: dict[object, Sourced] = {}
    once = [file for file in found if firsts.setdefault(file.path, file) is file]
    plain = Counter(file.source for file in once)
    taken: Counter[str] = Counter()
    for file in once:
        source = file.source
        if plain[source] > 1:
            source = f"{printable(file.folder)}/{source}"
        taken[source] += 1
        yield file, source if taken[source] == 1 else f"{source} ({taken[source]})"
