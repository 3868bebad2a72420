"""Copies the generation published in an engine into a data folder; nothing is encoded again."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from index.engine.collections import MilvusStore
from index.engine.files import GenerationFiles
from index.engine.remote_generation import vector_file
from index.errors import BuildFailed, Damaged, NoIndex
from index.generation.data_folder import DataFolder, Pointer
from index.generation.files import DENSE, MANIFEST, VECTORS
from index.generation.manifest import Manifest, file_digest, read_manifest, verify_files, write_manifest
from index.retrieval.index_type import Kind, Plan
from index.retrieval.tuning import make_index
from index.storage.arrays import STORED, read_array
from index.storage.durable_io import Disk, as_build_failure


def download(store: MilvusStore, data: Path, *, disk: Disk | None = None) -> str:
    """Publish the engine's generation in a data folder; returns the generation's name.

    Raises:
        Unreachable, FilesUnreachable: the engine or its folder of files is away.
        Altered: something differs from what was published.
        BuildFailed: the disk is full, or the copy is not sound.
    """
    disk, folder = disk or Disk(), DataFolder(data)
    name = store.published()
    with as_build_failure(data):
        disk.make_data_folder(data)
        with folder.lock():
            for path in folder.leftovers():
                disk.remove(path)
            if not _is_published(folder, GenerationFiles(store.address, name)):
                name = _publish(store, name, folder, disk=disk)
            folder.retire(disk=disk)
    return name


def _is_published(folder: DataFolder, files: GenerationFiles) -> bool:
    """Whether the folder publishes this generation, undamaged."""
    try:
        same = folder.current().manifest_sha256 == hashlib.sha256(files.manifest()).hexdigest()
        return same and bool(folder.open())
    except (NoIndex, Damaged):
        return False


def _publish(store: MilvusStore, name: str, folder: DataFolder, *, disk: Disk) -> str:
    """Copy it beside the published one, under a name that is free, and only then move `CURRENT`."""
    temporary = folder.path / f"tmp-{secrets.token_hex(8)}"
    try:
        disk.make_folder(temporary)
        manifest = _copy(store, name, temporary / name, folder, disk=disk)
        digest = file_digest(temporary / name / MANIFEST).sha256
        disk.rename(temporary / name, folder.path / manifest.generation)
        folder.publish(Pointer(manifest.generation, digest), disk=disk)
    finally:
        with suppress(OSError):
            disk.remove(temporary)
    return manifest.generation


def _copy(store: MilvusStore, name: str, folder: Path, data: DataFolder, *, disk: Disk) -> Manifest:
    """Copy and flush the files; returns the manifest of the copy."""
    manifest = GenerationFiles(store.address, name).download(folder, disk=disk)
    disk.write_blocks(folder / VECTORS, vector_file(store, manifest))
    manifest = _with_own_name(folder, _with_index(folder, manifest), data, disk=disk)
    try:
        verify_files(folder, manifest)
    except Damaged as error:
        raise BuildFailed(f"the copy from {store.address.shown} is not sound: {error.reason}") from error
    for path in sorted(folder.rglob("*")):
        disk.sync_folder(path) if path.is_dir() else disk.sync_file(path)
    disk.sync_folder(folder)
    return manifest


def _with_index(folder: Path, manifest: Manifest) -> Manifest:
    """Build an approximate FAISS index again; a flat one needs no file."""
    kind = Kind(str(manifest.index["kind"]))
    if kind is Kind.FLAT:
        return manifest
    shape = manifest.counts["sentences"], manifest.dimension
    vectors = read_array(folder / VECTORS, dtype=STORED, shape=shape, mapped=True)
    index = make_index(folder / DENSE, vectors, Plan(kind))
    files = {**manifest.files, DENSE: file_digest(folder / DENSE)}
    return replace(manifest, files=files, index=index)


def _with_own_name(folder: Path, manifest: Manifest, data: DataFolder, *, disk: Disk) -> Manifest:
    """Another name if the copy has its own index, or if a damaged generation has the name already."""
    if folder.name not in data.generations() and read_manifest(folder) == manifest:
        return manifest
    manifest = replace(manifest, generation=data.next_name(secrets.token_hex(8)))
    disk.remove(folder / MANIFEST)
    write_manifest(folder, manifest, disk=disk)
    return manifest
