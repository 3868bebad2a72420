"""Reads and writes a shard as Parquet, a row for each file: its article or reason, and its vectors.

    source     string                         name of the file
    article    binary, or null                the article, as a line of `index.generation.articles`
    reason     string, or null                why there is none
    digests    list<fixed_size_binary[32]>    SHA-256 of each text that no earlier row has
    vectors    list<fixed_size_list<float>>   the vector of each of these

The file's metadata holds the key inputs and the SHA-256 of all columns: a truncated, changed or foreign file
is detected.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article, Unreadable
from corpus.sandbox.pool import Outcome
from index.engine.shards import ShardKeyInputs
from index.errors import BuildFailed
from index.generation.articles import article_line, article_of_line

_SEAL = b"pullquote"
_DIGEST = 32
# pyarrow raises these for a file that is not Parquet or lacks a column.
_MALFORMED = (OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError, MemoryError)


@dataclass(frozen=True, slots=True, eq=False)
class ShardContent:
    """Source and outcome of each file, the number of its texts, and their digests and vectors.

    `digests` has shape (texts, 32) and `vectors` (texts, dimension); `counts` adds up to the texts.
    """

    outcomes: Sequence[tuple[str, Outcome]]
    counts: Sequence[int]
    digests: NDArray[np.uint8]
    vectors: NDArray[np.float32]


def check_parquet() -> None:
    """Raises BuildFailed if pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise BuildFailed('shards need pyarrow; run `pip install "pullquote[ray]"`') from error


def shard_bytes(content: ShardContent, inputs: ShardKeyInputs) -> bytes:
    """A shard as Parquet; the same content gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(source, outcome) for source, outcome in content.outcomes]
    offsets = pa.array([0, *accumulate(content.counts)], pa.int32())
    digests = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_DIGEST), len(content.digests), [None, pa.py_buffer(content.digests.tobytes())]
    )
    numbers = pa.array(np.ascontiguousarray(content.vectors, dtype=np.float32).reshape(-1))
    vectors = pa.FixedSizeListArray.from_arrays(numbers, inputs.dimension)
    table = pa.table(
        {
            "source": pa.array([source for source, _, _ in rows], pa.string()),
            "article": pa.array([article for _, article, _ in rows], pa.binary()),
            "reason": pa.array([reason for _, _, reason in rows], pa.string()),
            "digests": pa.ListArray.from_arrays(offsets, digests),
            "vectors": pa.ListArray.from_arrays(offsets, vectors),
        }
    ).replace_schema_metadata({_SEAL: _seal(content, inputs)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, use_dictionary=False, write_page_checksum=True)
    return bytes(sink.getvalue().to_pybytes())


def read_shard(raw: bytes, inputs: ShardKeyInputs) -> ShardContent | None:
    """The content of `shard_bytes`; None if it is malformed, truncated or has other key inputs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(raw), page_checksum_verification=True)
        content = _content(table.combine_chunks(), inputs)
        sealed = (table.schema.metadata or {}).get(_SEAL) == _seal(content, inputs)
    except _MALFORMED:
        return None
    return content if sealed else None


def _content(table: Any, inputs: ShardKeyInputs) -> ShardContent:
    columns = {name: table.column(name) for name in ("source", "article", "reason", "digests", "vectors")}
    rows = zip(*(columns[name].to_pylist() for name in ("source", "article", "reason")), strict=True)
    lists = list(columns["digests"].chunks)
    digests = b"".join(digest for chunk in lists for digest in chunk.flatten().to_pylist())
    numbers = [
        chunk.flatten().flatten().to_numpy(zero_copy_only=False) for chunk in columns["vectors"].chunks
    ]
    vectors = np.concatenate([np.empty(0, np.float32), *numbers]).astype(np.float32, copy=False)
    return ShardContent(
        outcomes=[(source, _outcome(article, reason)) for source, article, reason in rows],
        counts=[len(texts) for chunk in lists for texts in chunk],
        digests=np.frombuffer(digests, dtype=np.uint8).reshape(-1, _DIGEST),
        vectors=vectors.reshape(-1, inputs.dimension),
    )


def _row(source: str, outcome: Outcome) -> tuple[str, bytes | None, str | None]:
    if isinstance(outcome, Article):
        return source, article_line(outcome), None
    return source, None, str(outcome)


def _outcome(article: bytes | None, reason: str | None) -> Outcome:
    return Unreadable(str(reason)) if article is None else article_of_line(article)


def _seal(content: ShardContent, inputs: ShardKeyInputs) -> bytes:
    """The key inputs and the SHA-256 of all columns, as JSON."""
    digest = hashlib.sha256()
    for source, outcome in content.outcomes:
        for part in _row(source, outcome):
            raw = part.encode() if isinstance(part, str) else part
            digest.update(b"-" if raw is None else len(raw).to_bytes(8, "big") + raw)
    digest.update(json.dumps(list(content.counts)).encode())
    digest.update(content.digests.tobytes() + np.ascontiguousarray(content.vectors).tobytes())
    return json.dumps({**asdict(inputs), "sha256": digest.hexdigest()}, sort_keys=True).encode()
