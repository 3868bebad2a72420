"""Building: articles to a new generation in the data folder, reusing the vectors of unchanged text."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from corpus.article import Article
from index.building.embed import Block, EmbeddingCheckpoint, Progress, encode_texts, others, reuse_vectors
from index.building.layout import GenerationPlan, plan_generation
from index.building.publish import publish
from index.embedding.encoder import Encoder
from index.errors import BuildFailed, Damaged, NoIndex
from index.generation.data_folder import CURRENT, DataFolder, number
from index.generation.generation import Generation
from index.generation.manifest import Manifest, content_facts
from index.retrieval.index_type import AUTO, Plan
from index.storage.durable_io import Disk, as_build_failure

KEPT = 2  # generations: the published one, and the one that readers may still be answering from
SPARE_BYTES = 1 << 20  # beyond what the estimate says
WORDS_PER_TEXT = 4  # the two lexical indexes take at most this many bytes per byte of articles


@dataclass(frozen=True, slots=True)
class Built:
    """The published generation, and how many of its different texts were encoded or reused."""

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
    found: Iterable[Block] = (),
    progress: Progress | None = None,
    disk: Disk | None = None,
) -> Built:
    """Publish a generation of exactly these articles in the data folder, unless it is published already.

    Text whose vector the published generation holds, made by the same model, is not encoded again, nor what a
    build encoded that was stopped before it could publish, nor what is `found` with its vector, made
    elsewhere by the same model. `plan` is how the vectors will be searched.
    `progress` is called with the texts encoded so far and the texts to encode. `disk` is for tests.

    Raises:
        BuildFailed: no article, no space, a write that failed, or a check that failed.
        Locked: another build is at work.
    """
    disk = disk or Disk()
    contents = plan_generation(articles, encoder, plan=plan)
    with as_build_failure(data):
        disk.make_data_folder(data)
        with DataFolder(data).lock():
            before = _published(data)
            encoded = EmbeddingCheckpoint(data, encoder.fingerprint, dimension=encoder.dimension, disk=disk)
            _sweep(data, before, encoded, disk=disk)
            if before and _unchanged(before.manifest, contents, encoder):
                _retire(data, disk=disk)  # a build that died once it had published left that undone
                return Built(before.id, 0, len(contents.texts), True)
            _check_space(data, contents, encoder, disk=disk)
            reuse_vectors(found, encoder, before, encoded)
            vectors, made = encode_texts(contents, encoder, before, encoded, progress=progress)
            name = publish(data, contents, vectors, encoder=encoder, disk=disk)
            _retire(data, disk=disk)
    return Built(name, made, len(contents.texts) - made, False)


def _published(data: Path) -> Generation | None:
    """The published generation if it is sound: a damaged one is replaced, and nothing of it reused."""
    try:
        return DataFolder(data).open()
    except (NoIndex, Damaged):
        return None


def _sweep(data: Path, before: Generation | None, encoded: EmbeddingCheckpoint, *, disk: Disk) -> None:
    """Remove what dead builds left, but for vectors that this one can use.

    That is: temporary folders, vectors of other models, and generations that were never published.
    """
    left = [*data.glob("tmp-*"), *data.glob(CURRENT + ".tmp"), *others(data, keep=encoded.folder)]
    if before:
        left += [data / name for name in DataFolder(data).generations() if number(name) > number(before.id)]
    for path in left:
        disk.remove(path)


def _unchanged(manifest: Manifest, contents: GenerationPlan, encoder: Encoder) -> bool:
    same_model = (manifest.model, manifest.fingerprint) == (encoder.name, encoder.fingerprint)
    same_files = all(manifest.files.get(name) == content_facts(file) for name, file in contents.files.items())
    # What else the settings tell is which backend made the vectors, and those of agreeing backends are alike.
    return same_model and same_files and contents.settings.items() <= manifest.settings.items()


def _check_space(data: Path, contents: GenerationPlan, encoder: Encoder, *, disk: Disk) -> None:
    rows = len(contents.texts) + len(contents.sentences) + len(contents.passages)
    texts = sum(len(file) for file in contents.files.values())
    # The vectors lie there twice until they are published.
    rows += len(contents.texts)
    needed = 4 * encoder.dimension * rows + (1 + WORDS_PER_TEXT) * texts + SPARE_BYTES
    free = disk.free(data)
    if free < needed:
        reason = f"about {needed >> 20} MB are needed and {free >> 20} MB are free"
        raise BuildFailed(reason, path=data, errno=errno.ENOSPC)


def _retire(data: Path, *, disk: Disk) -> None:
    """Keep the last two. What cannot be removed now is removed after the next build."""
    with suppress(OSError):
        for folder in others(data):
            disk.remove(folder)
        for name in DataFolder(data).generations()[:-KEPT]:
            disk.remove(data / name)
