"""A folder somewhere: on a disk, or at an address that fsspec reads (s3://bucket/articles, gs://, abfs://).

What is written is written under another name first and then renamed, so that a name stands for a whole file
or for none. Where each protocol comes from is fsspec's own business: s3:// asks for the package s3fs.
"""

from __future__ import annotations

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
# Where a folder is but a name, and to make one would make a bucket for whoever mistypes it.
_BUCKETS = ("s3://", "s3a://", "gs://", "gcs://", "abfs://", "abfss://", "az://")
# What a store may tell of a file that is another once the file is; each store tells some of them.
_STATES = (
    "mtime created ino ETag etag LastModified last_modified md5 md5Hash contentHash generation crc32c updated"
).split()
# What fsspec and the libraries below it raise: no such protocol, a missing package, a refused connection.
_FAILURES = (OSError, ImportError, ValueError, RuntimeError)


class Unreached(CorpusError):
    """A folder or file somewhere that could not be reached just now."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in a place: its name below it, its bytes, and its state, "" where nothing but the size is told.

    Two looks at a file give the same state when nobody wrote it in between.
    """

    name: str
    size: int
    state: str


def is_address(place: str) -> bool:
    """Whether this is no path of this machine: "s3://bucket/a" is one, "a/b" and "file:///a" are not."""
    return "://" in place and not place.startswith(_LOCAL)


def local_path(place: str) -> str:
    """The path in "file:///a/b", and what is a path already as it is."""
    return place.removeprefix(_LOCAL)


class RemoteFolder:
    """A folder at an address or path. Every method raises Unreached when it cannot be reached."""

    def __init__(self, address: str) -> None:
        self.address = address
        with self._reached():
            from fsspec.core import url_to_fs

            self._system, root = url_to_fs(address, use_listings_cache=False)
            self._root = str(root).rstrip("/")

    def exists(self, name: str = "") -> bool:
        """Whether there is a file of this name in it; without one, whether it is there itself."""
        with self._reached():
            return bool(self._system.exists(self._path(name) if name else self._root))

    def itself(self) -> Stored | None:
        """What is told of it when it is no folder but a file."""
        with self._reached():
            if not self._system.isfile(self._root):
                return None
            told = self._system.info(self._root)
        return Stored(self._root.rsplit("/", 1)[-1], int(told.get("size") or 0), _state(told))

    def files(self) -> Iterator[Stored]:
        """Every file below it, in order of name."""
        with self._reached():
            found: Mapping[str, Mapping[str, Any]] = self._system.find(self._root, detail=True)
        for path in sorted(found):
            name = path[len(self._root) :].lstrip("/")
            yield Stored(name, int(found[path].get("size") or 0), _state(found[path]))

    def names(self) -> list[str]:
        """Names of what is in it, not of what is in folders below; none where there is no folder."""
        with self._reached():
            try:
                listed = self._system.ls(self._root, detail=False)
            except FileNotFoundError:
                return []
        return sorted(str(path).rstrip("/").rsplit("/", 1)[-1] for path in listed)

    def read(self, name: str, most: int | None = None) -> bytes:
        """The content of a file, or as many of its first bytes. FileNotFoundError when it is not there."""
        with self._reached(or_missing=True), self._system.open(self._path(name), "rb") as stream:
            return bytes(stream.read() if most is None else stream.read(most))

    def write(self, name: str, content: bytes) -> None:
        """A file as a whole; one of that name is replaced."""
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
        """Remove what writers of these files left behind when they died."""
        for name in self.names():
            if name.startswith(TEMPORARY) and name[len(TEMPORARY) + 2 * _NONCE + 1 :] in names:
                self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a file; one already gone is no error."""
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
        """Turn what a library raises into Unreached; with `or_missing` a FileNotFoundError stays one."""
        try:
            yield
        except _failures() as error:
            if or_missing and isinstance(error, FileNotFoundError):
                raise
            told = " ".join(str(error).split()) or type(error).__name__
            raise Unreached(
                f"{self.address} cannot be reached: {told}; mend the address, the right to read it, "
                f"or install the package that reads it (s3fs for s3://)"
            ) from error


def _failures() -> tuple[type[BaseException], ...]:
    """What libraries raise, missing credentials for s3:// among it, which is none of Python's own errors."""
    amiss = getattr(sys.modules.get("botocore.exceptions"), "BotoCoreError", None)
    return (*_FAILURES, amiss) if amiss else _FAILURES


def _state(told: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={told[name]}" for name in _STATES if told.get(name) is not None)
