"""Builds a shard: reads, splits and encodes its files and stores the result; independent of Ray."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from corpus.article import Article
from corpus.passages import split_passages
from corpus.sandbox.pool import Workers
from corpus.sentences import split_sentences
from corpus.sources.remote import RemoteFolder
from index.embedding.encoder import Encoder
from index.engine.shard_file import ShardContent, read_shard, shard_bytes
from index.engine.shards import Shard, ShardKeyInputs
from index.generation.spans import window
from index.storage.arrays import text_digest


@dataclass(frozen=True, slots=True)
class BuiltShard:
    """A shard with the number of its files and of texts encoded now: 0 if it was `reused`."""

    key: str
    files: int
    texts: int
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
        texts: dict[bytes, str] = {}
        counts: list[int] = []
        for _, outcome in outcomes:
            before = len(texts)
            if isinstance(outcome, Article):
                texts.update(distinct_texts(outcome, self._encoder))
            counts.append(len(texts) - before)
        vectors = np.empty((0, self._inputs.dimension), dtype=np.float32)
        if texts:
            vectors = self._encoder.encode(list(texts.values()))
        digests = np.frombuffer(b"".join(texts), dtype=np.uint8).reshape(-1, 32)
        return ShardContent(outcomes, counts, digests, vectors)


def distinct_texts(article: Article, encoder: Encoder) -> dict[bytes, str]:
    """The distinct texts of an article that get a vector (see `index.building.layout`), by digest."""
    sentences = split_sentences(article)
    passages = split_passages(sentences, limit=encoder.max_tokens, count_tokens=encoder.count_tokens)
    spans = [(sentence.start, sentence.end) for sentence in sentences]
    spans += [(passage.start, passage.end) for passage in passages]
    spans += [window(sentences, row) for row in range(len(sentences))]
    texts = (article.text[start:end] for start, end in spans)
    return {text_digest(text): text for text in texts}
