"""A shard as Parquet, a row for each file: what became of it, and the vectors of its texts.

    source     string                         what the file is called
    article    binary, or null                the article, as a line of `index.generation.articles`
    reason     string, or null                why there is none
    digests    list<fixed_size_binary[32]>    the SHA-256 of each text that no row before it has
    vectors    list<fixed_size_list<float>>   the vector of each of these

The file's own facts hold the SHA-256 of all that, so that one cut short, changed or of another recipe is told
from a shard, whoever wrote it.
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
# What pyarrow raises of a file that is no Parquet, or none of these columns.
_NO_SHARD = (OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError, MemoryError)


@dataclass(frozen=True, slots=True, eq=False)
class ShardContent:
    """Source and outcome of each file, how many texts each brought, and the digests and vectors of these.

    `digests` has shape (texts, 32) and `vectors` (texts, dimension); `counts` adds up to the texts.
    """

    outcomes: Sequence[tuple[str, Outcome]]
    counts: Sequence[int]
    digests: NDArray[np.uint8]
    vectors: NDArray[np.float32]


def check_parquet() -> None:
    """Raises BuildFailed where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise BuildFailed('shards need pyarrow; run `pip install "pullquote[ray]"`') from error


def shard_bytes(content: ShardContent, recipe: ShardKeyInputs) -> bytes:
    """A shard as a file; the same content makes the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(source, outcome) for source, outcome in content.outcomes]
    offsets = pa.array([0, *accumulate(content.counts)], pa.int32())
    digests = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_DIGEST), len(content.digests), [None, pa.py_buffer(content.digests.tobytes())]
    )
    numbers = pa.array(np.ascontiguousarray(content.vectors, dtype=np.float32).reshape(-1))
    vectors = pa.FixedSizeListArray.from_arrays(numbers, recipe.dimension)
    table = pa.table(
        {
            "source": pa.array([source for source, _, _ in rows], pa.string()),
            "article": pa.array([article for _, article, _ in rows], pa.binary()),
            "reason": pa.array([reason for _, _, reason in rows], pa.string()),
            "digests": pa.ListArray.from_arrays(offsets, digests),
            "vectors": pa.ListArray.from_arrays(offsets, vectors),
        }
    ).replace_schema_metadata({_SEAL: _seal(content, recipe)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, use_dictionary=False, write_page_checksum=True)
    return bytes(sink.getvalue().to_pybytes())


def read_shard(raw: bytes, recipe: ShardKeyInputs) -> ShardContent | None:
    """What `shard_bytes` wrote, or None when this is not that, or not all of it, or of another recipe."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(raw), page_checksum_verification=True)
        content = _content(table.combine_chunks(), recipe)
        sealed = (table.schema.metadata or {}).get(_SEAL) == _seal(content, recipe)
    except _NO_SHARD:
        return None
    return content if sealed else None


def _content(table: Any, recipe: ShardKeyInputs) -> ShardContent:
    columns = {name: table.column(name) for name in ("source", "article", "reason", "digests", "vectors")}
    rows = zip(*(columns[name].to_pylist() for name in ("source", "article", "reason")), strict=True)
    lists = list(columns["digests"].chunks)
    digests = b"".join(one for chunk in lists for one in chunk.flatten().to_pylist())
    numbers = [
        chunk.flatten().flatten().to_numpy(zero_copy_only=False) for chunk in columns["vectors"].chunks
    ]
    vectors = np.concatenate([np.empty(0, np.float32), *numbers]).astype(np.float32, copy=False)
    return ShardContent(
        outcomes=[(source, _outcome(article, reason)) for source, article, reason in rows],
        counts=[len(one) for chunk in lists for one in chunk],
        digests=np.frombuffer(digests, dtype=np.uint8).reshape(-1, _DIGEST),
        vectors=vectors.reshape(-1, recipe.dimension),
    )


def _row(source: str, outcome: Outcome) -> tuple[str, bytes | None, str | None]:
    if isinstance(outcome, Article):
        return source, article_line(outcome), None
    return source, None, str(outcome)


def _outcome(article: bytes | None, reason: str | None) -> Outcome:
    return Unreadable(str(reason)) if article is None else article_of_line(article)


def _seal(content: ShardContent, recipe: ShardKeyInputs) -> bytes:
    """The recipe, and the SHA-256 of everything in the columns."""
    digest = hashlib.sha256()
    for source, outcome in content.outcomes:
        for part in _row(source, outcome):
            raw = part.encode() if isinstance(part, str) else part
            digest.update(b"-" if raw is None else len(raw).to_bytes(8, "big") + raw)
    digest.update(json.dumps(list(content.counts)).encode())
    digest.update(content.digests.tobytes() + np.ascontiguousarray(content.vectors).tobytes())
    return json.dumps({**asdict(recipe), "sha256": digest.hexdigest()}, sort_keys=True).encode()
