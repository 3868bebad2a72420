"""The manifest: what a generation holds, with the SHA-256 of every file of it.

FAISS and tantivy do not notice most corruption (of 186,152 single-bit flips in five small FAISS
indexes 78.8 % loaded silently), so no file of a generation is opened before its hash was checked
here. The manifest carries a hash of itself too, and `CURRENT` names the hash of the published one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from index.errors import Damaged
from index.generation.files import MANIFEST
from index.storage.durable_io import Disk

FORMAT = 3
"""Raised whenever a file of a generation changes its meaning; other formats are refused."""

SMALL = 1 << 20
"""Bytes that `CURRENT` or a manifest may have; they have a hundred and some thousands."""

HASHING = 2  # files hashed at once: SHA-256 leaves Python to the other threads

Setting = str | int
Fact = str | int | float


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The size of a file in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is. `files` holds relative paths with forward slashes, itself left out.

    `created` is UTC in ISO 8601, `counts` has articles, sentences, passages and vectors, `settings`
    what besides text and model decides the files. `indexes` tells of each dense index its kind and, of an
    approximate one, how many lists it has and looks into, and the recall@10 that this had when it was built.
    """

    format: int
    generation: str
    created: str
    model: str
    fingerprint: str
    dimension: int
    settings: Mapping[str, Setting]
    counts: Mapping[str, int]
    indexes: Mapping[str, Mapping[str, Fact]]
    files: Mapping[str, FileDigest]


def manifest_bytes(manifest: Manifest) -> bytes:
    """The one spelling of a manifest: JSON with sorted keys and a seal, the SHA-256 of the rest."""
    fields = asdict(manifest)
    return _spell({**fields, "seal": hashlib.sha256(_spell(fields)).hexdigest()})


def write_manifest(folder: Path, manifest: Manifest, *, disk: Disk) -> str:
    """Write and flush `manifest.json`; returns its SHA-256. Raises `OSError`."""
    content = manifest_bytes(manifest)
    disk.write_file(folder / MANIFEST, content)
    return content_facts(content).sha256


def read_manifest(folder: Path, *, sha256: str | None = None) -> Manifest:
    """Read and check the manifest of a generation folder.

    Raises:
        Damaged: missing, of another hash than `sha256`, not as it was written, or not of this folder.
    """
    path = folder / MANIFEST
    try:
        content = read_small(path)
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise Damaged(path, "changed: its SHA-256 is not the one in CURRENT")
    manifest = _parse(content, path)
    if manifest.generation != folder.name:
        raise Damaged(path, f"belongs to generation {manifest.generation}")
    return manifest


def verify_files(folder: Path, manifest: Manifest) -> int:
    """Hold every file below `folder` against the manifest; returns the bytes hashed.

    Raises:
        Damaged: the first file that is missing, extra, resized, changed or not a plain file.
    """
    try:
        found = set(list_files(folder)) - {MANIFEST}
    except OSError as error:
        raise Damaged(folder, f"cannot be listed: {error.strerror}") from error
    for name in sorted(manifest.files.keys() - found):
        raise Damaged(folder / name, "missing")
    for name in sorted(found - manifest.files.keys()):
        raise Damaged(folder / name, "not part of the generation")
    with ThreadPoolExecutor(HASHING) as threads:
        verified = threads.map(lambda name: _verify_file(folder / name, manifest.files[name]), manifest.files)
        deque(verified, maxlen=0)  # raises what the first of them raised
    return sum(facts.size for facts in manifest.files.values())


def read_small(path: Path) -> bytes:
    """The content of a file that nothing vouches for yet: neither a pipe nor an endless device is waited for.

    Raises:
        OSError: it cannot be read, is no plain file, or has more than SMALL bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if facts.st_size > SMALL:
            raise OSError(errno.EFBIG, f"longer than {SMALL:,} bytes", str(path))
        return os.read(descriptor, SMALL)
    finally:
        os.close(descriptor)


def list_files(folder: Path) -> Iterator[str]:
    """Relative paths of all files below `folder`, sorted in each folder.

    Raises:
        Damaged: something that is neither a plain file nor a folder, such as a link.
        OSError: a folder that cannot be listed.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from (f"{entry.name}/{name}" for name in list_files(Path(entry.path)))
        elif entry.is_file(follow_symlinks=False):
            yield entry.name
        else:
            raise Damaged(Path(entry.path), "neither a plain file nor a folder")


def file_facts(path: Path) -> FileDigest:
    """Size and SHA-256 of a file as it is on disk. Raises `OSError`."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileDigest(os.fstat(stream.fileno()).st_size, digest)


def content_facts(content: bytes) -> FileDigest:
    """Size and SHA-256 of what a file is meant to hold."""
    return FileDigest(len(content), hashlib.sha256(content).hexdigest())


def _verify_file(path: Path, facts: FileDigest) -> None:
    try:
        size = path.stat().st_size
        if size != facts.size:
            raise Damaged(path, f"resized: {facts.size} bytes were published, {size} are there")
        if file_facts(path) != facts:
            raise Damaged(path, "changed: its SHA-256 is not the one in the manifest")
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error


def _spell(fields: Mapping[str, object]) -> bytes:
    return (json.dumps(fields, indent=1, sort_keys=True) + "\n").encode("ascii")


def _parse(content: bytes, path: Path) -> Manifest:
    """Spelling the fields again must give the same bytes, so nothing in the file goes unread."""
    try:
        fields = json.loads(content)
        fields.pop("seal")
        if fields["format"] != FORMAT:
            raise Damaged(path, f"format {fields['format']}, but this version reads format {FORMAT}")
        fields["files"] = {name: FileDigest(**facts) for name, facts in fields["files"].items()}
        manifest = Manifest(**fields)
        same = manifest_bytes(manifest) == content
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged(path, "not a manifest") from error
    if not same:
        raise Damaged(path, "changed: it does not match its own seal")
    return manifest
