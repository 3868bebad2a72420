"""Reads and writes a shard as Parquet, a row for each file: its article or reason, and its encoded passages.

    source          string                         name of the file
    article         binary, or null                the article, as a line of `index.generation.articles`
    reason          string, or null                why there is none
    digests         list<fixed_size_binary[32]>    SHA-256 of what was encoded of each passage
    sentences       list<int64>                    number of sentences of each passage
    vectors         list<fixed_size_list<float>>   the vector of each sentence
    lengths         list<float>                    how long it was before it was made a unit vector
    token_counts    list<int64>                    number of tokens of each sentence
    tokens          large_binary                   the int8 vectors of all tokens

Tokens are bytes since Parquet stores a list of int8 in four bytes each. The file's metadata holds the key
inputs and the SHA-256 of all columns: a truncated, changed or foreign file is detected.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from corpus.article import Article, Unreadable
from corpus.sandbox.pool import Outcome
from index.embedding.encoder import EncodedPassages
from index.engine.shards import ShardKeyInputs
from index.errors import BuildFailed
from index.generation.articles import article_line, article_of_line

_SEAL = b"pullquote"
_DIGEST = 32
# pyarrow raises these for a file that is not Parquet or lacks a column.
_MALFORMED = (OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError, MemoryError)


@dataclass(frozen=True, slots=True, eq=False)
class ShardContent:
    """Source and outcome of each file, the number of its passages, and what was made of these.

    `digests` has shape (passages, 32); `counts` adds up to the passages.
    """

    outcomes: Sequence[tuple[str, Outcome]]
    counts: Sequence[int]
    digests: NDArray[np.uint8]
    passages: EncodedPassages


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
    ends = list(accumulate(content.counts, initial=0))
    digests = [list(map(bytes, content.digests[start:end])) for start, end in pairwise(ends)]
    passages = [content.passages.take(np.arange(start, end)) for start, end in pairwise(ends)]
    numbers, vector = pa.list_(pa.int64()), pa.list_(pa.float32(), inputs.dimension)
    table = pa.table(
        {
            "source": pa.array([source for source, _, _ in rows], pa.string()),
            "article": pa.array([article for _, article, _ in rows], pa.binary()),
            "reason": pa.array([reason for _, _, reason in rows], pa.string()),
            "digests": pa.array(digests, pa.list_(pa.binary(_DIGEST))),
            "sentences": pa.array([part.counts for part in passages], numbers),
            "vectors": pa.array([list(part.vectors) for part in passages], pa.list_(vector)),
            "lengths": pa.array([part.lengths for part in passages], pa.list_(pa.float32())),
            "token_counts": pa.array([part.token_counts for part in passages], numbers),
            "tokens": pa.array([part.tokens.tobytes() for part in passages], pa.large_binary()),
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
    rows = table.select(["source", "article", "reason", "digests", "sentences", "tokens"]).to_pylist()
    digests = b"".join(digest for row in rows for digest in row["digests"])
    token_counts = _numbers(table.column("token_counts"), np.int64)
    tokens = np.frombuffer(b"".join(row["tokens"] for row in rows), dtype=np.int8)
    return ShardContent(
        outcomes=[(row["source"], _outcome(row["article"], row["reason"])) for row in rows],
        counts=[len(row["sentences"]) for row in rows],
        digests=np.frombuffer(digests, dtype=np.uint8).reshape(-1, _DIGEST),
        passages=EncodedPassages(
            counts=_numbers(table.column("sentences"), np.int64),
            vectors=_numbers(table.column("vectors"), np.float32).reshape(-1, inputs.dimension),
            lengths=_numbers(table.column("lengths"), np.float32),
            token_counts=token_counts,
            tokens=tokens.reshape(int(token_counts.sum()), inputs.token_dimension),
        ),
    )


def _numbers(column: Any, dtype: DTypeLike) -> NDArray[Any]:
    """All numbers of a column of lists, or of lists of vectors."""
    numbers = column.combine_chunks()
    while numbers.type.num_fields:
        numbers = numbers.flatten()
    return np.asarray(numbers, dtype=dtype)


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
    digest.update(json.dumps(list(content.counts)).encode() + content.digests.tobytes())
    for field in fields(content.passages):
        array = getattr(content.passages, field.name)
        digest.update(json.dumps(array.shape).encode() + array.tobytes())
    return json.dumps({**asdict(inputs), "sha256": digest.hexdigest()}, sort_keys=True).encode()
