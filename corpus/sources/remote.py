"""Reads and writes a folder at a path or fsspec address (s3://bucket/articles, gs://, abfs://).

Files are written under a temporary name and renamed, so a name stands for a whole file or for none. Some
protocols need a package of their own: s3:// needs s3fs.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.article import CorpusError

TEMPORARY = "tmp-"

_NONCE = 8  # bytes
_BLOCK = 1 << 22
_LOCAL = "file://"
# Object stores have no folders: makedirs would create a bucket for a mistyped name.
_BUCKETS = ("s3://", "s3a://", "gs://", "gcs://", "abfs://", "abfss://", "az://")
# Fields of `info` that change with the content; each store reports some of them.
_STATES = (
    "mtime created ino ETag etag LastModified last_modified md5 md5Hash contentHash generation crc32c updated"
).split()
# Raised by fsspec and the libraries below it: no such protocol, a missing package, a refused connection.
_FAILURES = (OSError, ImportError, ValueError, RuntimeError)


class Unreached(CorpusError):
    """A folder or file that could not be reached."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in a folder: its name below it, its bytes, and its state, which changes with its content.

    The state is "" where the store reports nothing but the size.
    """

    name: str
    size: int
    state: str


def is_address(location: str) -> bool:
    """Whether this is a remote address: "s3://bucket/a" is one, "a/b" and "file:///a" are not."""
    return "://" in location and not location.startswith(_LOCAL)


def local_path(location: str) -> str:
    """ "file:///a/b" -> "/a/b"; a path stays as it is."""
    return location.removeprefix(_LOCAL)


def without_password(message: str) -> str:
    """A message without the password of an address in it: "ftp://ada:secret@host/a" -> "ftp://ada@host/a"."""
    return re.sub(r"(://[^/:@\s]*):[^/\s]*@", r"\1@", message)


class RemoteFolder:
    """A folder at an address or path. Every method raises Unreached if it cannot be reached."""

    def __init__(self, address: str) -> None:
        self.address = without_password(address)
        with self._reached():
            from fsspec.core import url_to_fs

            self._system, root = url_to_fs(address, use_listings_cache=False)
            self._root = str(root).rstrip("/")

    def exists(self, name: str = "") -> bool:
        """Whether it holds a file of this name; without a name, whether it exists itself."""
        with self._reached():
            return bool(self._system.exists(self._path(name) if name else self._root))

    def as_file(self) -> Stored | None:
        """The address as a file, None if it is a folder."""
        with self._reached():
            if not self._system.isfile(self._root):
                return None
            info = self._system.info(self._root)
        return Stored(self._root.rsplit("/", 1)[-1], int(info.get("size") or 0), _state(info))

    def files(self) -> Iterator[Stored]:
        """Every file below it, by name."""
        with self._reached():
            files: Mapping[str, Mapping[str, Any]] = self._system.find(self._root, detail=True)
        for path in sorted(files):
            name = path[len(self._root) :].lstrip("/")
            yield Stored(name, int(files[path].get("size") or 0), _state(files[path]))

    def names(self) -> list[str]:
        """Names of its direct entries; empty if there is no folder."""
        with self._reached():
            try:
                listed = self._system.ls(self._root, detail=False)
            except FileNotFoundError:
                return []
        return sorted(str(path).rstrip("/").rsplit("/", 1)[-1] for path in listed)

    def read(self, name: str, most: int | None = None) -> bytes:
        """The content of a file, at most its first `most` bytes. Raises FileNotFoundError."""
        with self._reached(or_missing=True), self._system.open(self._path(name), "rb") as stream:
            return bytes(stream.read() if most is None else stream.read(most))

    def write(self, name: str, content: bytes) -> None:
        """Write a file atomically; one of that name is replaced."""
        temporary = self._path(f"{TEMPORARY}{secrets.token_hex(_NONCE)}-{name}")
        with self._reached():
            if not self.address.startswith(_BUCKETS):
                self._system.makedirs(self._root, exist_ok=True)
            try:
                self._system.pipe_file(temporary, content)
                self._system.mv(temporary, self._path(name))
            except _failures():
                with suppress(*_failures()):
                    self._system.rm_file(temporary)
                raise

    def upload(self, path: Path, name: str) -> None:
        """Copy a local file, not atomically; `name` may have folders in it."""
        with self._reached():
            if not self.address.startswith(_BUCKETS):
                self._system.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            self._system.put_file(str(path), self._path(name))

    def read_blocks(self, name: str) -> Iterator[bytes]:
        """The content of a file in blocks of 4 MB. FileNotFoundError when it is not there."""
        with self._reached(or_missing=True), self._system.open(self._path(name), "rb") as stream:
            while block := stream.read(_BLOCK):
                yield bytes(block)

    def sweep(self, names: Collection[str]) -> None:
        """Remove the temporary files that crashed writers of these names left behind."""
        for name in self.names():
            if name.startswith(TEMPORARY) and name[len(TEMPORARY) + 2 * _NONCE + 1 :] in names:
                self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        with self._reached(), suppress(FileNotFoundError):
            self._system.rm_file(self._path(name))

    def remove_all(self) -> None:
        """Remove the folder and everything in it; one already gone is no error."""
        with self._reached(), suppress(FileNotFoundError):
            self._system.rm(self._root, recursive=True)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _reached(self, *, or_missing: bool = False) -> Iterator[None]:
        """Turn library errors into Unreached; with `or_missing` a FileNotFoundError stays one."""
        try:
            yield
        except _failures() as error:
            if or_missing and isinstance(error, FileNotFoundError):
                raise
            reason = without_password(" ".join(str(error).split())) or type(error).__name__
            raise Unreached(
                f"{self.address} cannot be reached: {reason}; mend the address, the right to read it, "
                f"or install the package that reads it (s3fs for s3://)"
            ) from error


def _failures() -> tuple[type[BaseException], ...]:
    """Errors of the libraries; missing credentials for s3:// raise an error of botocore's own."""
    botocore = getattr(sys.modules.get("botocore.exceptions"), "BotoCoreError", None)
    return (*_FAILURES, botocore) if botocore else _FAILURES


def _state(info: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={info[name]}" for name in _STATES if info.get(name) is not None)
