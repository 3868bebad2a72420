"""The plainest system there is: sentence-transformers' own `encode` and one product of matrices; exact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.exact_neighbours import exact_nearest
from bench.peer_protocol import Folder, speak
from index.embedding.torch_models import load_bi_encoder

FILE = "vectors.npy"


class Plain(Folder):
    """`SentenceTransformer.encode`, `numpy.save`, `@`."""

    def load(self, model: str) -> None:
        """See `System.load`."""
        self._model: Any = load_bi_encoder(Path(model), "cpu")

    def build(self, texts: Sequence[str], folder: Path) -> None:
        """See `System.build`."""
        folder.mkdir(parents=True)
        np.save(folder / FILE, self._encode(list(texts)))

    def open(self, folder: Path) -> None:
        """See `System.open`."""
        self._file = folder / FILE
        self._vectors = np.load(self._file)

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        rows = exact_nearest(self._encode([question]), [self._vectors], k)
        return [int(row) for row in rows[0]]

    def encode(self, question: str) -> None:
        """See `System.encode`."""
        self._encode([question])

    def change(self, row: int, text: str) -> None:
        """See `System.change`."""
        self._vectors[row] = self._encode([text])[0]
        np.save(self._file, self._vectors)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        vectors = self._model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


if __name__ == "__main__":
    speak(Plain())
