"""Copies the generation published in an engine into a data folder; nothing is encoded again."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from index.engine.collections import MilvusStore
from index.engine.files import GenerationFiles
from index.engine.remote_generation import vector_file
from index.errors import BuildFailed, Damaged
from index.generation.data_folder import DataFolder, Pointer
from index.generation.files import (
    DENSE_PASSAGES,
    DENSE_SENTENCES,
    MANIFEST,
    PASSAGE_ROWS,
    SENTENCE_ROWS,
    VECTORS,
)
from index.generation.manifest import Manifest, file_digest, verify_files, write_manifest
from index.retrieval.index_type import Kind, Plan
from index.retrieval.tuning import make_index
from index.storage.arrays import read_array
from index.storage.durable_io import Disk, as_build_failure


def download(store: MilvusStore, data: Path, *, disk: Disk | None = None) -> str:
    """Publish the engine's generation in a data folder; returns the generation's name.

    Raises:
        Unreachable, FilesUnreachable: the engine or its folder of files is away.
        Altered: something differs from what was published.
        BuildFailed: the disk is full, or the copy is not sound.
    """
    disk, name = disk or Disk(), store.published()
    with as_build_failure(data):
        disk.make_data_folder(data)
        with DataFolder(data).lock():
            temporary = data / f"tmp-{secrets.token_hex(8)}"
            try:
                return _download(store, name, data, temporary, disk=disk)
            finally:
                with suppress(OSError):
                    disk.remove(temporary)


def _download(store: MilvusStore, name: str, data: Path, temporary: Path, *, disk: Disk) -> str:
    folder = temporary / name
    disk.make_folder(temporary)
    manifest = GenerationFiles(store.address, name).download(folder)
    disk.write_blocks(folder / VECTORS, vector_file(store, manifest))
    manifest = _with_indexes(folder, manifest, data, disk=disk)
    try:
        verify_files(folder, manifest)
    except Damaged as error:
        raise BuildFailed(f"the copy from {store.address.shown} is not sound: {error.reason}") from error
    for path in sorted(folder.rglob("*")):
        disk.sync_folder(path) if path.is_dir() else disk.sync_file(path)
    digest = file_digest(folder / MANIFEST).sha256
    if (data / manifest.generation).exists():
        disk.remove(data / manifest.generation)
    disk.rename(folder, data / manifest.generation)
    DataFolder(data).publish(Pointer(manifest.generation, digest), disk=disk)
    return manifest.generation


def _with_indexes(folder: Path, manifest: Manifest, data: Path, *, disk: Disk) -> Manifest:
    """Build approximate FAISS indexes again, which makes this another generation; flat ones need no file."""
    kinds = {file: Kind(str(parameters["kind"])) for file, parameters in manifest.indexes.items()}
    if all(kind is Kind.FLAT for kind in kinds.values()):
        return manifest
    shape = manifest.counts["vectors"], manifest.dimension
    vectors = read_array(folder / VECTORS, dtype=np.float32, shape=shape, mapped=True)
    files, indexes = dict(manifest.files), dict(manifest.indexes)
    for file, rows_file in ((DENSE_SENTENCES, SENTENCE_ROWS), (DENSE_PASSAGES, PASSAGE_ROWS)):
        if kinds[file] is not Kind.FLAT:
            rows = np.load(folder / rows_file, allow_pickle=False)
            indexes[file] = make_index(folder / file, vectors, rows, Plan(kinds[file]))
            files[file] = file_digest(folder / file)
    name = DataFolder(data).next_name(secrets.token_hex(8))
    changed = replace(manifest, generation=name, files=files, indexes=indexes)
    disk.remove(folder / MANIFEST)
    write_manifest(folder, changed, disk=disk)
    return changed
