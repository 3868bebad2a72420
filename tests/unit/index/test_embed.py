from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from index.building.build import build
from index.building.embed import EmbeddingCheckpoint, checkpoint_folders
from index.embedding.encoder import EncodedPassages, PassageText
from index.errors import NoIndex
from index.generation.data_folder import DataFolder
from index.storage.durable_io import Disk
from tests.support.fakes import WordEncoder, article
from tests.support.index_changes import make_writable

FINGERPRINT = "ab" * 32
DIGESTS = np.arange(3 * 32, dtype=np.uint8).reshape(3, 32)
VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
ARTICLES = [article(f"a{n}", f"Ferry number {n} sails. It is green.") for n in range(6)]


ENCODED = EncodedPassages(
    counts=np.array([1, 0, 2]),
    vectors=VECTORS,
    lengths=np.array([3, 1, 2], dtype=np.float32),
    token_counts=np.array([2, 0, 1]),
    tokens=np.array([[127], [5], [-127]], dtype=np.int8),
)


class Planes(WordEncoder):
    dimension, token_dimension = 2, 1


def opened(data: Path, fingerprint: str = FINGERPRINT) -> EmbeddingCheckpoint:
    return EmbeddingCheckpoint(data, Planes(fingerprint=fingerprint), disk=Disk())


def fields(encoded: EncodedPassages) -> list[object]:
    return [getattr(encoded, name).tolist() for name in encoded.__slots__]


def part(*passages: int) -> EncodedPassages:
    return ENCODED.take(np.array(passages, dtype=np.int64))


def test_what_was_added_is_there_for_the_next_build(tmp_path: Path) -> None:
    first = opened(tmp_path)
    assert (len(first), first.folder.exists()) == (0, False)
    first.add(DIGESTS[:2], part(0, 1))
    first.add(DIGESTS[2:], part(2))
    again = opened(tmp_path)
    assert len(again) == 3
    assert all(digest.tobytes() in again for digest in DIGESTS)
    for order in ((0, 1, 2), (2, 0), (1, 1, 2, 0), ()):
        read = again.read([DIGESTS[position].tobytes() for position in order])
        assert fields(read) == fields(part(*order))
    assert b"x" * 32 not in again


def test_some_passages_of_others_have_their_own_sentences_and_tokens() -> None:
    assert fields(part(2, 0)) == [
        [2, 1],
        VECTORS[[1, 2, 0]].tolist(),
        [1, 2, 3],
        [0, 1, 2],
        [[-127], [127], [5]],
    ]
    assert fields(EncodedPassages.join([part(0), part(1, 2)])) == fields(ENCODED)


def test_vectors_of_another_model_are_not_there(tmp_path: Path) -> None:
    opened(tmp_path).add(DIGESTS, ENCODED)
    assert len(opened(tmp_path, "cd" * 32)) == 0
    assert [path.name for path in checkpoint_folders(tmp_path)] == ["encoded-" + FINGERPRINT[:16]]
    assert list(checkpoint_folders(tmp_path, but=opened(tmp_path).folder)) == []


@pytest.mark.parametrize("at", [*range(0, 64, 7), *range(64, 1_700, 211)])
def test_a_block_with_one_wrong_byte_or_cut_short_is_not_read(tmp_path: Path, at: int) -> None:
    first = opened(tmp_path)
    first.add(DIGESTS[:2], part(0, 1))
    first.add(DIGESTS[2:], part(2))
    (block, _) = sorted(first.folder.iterdir())
    content = block.read_bytes()
    make_writable(first.folder)
    for damaged in (content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], content[:at]):
        block.write_bytes(damaged)
        again = opened(tmp_path)
        assert len(again) == 1
        assert fields(again.read([DIGESTS[2].tobytes()])) == fields(part(2))
    again.add(DIGESTS[:2], part(0, 1))
    assert len(opened(tmp_path)) == 3


class Stopped(WordEncoder):
    """Encodes so many calls, then is interrupted as by Ctrl-C."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._left = calls

    def encode_passages(
        self, passages: Sequence[PassageText], *, progress: Callable[[int], None] | None = None
    ) -> EncodedPassages:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        return super().encode_passages(passages, progress=progress)


def test_a_stopped_build_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.building.embed.BLOCK", 2)
    whole = build(ARTICLES, WordEncoder(), tmp_path / "whole")
    data = tmp_path / "data"
    first, second = Stopped(2), WordEncoder()
    with pytest.raises(KeyboardInterrupt):
        build(ARTICLES, first, data)
    with pytest.raises(NoIndex):
        DataFolder(data).open()
    built = build(ARTICLES, second, data)
    assert (len(first.encoded), built.encoded, built.reused) == (4, whole.encoded - 4, 4)
    assert set(first.encoded).isdisjoint(second.encoded)
    one, other = DataFolder(data).open(), DataFolder(tmp_path / "whole").open()
    np.testing.assert_array_equal(one.vectors, other.vectors)
    np.testing.assert_array_equal(one.tokens, other.tokens)
    np.testing.assert_array_equal(one.sums, other.sums)
    assert sorted(path.name for path in data.iterdir()) == ["CURRENT", "LOCK", built.generation]


def test_a_stopped_rebuild_leaves_the_old_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.building.embed.BLOCK", 2)
    old = build(ARTICLES[:1], WordEncoder(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        build(ARTICLES, Stopped(1), tmp_path)
    assert DataFolder(tmp_path).open().id == old.generation
    # Only two more articles now: what was encoded of others is not taken along.
    built = build(ARTICLES[:2], WordEncoder(), tmp_path)
    assert len(DataFolder(tmp_path).open().passages) == built.encoded + built.reused
    assert list(checkpoint_folders(tmp_path)) == []
