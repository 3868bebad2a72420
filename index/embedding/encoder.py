"""Defines the encoder protocol: a question, and passages of several sentences, each read once.

Late pooling (Günther and others, "Late Chunking", arXiv 2409.04701): a sentence's vector is the sum of the
states of its tokens, read in the context of its passage. Late interaction (Khattab and Zaharia, "ColBERT",
arXiv 2004.12832): each token has a small vector of its own. A model that allows neither reads each sentence
by itself.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from index.storage.arrays import Counts, RowIds, Vectors, concatenate_ranges

TOKEN_SCALE = 127
"""Token vectors are stored as whole numbers: each number of a unit vector times this."""

TokenVectors = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class PassageText:
    """A passage as an encoder reads it; `sentences` are half-open spans of `text`, in order."""

    text: str
    sentences: tuple[tuple[int, int], ...]

    def digest(self) -> bytes:
        """The SHA-256 of text and spans, 32 bytes; a lone surrogate counts as "?"."""
        spans = np.array(self.sentences, dtype="<i4").tobytes()
        return hashlib.sha256(self.text.encode("utf-8", "replace") + b"\0" + spans).digest()


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuestion:
    """A unit vector, shape (d,), and the vectors of the question's tokens, shape (n, t).

    The length of a token's vector is its weight in MaxSim; the weights add up to 1. Without token vectors n
    is 0.
    """

    vector: Vectors
    tokens: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPassages:
    """Passages as an encoder read them: `counts` sentences each, shape (passages,), of n sentences in all.

    `vectors`, shape (n, d), have L2 norm 1; `lengths`, shape (n,), are the norms of the sums that they were:
    added, those make windows and passages. `token_counts`, shape (n,), are the tokens of each sentence in
    `tokens`, shape (tokens, t).
    """

    counts: Counts
    vectors: Vectors
    lengths: Vectors
    token_counts: Counts
    tokens: TokenVectors

    def __len__(self) -> int:
        return len(self.counts)

    @classmethod
    def none(cls, dimension: int, token_dimension: int) -> Self:
        """No passage, of vectors of this size."""
        numbers = np.zeros(0, dtype=np.int64)
        return cls(
            counts=numbers,
            vectors=np.zeros((0, dimension), dtype=np.float32),
            lengths=np.zeros(0, dtype=np.float32),
            token_counts=numbers,
            tokens=np.zeros((0, token_dimension), dtype=np.int8),
        )

    @classmethod
    def join(cls, parts: Sequence[EncodedPassages]) -> Self:
        """The passages of one or more parts, one after the other."""
        return cls(
            counts=np.concatenate([part.counts for part in parts]),
            vectors=np.concatenate([part.vectors for part in parts]),
            lengths=np.concatenate([part.lengths for part in parts]),
            token_counts=np.concatenate([part.token_counts for part in parts]),
            tokens=np.concatenate([part.tokens for part in parts]),
        )

    def without_tokens(self) -> EncodedPassages:
        """The same without token vectors."""
        return replace(self, token_counts=np.zeros_like(self.token_counts), tokens=self.tokens[:0])

    def take(self, passages: RowIds) -> EncodedPassages:
        """Some of the passages, in this order."""
        ends, token_ends = self.counts.cumsum()[passages], self.token_counts.cumsum()
        counts = self.counts[passages]
        sentences = concatenate_ranges(ends - counts, ends)
        token_counts = self.token_counts[sentences]
        return EncodedPassages(
            counts=counts,
            vectors=self.vectors[sentences],
            lengths=self.lengths[sentences],
            token_counts=token_counts,
            tokens=self.tokens[
                concatenate_ranges(token_ends[sentences] - token_counts, token_ends[sentences])
            ],
        )


class Encoder(Protocol):
    """Turns questions and passages into vectors."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def fingerprint(self) -> str:
        """A SHA-256, equal for two encoders exactly when their vectors are comparable."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def token_dimension(self) -> int:
        """Numbers per token vector; 0 if the model has none."""

    @property
    def pools_late(self) -> bool:
        """Whether a passage is read once for all its sentences."""

    @property
    def max_tokens(self) -> int:
        """Tokens after which a text is truncated, with the two special ones."""

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole text, with the two special ones."""

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors in the order of the texts, shape (len(texts), dimension), each of L2 norm 1.

        `progress` is called with the number of texts after each batch.
        """

    def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
        """Each question's vector, as `encode` makes it, with its token vectors."""

    def encode_passages(
        self, passages: Sequence[PassageText], *, progress: Callable[[int], None] | None = None
    ) -> EncodedPassages:
        """The passages in their order; `progress` is called with the number of passages after each batch."""


class SentenceEncoder(ABC):
    """Reads each sentence of a passage by itself, for models whose vectors are no mean of token states."""

    token_dimension: int = 0
    pools_late = False
    dimension: int

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """See `Encoder.count_tokens`."""

    @abstractmethod
    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode`."""

    def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
        """See `Encoder.encode_questions`."""
        return [EncodedQuestion(vector, np.zeros((0, 0), dtype=np.float32)) for vector in self.encode(texts)]

    def encode_passages(
        self, passages: Sequence[PassageText], *, progress: Callable[[int], None] | None = None
    ) -> EncodedPassages:
        """See `Encoder.encode_passages`. A sentence counts in a window as its characters."""
        sentences = [passage.text[start:end] for passage in passages for start, end in passage.sentences]
        vectors = self.encode(sentences)
        if progress:
            progress(len(passages))
        return EncodedPassages(
            counts=np.array([len(passage.sentences) for passage in passages], dtype=np.int64),
            vectors=vectors,
            lengths=np.array([len(sentence) for sentence in sentences], dtype=np.float32),
            token_counts=np.zeros(len(sentences), dtype=np.int64),
            tokens=np.zeros((0, 0), dtype=np.int8),
        )
