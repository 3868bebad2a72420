"""Publishing: one generation, written, flushed, checked, renamed, and only then named in `CURRENT`.

Whatever moment this dies at, readers find the old generation or the new one, whole. The random part
of a generation's name keeps a build that died between the two renames from standing in the way of
the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.check import check_probes, check_texts
from index.contents import Contents
from index.dense import DenseIndex
from index.durable import Disk
from index.encoder import Encoder, encoding_facts
from index.errors import BuildFailed, Damaged, NoIndex
from index.generation import DENSE_PASSAGES, DENSE_SENTENCES, LEXICAL, VECTORS, open_generation
from index.lexical import LexicalIndex
from index.manifest import (
    FORMAT,
    FileFacts,
    Manifest,
    content_facts,
    file_facts,
    list_files,
    verify_files,
    write_manifest,
)
from index.records import array_bytes
from index.store import CURRENT, Pointer, current, generations, number, pointer_bytes


def publish(
    data: Path, contents: Contents, vectors: NDArray[np.float32], *, encoder: Encoder, disk: Disk
) -> str:
    """Publish a generation; the caller holds the lock. Returns its name.

    What a failure leaves behind is removed as far as that is possible.

    Raises:
        BuildFailed: the new generation failed its own check.
        OSError: a write failed.
    """
    nonce = secrets.token_hex(8)
    latest = max(map(number, generations(data)), default=0)
    name = f"gen-{latest + 1}-{nonce}"
    temporary = data / f"tmp-{nonce}"
    try:
        files = _write(temporary, contents, vectors, disk=disk)
        manifest = _manifest(name, contents, files, encoder=encoder)
        _self_check(temporary, manifest)
        digest = write_manifest(temporary, manifest, disk=disk)
        disk.sync_folder(temporary)
        disk.rename(temporary, data / name)
        disk.replace(data / CURRENT, pointer_bytes(Pointer(name, digest)))
    finally:
        _discard(data, temporary, name, disk=disk)
    return name


def _write(
    folder: Path, contents: Contents, vectors: NDArray[np.float32], *, disk: Disk
) -> dict[str, FileFacts]:
    """Write and flush everything but the manifest. Hashes are of what was meant, not of what arrived."""
    disk.make_folder(folder)
    files: dict[str, FileFacts] = {}
    for file, content in _contents(contents, vectors):
        disk.write_file(folder / file, content)
        files[file] = content_facts(content)
    lexical = folder / LEXICAL
    disk.make_folder(lexical)
    passages = (passage.text for passage in contents.passages)
    LexicalIndex.create(lexical, (sentence.text for sentence in contents.sentences), passages)
    for file in list_files(lexical):
        disk.sync_file(lexical / file)
        files[f"{LEXICAL}/{file}"] = file_facts(lexical / file)
    for place in (*lexical.iterdir(), lexical, folder):
        disk.sync_folder(place)
    return files


def _contents(contents: Contents, vectors: NDArray[np.float32]) -> Iterator[tuple[str, bytes]]:
    """Made one at a time: the vectors are the big part, and each of these holds them once more."""
    yield from contents.files.items()
    yield VECTORS, array_bytes(vectors)
    yield DENSE_SENTENCES, DenseIndex.build(vectors[contents.sentence_rows]).to_bytes()
    yield DENSE_PASSAGES, DenseIndex.build(vectors[contents.passage_rows]).to_bytes()


def _manifest(name: str, contents: Contents, files: dict[str, FileFacts], *, encoder: Encoder) -> Manifest:
    return Manifest(
        format=FORMAT,
        generation=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=encoder.name,
        fingerprint=encoder.fingerprint,
        dimension=encoder.dimension,
        settings={**contents.settings, **encoding_facts(encoder)},
        counts={
            "articles": len(contents.articles),
            "sentences": len(contents.sentences),
            "passages": len(contents.passages),
            "vectors": len(contents.texts),
        },
        files=files,
    )


def _self_check(folder: Path, manifest: Manifest) -> None:
    try:
        verify_files(folder, manifest)
        generation = open_generation(folder, manifest)
        check_texts(generation)
        check_probes(generation)
    except Damaged as error:
        number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
        reason = f"the new generation is not sound: {error.reason}"
        raise BuildFailed(reason, path=error.file, errno=number) from error


def _discard(data: Path, temporary: Path, name: str, *, disk: Disk) -> None:
    """Remove a build that was not published, as far as that is possible; the next one sweeps the rest."""
    with suppress(OSError, NoIndex, Damaged):
        disk.remove(temporary)
        if (data / name).exists() and current(data).generation != name:
            disk.remove(data / name)
