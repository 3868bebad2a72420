"""Durable writes: write, fsync, rename, replace, remove, lock.

A name is durable once its folder is flushed, content once its file is flushed; `Disk` has one method for
each, and `index.building.publish` calls them in the right order. A failed fsync ends the build and is
never retried: the kernel may have dropped the pages, so a second fsync that succeeds proves nothing
(Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from index.errors import BuildFailed, Locked

_NUMBER = re.compile(r"os error ([0-9]+)|\bcode: ([0-9]+)")
_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.EIO)


PRIVATE = 0o700  # the mode of a new data folder
_FOLDER_MODE = 0o770  # at most, like the next
_LOCK = "LOCK"  # of a temporary folder
_LEFT_SECONDS = 60.0
_FILE_MODE = 0o440  # read-only: a mapped file that is cut short ends a service that reads it by SIGBUS


class Disk:
    """The real disk. Methods raise `OSError` with the file's name; nothing is retried.

    What it makes is as open to the group as the folder around it, and never to others.
    Each calls `step` before it touches the disk, where a subclass can fail, count or stop.
    """

    def step(self, operation: str, path: Path) -> None:
        """Called before each operation; does nothing here."""

    def free(self, folder: Path) -> int:
        """Bytes free for an ordinary user on the disk of `folder`."""
        self.step("free", folder)
        return shutil.disk_usage(folder).free

    def make_folder(self, path: Path) -> None:
        """Create a folder that must not exist yet; its parents must."""
        self.step("mkdir", path)
        path.mkdir(_mode(path, _FOLDER_MODE))

    def make_data_folder(self, path: Path) -> None:
        """Create the data folder and its parents if missing, private; flush the name of each new one."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            self.step("mkdir", folder)
            folder.mkdir(PRIVATE, exist_ok=True)
            self.sync_folder(folder.parent)

    def make_folder_in_data(self, path: Path) -> None:
        """Create a folder of a data folder, such as that of the models; a new data folder is private."""
        self.make_data_folder(path.parent)
        path.mkdir(exist_ok=True)

    def write_file(self, path: Path, content: bytes, *, mode: int = _FILE_MODE) -> None:
        """Write a new file and flush it; an existing file is an error."""
        self._create(path, [content], mode)

    def write_blocks(self, path: Path, blocks: Iterable[bytes]) -> str:
        """Write blocks to a new file and flush it; returns its SHA-256 in hexadecimal."""
        digest = hashlib.sha256()

        def hashed() -> Iterator[bytes]:
            for block in blocks:
                digest.update(block)
                yield block

        self._create(path, hashed())
        return digest.hexdigest()

    def sync_file(self, path: Path) -> None:
        """Flush a file that a library wrote, and close it to others."""
        with path.open("rb") as stream:
            os.fchmod(stream.fileno(), _mode(path, _FILE_MODE))
            self._sync(stream.fileno(), path)

    def sync_folder(self, path: Path) -> None:
        """Flush a folder, so that the names in it survive a crash."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._sync(descriptor, path)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Give a folder its final name and flush the parent."""
        self.step("rename", new)
        old.rename(new)
        self.sync_folder(new.parent)

    def replace(self, path: Path, content: bytes, *, mode: int = 0o660) -> None:
        """Replace a small file atomically: readers see the old content or the new."""
        temporary = path.with_name(path.name + ".tmp")
        temporary.unlink(missing_ok=True)
        self.write_file(temporary, content, mode=mode)
        self.step("replace", path)
        os.replace(temporary, path)
        self.sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with its content; a missing one is no error."""
        self.step("remove", path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _create(self, path: Path, blocks: Iterable[bytes], mode: int = _FILE_MODE) -> None:
        size, mode = 0, _mode(path, mode)
        self.step("open", path)
        with (
            with_path(path),
            open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as stream,
        ):
            for block in blocks:
                self._write(stream, block, path)
                size += len(block)
            stream.flush()
            self._sync(stream.fileno(), path)
        if path.stat().st_size != size:
            raise OSError(errno.EIO, "short write", str(path))

    def _write(self, stream: BinaryIO, content: bytes, path: Path) -> None:
        self.step("write", path)
        stream.write(content)

    def _sync(self, descriptor: int, path: Path) -> None:
        self.step("fsync", path)
        with with_path(path):
            os.fsync(descriptor)


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """An exclusive `flock` on a file, until the block or the process ends: one builder at a time.

    The file stays: removing it would let two builders lock two files of one name.
    Raises `Locked` at once if another process has it, `OSError` if the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _mode(path, 0o660))
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(path) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def atomic_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder that becomes `folder` when the block ends, and is removed if it raises.

    Folders above the one around it are private if they are new.
    Raises `OSError` if it cannot be written, or if `folder` has content and is not to be replaced.
    """
    # A model lies in a folder of the data folder, which the first build has not made yet.
    Disk().make_folder_in_data(folder.parent)
    _remove_leftovers(folder)
    with (
        tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as private,
        exclusive_lock(Path(private, _LOCK)),
    ):
        new = Path(private, "new")  # readable by others, which a temporary folder is not
        new.mkdir()
        yield new
        if replace:
            shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary folders of killed writers of `folder`; the lock of a living one is held."""
    temporary = re.compile(rf"\.{re.escape(folder.name)}-\w{{8}}")
    for path in filter(lambda path: temporary.fullmatch(path.name), folder.parent.iterdir()):
        with suppress(OSError, Locked):
            # A lock that was just created may not be held yet.
            if (path / _LOCK).stat().st_mtime < time.time() - _LEFT_SECONDS:
                with exclusive_lock(path / _LOCK):
                    shutil.rmtree(path, ignore_errors=True)


def _mode(path: Path, most: int) -> int:
    """The mode of a new file or folder: `most`, without what its folder does not allow."""
    return most & path.parent.stat().st_mode


@contextmanager
def with_path(path: Path) -> Iterator[None]:
    """Put the path into an `OSError` of a call that knows only a descriptor."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def as_build_failure(folder: Path) -> Iterator[None]:
    """Turn an `OSError` inside the block into `BuildFailed` with its path, or `folder` if it has none."""
    try:
        yield
    except OSError as error:
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else folder
        raise BuildFailed("a write failed", path=path, errno=error.errno) from error


def os_error_from_message(message: str, path: Path) -> OSError:
    """The system's error in a library's message; without a number it is a full disk or a bad one."""
    number = errno_in_message(message)
    if number is None:
        number = errno.ENOSPC if shutil.disk_usage(path.parent).free < 1 << 20 else errno.EIO
    return OSError(number, os.strerror(number), str(path))


def errno_in_message(message: str) -> int | None:
    """The system's error number in a library's message: "… (os error 28)" -> 28."""
    if match := _NUMBER.search(message):
        return int(match[1] or match[2])
    return next((number for number in _ERRORS if os.strerror(number) in message), None)
