"""Defines the encoder protocol: texts to unit vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from index.storage.arrays import Vectors


class Encoder(Protocol):
    """Turns texts into vectors of length 1."""

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
    def max_tokens(self) -> int:
        """Tokens after which a text is truncated, with the two special ones."""

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole text, with the two special ones."""

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors in the order of the texts, shape (len(texts), dimension), each of L2 norm 1.

        `progress` is called with the number of texts after each batch.
        """
