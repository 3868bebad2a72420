"""A shard on disk: what is read is what was written, or nothing."""

from __future__ import annotations

import io
from dataclasses import asdict, replace

import numpy as np
import pytest

from corpus.article import Unreadable
from index.embedding.encoder import EncodedPassages
from index.engine.shard_file import ShardContent, read_shard, shard_bytes
from index.engine.shards import ShardKeyInputs
from tests.support.fakes import article

RECIPE = ShardKeyInputs("f" * 64, 2, 3, 24, "torch", "c" * 64)
FERRY = article("ferry", "The ferry sails.", heading="“Ferries” 😀")
CONTENT = ShardContent(
    outcomes=[("ferry.md", FERRY), ("empty.md", Unreadable("is empty")), ("quay.md", article("quay", "No."))],
    counts=[2, 0, 1],
    digests=np.arange(96, dtype=np.uint8).reshape(3, 32),
    passages=EncodedPassages(
        counts=np.array([2, 0, 1]),
        vectors=np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32),
        lengths=np.array([3, 4, 5], dtype=np.float32),
        token_counts=np.array([1, 0, 2]),
        tokens=np.array([[127, 0, 0], [0, -127, 0], [0, 90, 90]], dtype=np.int8),
    ),
)
NOTHING = ShardContent(
    outcomes=[("empty.md", Unreadable("is empty"))],
    counts=[0],
    digests=np.empty((0, 32), np.uint8),
    passages=EncodedPassages.none(2, 3),
)
WITHOUT_TOKENS = replace(
    CONTENT,
    passages=replace(
        CONTENT.passages, token_counts=np.zeros(3, dtype=np.int64), tokens=np.zeros((0, 0), dtype=np.int8)
    ),
)


def same(read: ShardContent | None, written: ShardContent) -> bool:
    def told(content: ShardContent) -> list[object]:
        outcomes = [(s, str(o) if isinstance(o, Unreadable) else o) for s, o in content.outcomes]
        passages = [(array.dtype, array.shape, array.tolist()) for array in asdict(content.passages).values()]
        return [outcomes, list(content.counts), content.digests.tolist(), passages]

    return read is not None and told(read) == told(written)


@pytest.mark.parametrize(
    ("content", "recipe"),
    [(CONTENT, RECIPE), (NOTHING, RECIPE), (WITHOUT_TOKENS, replace(RECIPE, token_dimension=0))],
)
def test_what_is_written_is_read(content: ShardContent, recipe: ShardKeyInputs) -> None:
    raw = shard_bytes(content, recipe)
    assert same(read_shard(raw, recipe), content)
    assert raw == shard_bytes(content, recipe)


def test_it_is_a_parquet_file_that_others_read() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(io.BytesIO(shard_bytes(CONTENT, RECIPE))).to_pylist()
    assert [(row["source"], row["reason"]) for row in rows] == [
        ("ferry.md", None),
        ("empty.md", "is empty"),
        ("quay.md", None),
    ]
    assert [row["digests"] for row in rows] == [
        [bytes(range(32)), bytes(range(32, 64))],
        [],
        [bytes(range(64, 96))],
    ]
    assert [row["sentences"] for row in rows] == [[2, 0], [], [1]]
    assert rows[0]["vectors"] == [[1, 0], [0, 1]]
    assert rows[2]["vectors"] == [pytest.approx([0.6, 0.8])]
    assert [row["lengths"] for row in rows] == [[3, 4], [], [5]]
    assert [row["token_counts"] for row in rows] == [[1, 0], [], [2]]
    assert [list(row["tokens"]) for row in rows] == [[127, 0, 0], [], [0, 129, 0, 0, 90, 90]]


def test_a_shard_of_another_recipe_is_none() -> None:
    raw = shard_bytes(CONTENT, RECIPE)
    assert read_shard(raw, replace(RECIPE, fingerprint="e" * 64)) is None
    assert read_shard(raw, replace(RECIPE, dimension=1)) is None
    assert read_shard(raw, replace(RECIPE, token_dimension=1)) is None


def test_one_wrong_byte_or_a_missing_end_never_gives_other_content() -> None:
    raw = shard_bytes(CONTENT, RECIPE)
    refused = 0
    for at in range(0, len(raw), 3):
        changed = read_shard(raw[:at] + bytes([raw[at] ^ 0x41]) + raw[at + 1 :], RECIPE)
        refused += changed is None
        # Parquet has bytes that say nothing, such as the version of what wrote it.
        assert changed is None or same(changed, CONTENT), at
        assert read_shard(raw[:at], RECIPE) is None, at
    assert refused > 100
    assert read_shard(b"", RECIPE) is None
