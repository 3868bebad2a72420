"""What is published in an engine back into a data folder: nothing is encoded again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from index.engine.collections import MilvusStore
from index.engine.files import ChunkedFiles, places, without_files
from index.engine.remote_generation import fetch_files
from index.errors import BuildFailed, Damaged
from index.generation.data_folder import DataFolder, Pointer
from index.generation.files import (
    ARTICLES,
    DENSE_PASSAGES,
    DENSE_SENTENCES,
    ELSEWHERE,
    MANIFEST,
    PASSAGE_ROWS,
    SENTENCE_ROWS,
    VECTORS,
)
from index.generation.manifest import Manifest, file_facts, read_manifest, verify_files, write_manifest
from index.retrieval.index_type import Kind, Plan
from index.retrieval.tuning import make_index
from index.storage.arrays import array_header, read_array
from index.storage.durable_io import Disk, as_build_failure

BLOCK = 2_000
"""Vectors in memory at once: 3 MB of 384 numbers each."""


def download(store: MilvusStore, data: Path, *, disk: Disk | None = None) -> str:
    """Publish in a data folder what is published in an engine; returns the generation's name.

    Raises:
        Unreachable, Altered: the engine is away, or something there is not as it was published.
        BuildFailed: the disk is full, or what was fetched is not sound.
    """
    disk, name = disk or Disk(), store.published()
    with as_build_failure(data):
        disk.make_data_folder(data)
        with DataFolder(data).lock():
            temporary = data / f"tmp-{secrets.token_hex(8)}"
            try:
                return _brought(store, name, data, temporary, disk=disk)
            finally:
                with suppress(OSError):
                    disk.remove(temporary)


def _brought(store: MilvusStore, name: str, data: Path, temporary: Path, *, disk: Disk) -> str:
    folder = temporary / name
    disk.make_folder(temporary)
    disk.make_folder(folder)
    pieces = ChunkedFiles(store, name)
    (folder / MANIFEST).write_bytes(pieces.manifest())
    manifest = read_manifest(folder)
    fetch_files(pieces, manifest, folder, without_files(manifest, ELSEWHERE - {ARTICLES}))
    disk.write_blocks(folder / VECTORS, _vector_file(store, manifest))
    manifest = _with_lists(folder, manifest, data, disk=disk)
    try:
        verify_files(folder, manifest)
    except Damaged as error:
        raise BuildFailed(f"what {store.address.shown} gave is not sound: {error.reason}") from error
    for path in sorted(folder.rglob("*")):
        disk.sync_folder(path) if path.is_dir() else disk.sync_file(path)
    digest = file_facts(folder / MANIFEST).sha256
    if (data / manifest.generation).exists():
        disk.remove(data / manifest.generation)
    disk.rename(folder, data / manifest.generation)
    DataFolder(data).publish(Pointer(manifest.generation, digest), disk=disk)
    return manifest.generation


def _with_lists(folder: Path, manifest: Manifest, data: Path, *, disk: Disk) -> Manifest:
    """Make the lists again that an engine does not keep; the generation is then another one."""
    kinds = {file: Kind(str(facts["kind"])) for file, facts in manifest.indexes.items()}
    if all(kind is Kind.FLAT for kind in kinds.values()):
        return manifest
    shape = manifest.counts["vectors"], manifest.dimension
    vectors = read_array(folder / VECTORS, dtype=np.float32, shape=shape, mapped=True)
    files, indexes = dict(manifest.files), dict(manifest.indexes)
    for file, rows in ((DENSE_SENTENCES, SENTENCE_ROWS), (DENSE_PASSAGES, PASSAGE_ROWS)):
        if kinds[file] is not Kind.FLAT:
            found = np.load(folder / rows, allow_pickle=False)
            indexes[file] = make_index(folder / file, vectors, found, Plan(kinds[file]))
            files[file] = file_facts(folder / file)
    name = DataFolder(data).next_name(secrets.token_hex(8))
    made = replace(manifest, generation=name, files=files, indexes=indexes)
    disk.remove(folder / MANIFEST)
    write_manifest(folder, made, disk=disk)
    return made


def stream_large_files(store: MilvusStore, manifest: Manifest) -> Mapping[str, Iterator[bytes]]:
    """The content of the files that an engine keeps for itself, read from there block by block."""
    place = places(without_files(manifest, ELSEWHERE - {ARTICLES}))[ARTICLES]
    articles = ChunkedFiles(store, manifest.generation).read(place)
    return {VECTORS: _vector_file(store, manifest), ARTICLES: articles}


def _vector_file(store: MilvusStore, manifest: Manifest) -> Iterator[bytes]:
    count = manifest.counts["vectors"]
    blocks = (np.arange(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
    header = array_header((count, manifest.dimension), np.float32)
    return chain([header], (store.vectors(manifest.generation, ids).tobytes() for ids in blocks))
