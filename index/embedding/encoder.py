"""Text to vectors: the interface of an encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """Turns texts into vectors of length 1."""

    @property
    def name(self) -> str:
        """The model's name, for people."""

    @property
    def fingerprint(self) -> str:
        """Equal for two encoders exactly when their vectors can be compared: a SHA-256."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def max_tokens(self) -> int:
        """Word pieces of a text that count, the two special ones included."""

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole text, the two special ones included."""

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Vectors in the order of the texts, shape (len(texts), dimension), each of L2 norm 1.

        `progress` is called after each batch with the number of texts in it.
        """
