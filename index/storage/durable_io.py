"""Every durable write of the house: write, fsync, rename, replace, remove, lock.

A name is durable once its folder is flushed, content once its file is flushed; `Disk` has one
method for each and `index.building.build` calls them in the published order. A failed fsync ends the build
and is never tried again: the kernel may have dropped the pages, so a second fsync that succeeds
proves nothing (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).

Every method names itself to `Disk.step` before it touches the disk, so a subclass can fail, count
or stop there without patching anything.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from index.errors import BuildFailed, Locked

_NUMBER = re.compile(r"os error ([0-9]+)|\bcode: ([0-9]+)")
_TOLD_IN_WORDS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.EIO)


class Disk:
    """The real disk. Methods raise `OSError` with the file's name and nothing is retried."""

    def step(self, operation: str, path: Path) -> None:
        """Called before each operation; does nothing here. Subclasses raise or exit."""

    def free(self, folder: Path) -> int:
        """Bytes free for an ordinary user on the disk that holds `folder`."""
        self.step("free", folder)
        return shutil.disk_usage(folder).free

    def make_folder(self, path: Path) -> None:
        """Create a folder that must not exist yet; its parents must."""
        self.step("mkdir", path)
        path.mkdir()

    def make_data_folder(self, path: Path) -> None:
        """Create the data folder with its parents, unless it is there; flush the name of each new one."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            self.make_folder(folder)
            self.sync_folder(folder.parent)

    def write_file(self, path: Path, content: bytes) -> None:
        """Write a new file and flush it; a file of that name is an error."""
        self.step("open", path)
        with with_path(path), path.open("xb") as stream:
            self._write(stream, content, path)
            stream.flush()
            self._sync(stream.fileno(), path)
        if path.stat().st_size != len(content):
            raise OSError(errno.EIO, "short write", str(path))

    def write_blocks(self, path: Path, blocks: Iterable[bytes]) -> str:
        """The same for content that is made while it is written; returns its SHA-256 in hexadecimal."""
        digest, size = hashlib.sha256(), 0
        self.step("open", path)
        with with_path(path), path.open("xb") as stream:
            for block in blocks:
                self._write(stream, block, path)
                digest.update(block)
                size += len(block)
            stream.flush()
            self._sync(stream.fileno(), path)
        if path.stat().st_size != size:
            raise OSError(errno.EIO, "short write", str(path))
        return digest.hexdigest()

    def sync_file(self, path: Path) -> None:
        """Flush a file that a library wrote."""
        with path.open("rb") as stream:
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

    def replace(self, path: Path, content: bytes) -> None:
        """Replace a small file in one step: readers see the old content or the new, never a mixture."""
        temporary = path.with_name(path.name + ".tmp")
        temporary.unlink(missing_ok=True)
        self.write_file(temporary, content)
        self.step("replace", path)
        os.replace(temporary, path)
        self.sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with all it holds; something already gone is no error."""
        self.step("remove", path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _write(self, stream: BinaryIO, content: bytes, path: Path) -> None:
        self.step("write", path)
        stream.write(content)

    def _sync(self, descriptor: int, path: Path) -> None:
        self.step("fsync", path)
        with with_path(path):
            os.fsync(descriptor)


class Lock:
    """One builder at a time: an exclusive `flock` on a file, held until the block or the process ends.

    The file stays: removing it would let two builders hold locks on two files of one name.
    Raises `Locked` at once when another holds it, `OSError` when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> Lock:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise Locked(self._path) from error
        except OSError:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)


@contextmanager
def with_path(path: Path) -> Iterator[None]:
    """Put the path into an `OSError` of a call that knows only a file's number."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def as_build_failure(place: Path) -> Iterator[None]:
    """Turn an `OSError` inside the block into `BuildFailed` with its path, or `place` if it has none."""
    try:
        yield
    except OSError as error:
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else place
        raise BuildFailed("a write failed", path=path, errno=error.errno) from error


def os_error_from_message(told: str, path: Path) -> OSError:
    """The disk's error in what a library says of it; what says no number is a full disk or a bad one."""
    number = errno_in_message(told)
    if number is None:
        number = errno.ENOSPC if shutil.disk_usage(path.parent).free < 1 << 20 else errno.EIO
    return OSError(number, os.strerror(number), str(path))


def errno_in_message(told: str) -> int | None:
    """The system's number of an error in the words of a library: "… (os error 28)" -> 28."""
    if found := _NUMBER.search(told):
        return int(found[1] or found[2])
    return next((number for number in _TOLD_IN_WORDS if os.strerror(number) in told), None)
