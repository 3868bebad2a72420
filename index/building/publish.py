"""Publishes a generation: writes, flushes, checks and renames it, and only then names it in `CURRENT`.

A crash at any moment leaves readers the whole old generation or the whole new one. The random part of a
generation's name avoids a clash with a build that died between the two renames.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import numpy as np

from corpus.article import Passage, Sentence
from index.building.embed import TextVectors
from index.building.layout import GenerationPlan
from index.embedding.encoder import Encoder
from index.embedding.load import encoding_metadata
from index.errors import BuildFailed, Damaged, NoIndex
from index.generation.data_folder import DataFolder, Pointer
from index.generation.files import DENSE_PASSAGES, DENSE_SENTENCES, LEXICAL, VECTORS
from index.generation.generation import open_generation
from index.generation.manifest import (
    FORMAT,
    Fact,
    FileDigest,
    Manifest,
    content_digest,
    file_digest,
    list_files,
    verify_files,
    write_manifest,
)
from index.generation.self_check import check_probes, check_texts
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.lexical_index import IndexedText, LexicalIndex
from index.retrieval.tuning import make_index
from index.storage.arrays import array_header, read_array
from index.storage.durable_io import Disk


def publish(
    data: Path, contents: GenerationPlan, vectors: TextVectors, *, encoder: Encoder, disk: Disk
) -> str:
    """Publish a generation; the caller holds the lock. Returns its name.

    Files of a failed build are removed if possible.

    Raises:
        BuildFailed: the new generation failed its own check.
        OSError: a write failed.
    """
    nonce = secrets.token_hex(8)
    folder = DataFolder(data)
    name = folder.next_name(nonce)
    temporary = data / f"tmp-{nonce}"
    try:
        with _as_build_failure():
            files, indexes = _write(temporary, contents, vectors, disk=disk)
            manifest = Manifest(
                format=FORMAT,
                generation=name,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                model=encoder.name,
                fingerprint=encoder.fingerprint,
                dimension=encoder.dimension,
                settings={**contents.settings, **encoding_metadata(encoder)},
                counts={
                    "articles": len(contents.facets.articles),
                    "sentences": len(contents.sentences),
                    "passages": len(contents.passages),
                    "vectors": len(contents.texts),
                },
                indexes=indexes,
                files=files,
            )
            _self_check(temporary, manifest)
        digest = write_manifest(temporary, manifest, disk=disk)
        disk.sync_folder(temporary)
        disk.rename(temporary, data / name)
        folder.publish(Pointer(name, digest), disk=disk)
    finally:
        _discard(data, temporary, name, disk=disk)
    return name


def _write(
    folder: Path, contents: GenerationPlan, vectors: TextVectors, *, disk: Disk
) -> tuple[dict[str, FileDigest], dict[str, Mapping[str, Fact]]]:
    """Write and flush everything but the manifest; returns the files and the dense indexes.

    Where the content is in memory its hash is taken from there, so that the check finds a bad write.
    """
    disk.make_folder(folder)
    files: dict[str, FileDigest] = {VECTORS: _write_vectors(folder / VECTORS, vectors, disk=disk)}
    for file, content in contents.files.items():
        disk.write_file(folder / file, content)
        files[file] = content_digest(content)
    indexes = _write_dense(folder, contents, vectors.shape, disk=disk)
    written = [file for file in (DENSE_SENTENCES, DENSE_PASSAGES) if (folder / file).exists()]
    lexical = folder / LEXICAL
    disk.make_folder(lexical)
    disk.step("index", lexical)
    spans = contents.sentences, contents.passages
    LexicalIndex.create(lexical, *(_indexed_texts(part, contents.facets) for part in spans))
    written += [f"{LEXICAL}/{file}" for file in list_files(lexical)]
    for file in written:
        disk.sync_file(folder / file)
        files[file] = file_digest(folder / file)
    for folder_written in (*lexical.iterdir(), lexical):
        disk.sync_folder(folder_written)
    return files, indexes


def _write_vectors(path: Path, vectors: TextVectors, *, disk: Disk) -> FileDigest:
    header = array_header(vectors.shape, np.float32)
    digest = disk.write_blocks(path, chain([header], (block.tobytes() for block in vectors.blocks())))
    return FileDigest(len(header) + 4 * math.prod(vectors.shape), digest)


def _write_dense(
    folder: Path, contents: GenerationPlan, shape: tuple[int, ...], *, disk: Disk
) -> dict[str, Mapping[str, Fact]]:
    """Both dense indexes, made from the mapped vectors."""
    vectors = read_array(folder / VECTORS, dtype=np.float32, shape=shape, mapped=True)
    units = {DENSE_SENTENCES: contents.sentence_rows, DENSE_PASSAGES: contents.passage_rows}
    indexes: dict[str, Mapping[str, Fact]] = {}
    for file, rows in units.items():
        disk.step("index", folder / file)
        indexes[file] = make_index(folder / file, vectors, rows, contents.plan)
    return indexes


def _indexed_texts(spans: Sequence[Sentence | Passage], facets: FacetColumns) -> Iterator[IndexedText]:
    """Each text with the filter ids of its article."""
    rows = {article.id: row for row, article in enumerate(facets.articles)}
    filter_ids = facets.filter_ids()
    return ((span.text, filter_ids(rows[span.article.id])) for span in spans)


def _self_check(folder: Path, manifest: Manifest) -> None:
    verify_files(folder, manifest)
    generation = open_generation(folder, manifest)
    check_texts(generation)
    check_probes(generation)


@contextmanager
def _as_build_failure() -> Iterator[None]:
    """Damage found before publication is a failed build, not a damaged index."""
    try:
        yield
    except Damaged as error:
        number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
        reason = f"the new generation is not sound: {error.reason}"
        raise BuildFailed(reason, path=error.file, errno=number) from error


def _discard(data: Path, temporary: Path, name: str, *, disk: Disk) -> None:
    """Remove an unpublished build if possible; the next build sweeps the rest."""
    with suppress(OSError, Damaged):
        disk.remove(temporary)
        if (data / name).exists() and not _is_current(data, name):
            disk.remove(data / name)


def _is_current(data: Path, name: str) -> bool:
    try:
        return DataFolder(data).current().generation == name
    except NoIndex:
        return False
