"""Publishes a generation: writes, flushes, checks and renames it, and only then names it in `CURRENT`.

A crash at any moment leaves readers the whole old generation or the whole new one. The random part of a
generation's name avoids a clash with a build that died between the two renames.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from corpus.article import Passage, Sentence
from index.building.embed import EncodedPlan
from index.building.layout import GenerationPlan
from index.embedding.encoder import Encoder
from index.embedding.load import encoding_metadata
from index.errors import BuildFailed, Damaged, NoIndex
from index.generation.data_folder import DataFolder, Pointer
from index.generation.files import DENSE, LEXICAL, SUMS, TOKEN_STARTS, TOKENS, VECTORS
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
from index.generation.sums import sum_lengths
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.lexical_index import IndexedText, LexicalIndex
from index.retrieval.tuning import make_index
from index.storage.arrays import STORED, Counts, Vectors, array_bytes, array_header, read_array
from index.storage.durable_io import Disk


def publish(
    data: Path, contents: GenerationPlan, passages: EncodedPlan, *, encoder: Encoder, disk: Disk
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
            files, index, counts = _write(temporary, contents, passages, encoder, disk=disk)
            manifest = Manifest(
                format=FORMAT,
                generation=name,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                model=encoder.name,
                fingerprint=encoder.fingerprint,
                dimension=encoder.dimension,
                token_dimension=encoder.token_dimension,
                settings={**contents.settings, **encoding_metadata(encoder)},
                counts=counts,
                index=index,
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
    folder: Path, contents: GenerationPlan, passages: EncodedPlan, encoder: Encoder, *, disk: Disk
) -> tuple[dict[str, FileDigest], Mapping[str, Fact], dict[str, int]]:
    """Write and flush everything but the manifest; returns the files, the dense index and the counts.

    Where the content is in memory its hash is taken from there, so that the check finds a bad write.
    """
    disk.make_folder(folder)
    files, tokens = _write_encoded(folder, contents, passages, encoder, disk=disk)
    for file, content in contents.files.items():
        disk.write_file(folder / file, content)
        files[file] = content_digest(content)
    counts = {
        "articles": len(contents.articles),
        "sentences": len(contents.sentence_spans),
        "passages": len(contents.passage_spans),
        "tokens": tokens,
    }
    disk.step("index", folder / DENSE)
    vectors = read_array(
        folder / VECTORS, dtype=STORED, shape=(counts["sentences"], encoder.dimension), mapped=True
    )
    index = make_index(folder / DENSE, vectors, contents.plan)
    written = [DENSE] if (folder / DENSE).exists() else []
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
    return files, index, counts


def _write_encoded(
    folder: Path, contents: GenerationPlan, passages: EncodedPlan, encoder: Encoder, *, disk: Disk
) -> tuple[dict[str, FileDigest], int]:
    """Write vectors, sums and tokens, in two rounds; returns the files and how many tokens there are."""
    lengths: list[Vectors] = []
    token_counts: list[Counts] = []

    def vectors() -> Iterator[Vectors]:
        for block in passages.blocks():
            lengths.append(block.lengths)
            token_counts.append(block.token_counts)
            yield block.vectors

    shape = len(contents.sentence_spans), encoder.dimension
    files = {VECTORS: _write_array(folder / VECTORS, shape, STORED, vectors(), disk=disk)}
    starts = np.concatenate([[0], np.concatenate(token_counts).cumsum()]).astype(np.int64)
    tokens = int(starts[-1])
    # Without tokens there is nothing to read everything a second time for.
    blocks = (block.tokens for block in passages.blocks()) if tokens else ()
    token_shape = tokens, encoder.token_dimension
    files[TOKENS] = _write_array(folder / TOKENS, token_shape, np.int8, blocks, disk=disk)
    read = read_array(folder / VECTORS, dtype=STORED, shape=shape, mapped=True)
    sums = sum_lengths(read, np.concatenate(lengths), contents.sentence_spans, contents.passage_spans)
    for file, array in ((SUMS, sums), (TOKEN_STARTS, starts)):
        content = array_bytes(array)
        disk.write_file(folder / file, content)
        files[file] = content_digest(content)
    return files, tokens


def _write_array(
    path: Path, shape: tuple[int, int], dtype: DTypeLike, blocks: Iterable[NDArray[Any]], *, disk: Disk
) -> FileDigest:
    header = array_header(shape, dtype)
    digest = disk.write_blocks(path, chain([header], (block.astype(dtype).tobytes() for block in blocks)))
    return FileDigest(len(header) + np.dtype(dtype).itemsize * math.prod(shape), digest)


def _indexed_texts(spans: Iterable[Sentence | Passage], facets: FacetColumns) -> Iterator[IndexedText]:
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
