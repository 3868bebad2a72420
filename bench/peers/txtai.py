"""txtai with FAISS, as it chooses its index: flat up to 5,000 texts, IVF above; 32 texts a batch.

The way of https://neuml.github.io/txtai/embeddings/.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from txtai import Embeddings

from bench.peer_protocol import Folder, speak


class Txtai(Folder):
    """`index`, `search`, `upsert`, `save`; the texts are not kept, so that only rows come back."""

    def load(self, model: str) -> None:
        """See `System.load`."""
        self._embeddings: Any = Embeddings(path=model, encodebatch=32)

    def build(self, texts: Sequence[str], folder: Path) -> None:
        """See `System.build`."""
        self._embeddings.index((row, text, None) for row, text in enumerate(texts))
        self._embeddings.save(str(folder))

    def open(self, folder: Path) -> None:
        """See `System.open`."""
        self._folder = folder
        self._embeddings.load(str(folder))

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        return [int(row) for row, _ in self._embeddings.search(question, k)]

    def encode(self, question: str) -> None:
        """See `System.encode`."""
        self._embeddings.transform(question)

    def change(self, row: int, text: str) -> None:
        """See `System.change`."""
        self._embeddings.upsert([(row, text, None)])
        self._embeddings.save(str(self._folder))


if __name__ == "__main__":
    speak(Txtai())
