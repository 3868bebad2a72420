"""Building: articles to a new generation in the data folder, reusing the vectors of unchanged text."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from index.contents import Contents, lay_out
from index.durable import Disk, Lock, reported
from index.encoder import Encoder
from index.errors import BuildFailed, Damaged, NoIndex
from index.generation import Generation
from index.manifest import Manifest, content_facts
from index.publish import publish
from index.store import CURRENT, LOCK, generations, number, open_current

KEPT = 2  # generations: the published one, and the one that readers may still be answering from
SPARE_BYTES = 1 << 20  # beyond what the estimate says
WORDS_PER_TEXT = 4  # the two lexical indexes take at most this many bytes per byte of articles

Progress = Callable[[int, int], None]


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
    progress: Progress | None = None,
    disk: Disk | None = None,
) -> Built:
    """Publish a generation of exactly these articles in the data folder, unless it is published already.

    Text whose vector the published generation holds, made by the same model, is not encoded again.
    `progress` is called with the texts encoded so far and the texts to encode. `disk` is for tests.

    Raises:
        BuildFailed: no article, no space, a write that failed, or a check that failed.
        Locked: another build is at work.
    """
    disk = disk or Disk()
    contents = lay_out(articles, encoder)
    with reported(data):
        disk.make_data_folder(data)
        with Lock(data / LOCK):
            before = _published(data)
            _sweep(data, before, disk=disk)
            if before and _unchanged(before.manifest, contents, encoder):
                return Built(before.id, 0, len(contents.texts), True)
            _check_space(data, contents, encoder, disk=disk)
            vectors, encoded = _vectors(contents, encoder, before, progress=progress)
            name = publish(data, contents, vectors, encoder=encoder, disk=disk)
            _retire(data, disk=disk)
    return Built(name, encoded, len(contents.texts) - encoded, False)


def _published(data: Path) -> Generation | None:
    """The published generation if it is sound: a damaged one is replaced, and nothing of it reused."""
    try:
        return open_current(data)
    except (NoIndex, Damaged):
        return None


def _sweep(data: Path, before: Generation | None, *, disk: Disk) -> None:
    """Remove what dead builds left: temporary folders, and generations that were never published."""
    left = [*data.glob("tmp-*"), *data.glob(CURRENT + ".tmp")]
    if before:
        left += [data / name for name in generations(data) if number(name) > number(before.id)]
    for path in left:
        disk.remove(path)


def _unchanged(manifest: Manifest, contents: Contents, encoder: Encoder) -> bool:
    same_model = (manifest.model, manifest.fingerprint) == (encoder.name, encoder.fingerprint)
    same_files = all(manifest.files.get(name) == content_facts(file) for name, file in contents.files.items())
    # What else the settings tell is which backend made the vectors, and those of agreeing backends are alike.
    return same_model and same_files and contents.settings.items() <= manifest.settings.items()


def _check_space(data: Path, contents: Contents, encoder: Encoder, *, disk: Disk) -> None:
    rows = len(contents.texts) + len(contents.sentences) + len(contents.passages)
    texts = sum(len(file) for file in contents.files.values())
    needed = 4 * encoder.dimension * rows + (1 + WORDS_PER_TEXT) * texts + SPARE_BYTES
    free = disk.free(data)
    if free < needed:
        reason = f"about {needed >> 20} MB are needed and {free >> 20} MB are free"
        raise BuildFailed(reason, path=data, errno=errno.ENOSPC)


def _vectors(
    contents: Contents, encoder: Encoder, before: Generation | None, *, progress: Progress | None
) -> tuple[NDArray[np.float32], int]:
    """The vector of each text, and how many were encoded for it."""
    vectors = np.zeros((len(contents.texts), encoder.dimension), dtype=np.float32)
    known: dict[bytes, int] = {}
    if before and before.manifest.fingerprint == encoder.fingerprint:
        known = {digest.tobytes(): row for row, digest in enumerate(before.digests)}
    new: list[int] = []
    for row, digest in enumerate(contents.digests):
        old = known.get(digest.tobytes())
        if before is None or old is None:
            new.append(row)
        else:
            vectors[row] = before.vectors[old]
    done = 0

    def advance(texts: int) -> None:
        nonlocal done
        done += texts
        if progress:
            progress(done, len(new))

    vectors[new] = encoder.encode([contents.texts[row] for row in new], progress=advance)
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise BuildFailed(f"the model {encoder.name} gave a vector whose length is not 1; use another model")
    return vectors, len(new)


def _retire(data: Path, *, disk: Disk) -> None:
    """Keep the last two. What cannot be removed now is removed after the next build."""
    with suppress(OSError):
        for name in generations(data)[:-KEPT]:
            disk.remove(data / name)
