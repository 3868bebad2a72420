"""Making a shard: its files are read, split and encoded, and what came of it is kept at a place.

This is the work that is given to other machines; it needs nothing of the cluster that carries it there.
"""

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
class Made:
    """What was done for a shard: texts encoded for it now, none where it was there already."""

    key: str
    files: int
    texts: int
    there: bool


class ShardMaker:
    """Makes shards, one after the other; leaving the `with` block ends its reading processes."""

    def __init__(
        self, encoder: Encoder, place: RemoteFolder, recipe: ShardKeyInputs, *, readers: int = 1
    ) -> None:
        """`readers` processes read files for it."""
        self._encoder = encoder
        self._place = place
        self._recipe = recipe
        self._workers = Workers(most=readers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.__exit__(kind, error, trace)

    def make(self, shard: Shard) -> Made:
        """Make a shard, unless a sound one is at the place: a machine may have died just after it wrote it.

        Raises:
            Unreached: the files, or the place.
            CorpusError: no reading process can be started.
        """
        if self._place.exists(shard.name) and read_shard(self._place.read(shard.name), self._recipe):
            return Made(shard.key, len(shard.files), 0, True)
        content = self._content(shard)
        self._place.write(shard.name, shard_bytes(content, self._recipe))
        return Made(shard.key, len(shard.files), len(content.digests), False)

    def _content(self, shard: Shard) -> ShardContent:
        outcomes = list(self._workers.read((file, file.source) for file in shard.files))
        texts: dict[bytes, str] = {}
        counts: list[int] = []
        for _, outcome in outcomes:
            before = len(texts)
            if isinstance(outcome, Article):
                texts.update(texts_of(outcome, self._encoder))
            counts.append(len(texts) - before)
        vectors = np.empty((0, self._recipe.dimension), dtype=np.float32)
        if texts:
            vectors = self._encoder.encode(list(texts.values()))
        digests = np.frombuffer(b"".join(texts), dtype=np.uint8).reshape(-1, 32)
        return ShardContent(outcomes, counts, digests, vectors)


def texts_of(article: Article, encoder: Encoder) -> dict[bytes, str]:
    """Every different text of an article that `index.building.layout` gives a vector, by its digest."""
    sentences = split_sentences(article)
    passages = split_passages(sentences, limit=encoder.max_tokens, count_tokens=encoder.count_tokens)
    spans = [(sentence.start, sentence.end) for sentence in sentences]
    spans += [(passage.start, passage.end) for passage in passages]
    spans += [window(sentences, row) for row in range(len(sentences))]
    texts = (article.text[start:end] for start, end in spans)
    return {text_digest(text): text for text in texts}
