"""A shard on disk: what is read is what was written, or nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from corpus.article import Unreadable
from index.engine.shard_file import ShardContent, read_shard, shard_bytes
from index.engine.shards import ShardKeyInputs
from tests.support.fakes import article

RECIPE = ShardKeyInputs("f" * 64, 2, 24, "torch", "c" * 64)
FERRY = article("ferry", "The ferry sails.", heading="“Ferries” 😀")
CONTENT = ShardContent(
    outcomes=[("ferry.md", FERRY), ("empty.md", Unreadable("is empty")), ("quay.md", article("quay", "No."))],
    counts=[2, 0, 1],
    digests=np.arange(96, dtype=np.uint8).reshape(3, 32),
    vectors=np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32),
)
NOTHING = ShardContent(
    outcomes=[("empty.md", Unreadable("is empty"))],
    counts=[0],
    digests=np.empty((0, 32), np.uint8),
    vectors=np.empty((0, 2), np.float32),
)


def same(read: ShardContent | None, written: ShardContent) -> bool:
    def told(content: ShardContent) -> list[object]:
        outcomes = [(s, str(o) if isinstance(o, Unreadable) else o) for s, o in content.outcomes]
        return [outcomes, list(content.counts), content.digests.tolist(), content.vectors.tolist()]

    return read is not None and told(read) == told(written)


@pytest.mark.parametrize("content", [CONTENT, NOTHING])
def test_what_is_written_is_read(content: ShardContent) -> None:
    raw = shard_bytes(content, RECIPE)
    assert same(read_shard(raw, RECIPE), content)
    assert raw == shard_bytes(content, RECIPE)


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
    assert rows[0]["vectors"] == [[1, 0], [0, 1]]
    assert rows[2]["vectors"] == [pytest.approx([0.6, 0.8])]


def test_a_shard_of_another_recipe_is_none() -> None:
    raw = shard_bytes(CONTENT, RECIPE)
    assert read_shard(raw, replace(RECIPE, fingerprint="e" * 64)) is None
    assert read_shard(raw, replace(RECIPE, dimension=1)) is None


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
