"""Walks a local folder and reads its files without following links.

A link that replaces a folder or file during the walk is not followed either, and only regular files and
folders are opened. File names may hold any bytes; `printable` makes them fit to show.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path, PurePath
from typing import NamedTuple

from corpus.article import CorpusError, Unreadable
from corpus.formats.registry import SUFFIXES

LARGEST_FILE = 20_000_000
TOO_LARGE = f"is larger than {LARGEST_FILE // 1_000_000} MB"
# Each folder is opened from the root down, so the time of a walk grows with the square of the depth.
DEEPEST = 1_000
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_NO_FILE = "is not a regular file"


class Entry(NamedTuple):
    """A file met by a walk from `root`; `reason` says why it is skipped, if it is."""

    root: Path
    path: Path
    reason: str = ""


class _Kind(StrEnum):
    FOLDER = "folder"
    LINK = "link"
    FILE = "file"
    OTHER = "other"


def file_bytes(root: Path, path: PurePath) -> bytes:
    """The bytes of a regular file at a path below `root`; Unreadable says why there are none."""
    try:
        opened = _open_below(root, path, _FILE)
        try:
            return _regular(opened)
        finally:
            os.close(opened)
    except OSError as error:
        raise Unreadable(_os_reason(error)) from error


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
    """A name or message on one line; characters that cannot be shown become \\n, \\x1b or \\udcff."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def local_files(path: Path) -> Iterator[Entry]:
    """The file at a path, or all files below the folder there, by name. Raises CorpusError."""
    # A link that was named on the command line is followed; links met in the walk are not.
    real = Path(os.path.realpath(path))
    if os.path.isdir(real):
        yield from sorted(_walk(real), key=lambda entry: entry.path.as_posix())
    elif os.path.exists(real):
        yield Entry(real.parent, real, format_reason(real.name))
    else:
        raise CorpusError(f"{printable(str(path))} does not exist; give a file or a folder of articles")


def _walk(root: Path) -> Iterator[Entry]:
    """The files below a folder, in no order; hidden files and folders are passed over."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            listed = _listed(root, folder)
        except OSError as error:
            yield Entry(root, folder, _os_reason(error))
            continue
        for name, kind in listed:
            path = folder / name
            if kind is _Kind.FOLDER:
                waiting.append(path)
            else:
                yield Entry(root, path, _reason(path, root, kind))


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
    """A descriptor of a path below `root`, opened folder by folder, so that no part of it is a link."""
    opened = os.open(root, _FOLDER)
    for depth, name in enumerate(below.parts, start=1):
        last = depth == len(below.parts)
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
    return skip_reason(path.name)


def skip_reason(name: str) -> str:
    """Why a file met by a walk is skipped for its name alone; "" if it is not."""
    if Path(name).stem.casefold() == "readme":
        return "a folder's README, not an article"
    return format_reason(name)


def format_reason(name: str) -> str:
    """Why a file of this name cannot be an article; "" if it can."""
    suffix = Path(name).suffix.lower()
    return "" if suffix in SUFFIXES else f"not an article: {suffix or 'no suffix'}"


def _os_reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link"
    return error.strerror or "cannot be read"
