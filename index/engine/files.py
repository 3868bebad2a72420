"""Keeps the files of a generation in a folder that every server sees: a path or any fsspec address.

    <QA_STORE_FILES>/<collection>/<generation>/manifest.json, articles.jsonl, lexical/sentence/…

Left out are the vectors of sentences, which Milvus holds, and their FAISS index; those of tokens are a file
like any other. manifest.json is written last, so a folder with one is complete. Every other file is compared
with its SHA-256 in the manifest on each download.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from corpus.sources.remote import RemoteFolder, Unreached
from index.engine.address import Address
from index.errors import Altered, FilesUnreachable, Missing, OtherFormat
from index.generation.files import LEXICAL, MANIFEST, VECTOR_FILES
from index.generation.manifest import FileDigest, Manifest, file_digest, read_manifest
from index.retrieval.filter import Granularity
from index.storage.durable_io import Disk


class GenerationFiles:
    """The files of one generation. Every method raises FilesUnreachable if the folder cannot be reached."""

    def __init__(self, address: Address, generation: str) -> None:
        self._name = f"{address.collection}/{generation}"
        self._shown = address.shown
        with self._reached():
            self._folder = RemoteFolder(f"{address.files}/{self._name}")

    def upload(self, folder: Path, manifest: Manifest) -> None:
        """Copy the files of a generation folder, the manifest last."""
        with self._reached():
            for name in (*shared_files(manifest), MANIFEST):
                self._folder.upload(folder / name, name)

    def repair(self, folder: Path, manifest: Manifest) -> int:
        """Upload the files that are missing or have another SHA-256; returns their number."""
        digests = {**shared_files(manifest), MANIFEST: file_digest(folder / MANIFEST)}
        with self._reached():
            damaged = [name for name, digest in digests.items() if self._sha256(name) != digest.sha256]
            for name in damaged:
                self._folder.upload(folder / name, name)
        return len(damaged)

    def manifest(self) -> bytes:
        """The bytes of manifest.json. Raises Missing."""
        with self._reached():
            try:
                return self._folder.read(MANIFEST)
            except FileNotFoundError as error:
                raise Missing(f"the folder of QA_STORE_FILES ({self._name})") from error

    def download(self, folder: Path, *, disk: Disk | None = None) -> Manifest:
        """Copy the files into a new folder, named after the generation, and verify each.

        Raises:
            Missing: there is no manifest.
            Altered, Damaged: a file is missing or has another SHA-256, or the manifest is not one.
            OSError: the folder cannot be written.
        """
        disk = disk or Disk()
        disk.make_folder(folder)
        disk.write_file(folder / MANIFEST, self.manifest())
        try:
            manifest = read_manifest(folder)
        except OtherFormat as error:
            place = f"{self._shown}: {self._name}"
            raise OtherFormat(error.file, error.found, error.expected, place=place) from error
        for subfolder in (LEXICAL, *(f"{LEXICAL}/{granularity}" for granularity in Granularity)):
            disk.make_folder(folder / subfolder)
        for name, digest in shared_files(manifest).items():
            self._download(name, folder / name, digest, disk=disk)
        return manifest

    def remove(self) -> None:
        """Remove all files; a folder that does not exist is no error."""
        with self._reached():
            self._folder.remove_all()

    def _sha256(self, name: str) -> str:
        """The SHA-256 of a stored file, "" if it is missing."""
        sha256 = hashlib.sha256()
        try:
            for block in self._folder.read_blocks(name):
                sha256.update(block)
        except FileNotFoundError:
            return ""
        return sha256.hexdigest()

    def _download(self, name: str, path: Path, digest: FileDigest, *, disk: Disk) -> None:
        try:
            with self._reached():
                sha256 = disk.write_blocks(path, self._folder.read_blocks(name))
        except FileNotFoundError as error:
            raise Altered(self._shown, f"{self._name}/{name} is missing") from error
        if sha256 != digest.sha256:
            raise Altered(self._shown, f"{self._name}/{name} has another SHA-256 than in its manifest")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except Unreached as error:
            raise FilesUnreachable(self._shown, str(error)) from error


def shared_files(manifest: Manifest) -> Mapping[str, FileDigest]:
    """The files of a generation that lie in the folder: all except `VECTOR_FILES`."""
    return {name: digest for name, digest in manifest.files.items() if name not in VECTOR_FILES}
