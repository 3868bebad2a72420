"""Builds a shard: reads, splits and encodes its files and stores the result; independent of Ray."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from corpus.article import Article
from corpus.sandbox.pool import Workers
from corpus.sources.remote import RemoteFolder
from index.building.layout import split_article
from index.embedding.encoder import Encoder, PassageText
from index.engine.shard_file import ShardContent, read_shard, shard_bytes
from index.engine.shards import Shard, ShardKeyInputs


@dataclass(frozen=True, slots=True)
class BuiltShard:
    """A shard with the number of its files and of passages encoded now: 0 if it was `reused`."""

    key: str
    files: int
    passages: int
    reused: bool


class ShardBuilder:
    """Builds one shard after the other; leaving the `with` block ends its reading processes."""

    def __init__(
        self, encoder: Encoder, folder: RemoteFolder, inputs: ShardKeyInputs, *, readers: int = 1
    ) -> None:
        self._encoder = encoder
        self._folder = folder
        self._inputs = inputs
        self._workers = Workers(most=readers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.__exit__(kind, error, trace)

    def build(self, shard: Shard) -> BuiltShard:
        """Build a shard unless a sound one is stored: its machine may have died just after writing it.

        Raises:
            Unreached: the files, or the folder of shards.
            CorpusError: no reading process can be started.
        """
        if self._folder.exists(shard.name) and read_shard(self._folder.read(shard.name), self._inputs):
            return BuiltShard(shard.key, len(shard.files), 0, True)
        content = self._content(shard)
        self._folder.write(shard.name, shard_bytes(content, self._inputs))
        return BuiltShard(shard.key, len(shard.files), len(content.digests), False)

    def _content(self, shard: Shard) -> ShardContent:
        outcomes = list(self._workers.read(shard.files))
        passages: list[PassageText] = []
        counts: list[int] = []
        for _, outcome in outcomes:
            before = len(passages)
            if isinstance(outcome, Article):
                passages.extend(split_article(outcome, self._encoder).passage_texts())
            counts.append(len(passages) - before)
        digests = b"".join(passage.digest() for passage in passages)
        return ShardContent(
            outcomes=outcomes,
            counts=counts,
            digests=np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32),
            passages=self._encoder.encode_passages(passages),
        )
