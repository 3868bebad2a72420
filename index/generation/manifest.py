"""Reads, writes and verifies the manifest: metadata of a generation and the SHA-256 of its files.

FAISS and tantivy do not notice most corruption (of 186,152 single-bit flips in five small FAISS indexes
78.8 % loaded silently), so no file of a generation is opened before its hash was checked here. The manifest
has a seal, a hash of itself, and `CURRENT` names the hash of the published one.
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

from index.errors import Damaged, OtherFormat
from index.generation.files import MANIFEST, is_file_name
from index.storage.durable_io import Disk

FORMAT = 5
"""Raised when a file of a generation changes its meaning; other formats are refused."""

SMALL = 1 << 20
"""Most bytes of `CURRENT` or a manifest; they have a hundred and some thousands."""

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
    """Metadata of a generation. `files` has relative paths with forward slashes, without the manifest's own.

    `created` is UTC in ISO 8601, `counts` has articles, sentences, passages and tokens, `settings` all but
    text and model that decides the files. `index` has the kind of the dense index and, if approximate, its
    parameters and the recall@10 measured when it was built. `token_dimension` is 0 without token vectors.
    """

    format: int
    generation: str
    created: str
    model: str
    fingerprint: str
    dimension: int
    token_dimension: int
    settings: Mapping[str, Setting]
    counts: Mapping[str, int]
    index: Mapping[str, Fact]
    files: Mapping[str, FileDigest]


def manifest_bytes(manifest: Manifest) -> bytes:
    """JSON with sorted keys and a seal, the SHA-256 of the other fields."""
    fields = asdict(manifest)
    return _to_json({**fields, "seal": hashlib.sha256(_to_json(fields)).hexdigest()})


def write_manifest(folder: Path, manifest: Manifest, *, disk: Disk) -> str:
    """Write and flush `manifest.json`; returns its SHA-256. Raises `OSError`."""
    content = manifest_bytes(manifest)
    disk.write_file(folder / MANIFEST, content)
    return content_digest(content).sha256


def read_manifest(folder: Path, *, sha256: str | None = None) -> Manifest:
    """Read and check the manifest of a generation folder.

    Raises Damaged: missing, with another hash than `sha256`, changed, or of another folder.
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
    """Compare every file below `folder` with the manifest; returns the bytes hashed.

    Raises Damaged: the first file that is missing, extra, resized, changed or not a plain file.
    """
    try:
        names = set(list_files(folder)) - {MANIFEST}
    except OSError as error:
        raise Damaged(folder, f"cannot be listed: {error.strerror}") from error
    for name in sorted(manifest.files.keys() - names):
        raise Damaged(folder / name, "missing")
    for name in sorted(names - manifest.files.keys()):
        raise Damaged(folder / name, "not part of the generation")
    with ThreadPoolExecutor(HASHING) as threads:
        verified = threads.map(lambda name: _verify_file(folder / name, manifest.files[name]), manifest.files)
        deque(verified, maxlen=0)  # raises the first error
    return sum(facts.size for facts in manifest.files.values())


def read_small(path: Path) -> bytes:
    """Read a small file that is not verified yet, without blocking on a pipe or an endless device.

    Raises OSError: it cannot be read, is not a plain file, or has more than SMALL bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if status.st_size > SMALL:
            raise OSError(errno.EFBIG, f"longer than {SMALL:,} bytes", str(path))
        return os.read(descriptor, SMALL)
    finally:
        os.close(descriptor)


def list_files(folder: Path) -> Iterator[str]:
    """Relative paths of all files below `folder`, sorted in each folder.

    Raises:
        Damaged: an entry that is neither a plain file nor a folder, such as a link.
        OSError: a folder that cannot be listed.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from (f"{entry.name}/{name}" for name in list_files(Path(entry.path)))
        elif entry.is_file(follow_symlinks=False):
            yield entry.name
        else:
            raise Damaged(Path(entry.path), "neither a plain file nor a folder")


def file_digest(path: Path) -> FileDigest:
    """Size and SHA-256 of a file as it is on disk. Raises `OSError`."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileDigest(os.fstat(stream.fileno()).st_size, digest)


def content_digest(content: bytes) -> FileDigest:
    """Size and SHA-256 of a file's intended content."""
    return FileDigest(len(content), hashlib.sha256(content).hexdigest())


def _verify_file(path: Path, digest: FileDigest) -> None:
    try:
        size = path.stat().st_size
        if size != digest.size:
            raise Damaged(path, f"resized: {digest.size} bytes were published, {size} are there")
        if file_digest(path) != digest:
            raise Damaged(path, "changed: its SHA-256 is not the one in the manifest")
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error


def _to_json(fields: Mapping[str, object]) -> bytes:
    return (json.dumps(fields, indent=1, sort_keys=True) + "\n").encode("ascii")


def _parse(content: bytes, path: Path) -> Manifest:
    """Serialising the fields again must give the same bytes, so every byte of the file is checked."""
    try:
        fields = json.loads(content)
        fields.pop("seal")
        if fields["format"] != FORMAT:
            raise OtherFormat(path, fields["format"], FORMAT)
        fields["files"] = {name: FileDigest(**facts) for name, facts in fields["files"].items()}
        manifest = Manifest(**fields)
        unchanged = manifest_bytes(manifest) == content
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged(path, "not a manifest") from error
    if not unchanged:
        raise Damaged(path, "changed: it does not match its own seal")
    for name in manifest.files:
        if not is_file_name(name):
            raise Damaged(path, f"names {name!r}, which no generation has")
    return manifest
