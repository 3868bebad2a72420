"""Builds a generation from articles in the data folder, reusing what was made of unchanged passages."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from corpus.article import Article
from index.building.embed import (
    Block,
    EmbeddingCheckpoint,
    Progress,
    checkpoint_folders,
    encode_passages,
    reuse_passages,
)
from index.building.layout import GenerationPlan, plan_generation
from index.building.publish import publish
from index.embedding.encoder import Encoder
from index.errors import BuildFailed, Damaged, NoIndex
from index.generation.data_folder import DataFolder, number
from index.generation.generation import Generation
from index.generation.manifest import Manifest, content_digest
from index.retrieval.index_type import AUTO, Plan
from index.storage.durable_io import Disk, as_build_failure

SPARE_BYTES = 1 << 20  # added to the estimate
SUM_BYTES = 20  # of a sentence: the lengths of its sums, and where its tokens begin
CHARACTERS_PER_TOKEN = 3  # at least, in English: 4.5 with the spaces
WORDS_PER_TEXT = 4  # the two lexical indexes take at most this many bytes per byte of articles


@dataclass(frozen=True, slots=True)
class Built:
    """The published generation, and how many of its passages were encoded or reused."""

    generation: str
    encoded: int
    reused: int
    unchanged: bool


def build(
    articles: Sequence[Article],
    encoder: Encoder,
    data: Path,
    *,
    plan: Plan = AUTO,
    precomputed: Iterable[Block] = (),
    progress: Progress | None = None,
    disk: Disk | None = None,
) -> Built:
    """Publish a generation of exactly these articles in the data folder, unless it is published already.

    A passage is encoded only if what the same model made of it is neither in the published generation, nor in
    the checkpoint of a stopped build, nor in `precomputed`. `plan` is how the vectors will be searched.
    `progress` is called with the passages encoded so far and the passages to encode.

    Raises:
        BuildFailed: no article, no space, a failed write or a failed check.
        Locked: another build is running.
    """
    disk = disk or Disk()
    contents = plan_generation(articles, encoder, plan=plan)
    with as_build_failure(data):
        disk.make_data_folder(data)
        with DataFolder(data).lock():
            before = _published(data)
            checkpoint = EmbeddingCheckpoint(data, encoder, disk=disk)
            _sweep(data, before, checkpoint, disk=disk)
            if before and _unchanged(before.manifest, contents, encoder):
                _retire(data, disk=disk)  # undone if a build died after publishing
                return Built(before.id, 0, len(contents.digests), True)
            _check_space(data, contents, encoder, disk=disk)
            reuse_passages(precomputed, encoder, before, checkpoint, token_vectors=plan.token_vectors)
            passages, encoded = encode_passages(contents, encoder, before, checkpoint, progress=progress)
            name = publish(data, contents, passages, encoder=encoder, disk=disk)
            _retire(data, disk=disk)
    return Built(name, encoded, len(contents.digests) - encoded, False)


def _published(data: Path) -> Generation | None:
    """The published generation if it is sound; a damaged one is replaced and not reused."""
    try:
        return DataFolder(data).open()
    except (NoIndex, Damaged):
        return None


def _sweep(data: Path, before: Generation | None, checkpoint: EmbeddingCheckpoint, *, disk: Disk) -> None:
    """Remove leftovers of dead builds, but not the checkpoint of this model."""
    leftovers = [
        *DataFolder(data).leftovers(),
        *checkpoint_folders(data, but=checkpoint.folder),
    ]
    if before:
        leftovers += [
            data / name for name in DataFolder(data).generations() if number(name) > number(before.id)
        ]
    for path in leftovers:
        disk.remove(path)


def _unchanged(manifest: Manifest, contents: GenerationPlan, encoder: Encoder) -> bool:
    same_model = (manifest.model, manifest.fingerprint) == (encoder.name, encoder.fingerprint)
    same_files = all(
        manifest.files.get(name) == content_digest(file) for name, file in contents.files.items()
    )
    # The other settings name the backend; backends with one fingerprint make equal vectors.
    return same_model and same_files and contents.settings.items() <= manifest.settings.items()


def _check_space(data: Path, contents: GenerationPlan, encoder: Encoder, *, disk: Disk) -> None:
    # The checkpoint holds what was encoded a second time until publication.
    characters = int((contents.passage_spans[:, 2] - contents.passage_spans[:, 1]).sum())
    vectors = len(contents.sentence_spans) * (4 * encoder.dimension + SUM_BYTES)  # float32 in the checkpoint
    tokens = contents.plan.token_vectors * characters // CHARACTERS_PER_TOKEN * encoder.token_dimension
    texts = sum(map(len, contents.files.values()))
    needed = 2 * (vectors + tokens) + (1 + WORDS_PER_TEXT) * texts + SPARE_BYTES
    free = disk.free(data)
    if free < needed:
        reason = f"about {needed >> 20} MB are needed and {free >> 20} MB are free"
        raise BuildFailed(reason, path=data, errno=errno.ENOSPC)


def _retire(data: Path, *, disk: Disk) -> None:
    """Remove all but the last two generations; a failed removal is retried by the next build."""
    with suppress(OSError):
        for folder in checkpoint_folders(data):
            disk.remove(folder)
        DataFolder(data).retire(disk=disk)
