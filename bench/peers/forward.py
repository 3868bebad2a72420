"""The bare forward pass over the same texts as if it were a system that only encodes.

`python -m bench.peers.forward [whole]`: `whole` takes all that Pullquote encodes of the texts (sentences,
windows and passages), else the texts themselves.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.articles import articles
from bench.bare_forward import BareModel
from bench.peer_protocol import Folder, speak
from index.building.build import build
from index.embedding.encoder import Encoder
from index.embedding.load import load_encoder


class Recording:
    """An encoder that notes what it was given to encode."""

    def __init__(self, encoder: Encoder) -> None:
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.dimension, self.max_tokens = encoder.dimension, encoder.max_tokens
        self.count_tokens = encoder.count_tokens
        self.texts: list[str] = []

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """See `Encoder.encode`; each text gets a vector of its own, unrelated to what it says."""
        rng = np.random.default_rng(len(self.texts))
        self.texts += texts
        vectors = rng.standard_normal((len(texts), self.dimension), dtype=np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


class Forward(Folder):
    """Only `build` and `encode` mean anything."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def load(self, model: str) -> None:
        """See `System.load`."""
        self._model = BareModel(Path(model))

    def build(self, texts: Sequence[str], folder: Path) -> float:
        """See `System.build`: the forward passes alone count."""
        folder.mkdir(parents=True)
        return self._model.seconds(self._model.batches(encoded(texts) if self._whole else texts))

    def open(self, folder: Path) -> None:
        """See `System.open`: nothing was written."""

    def encode(self, question: str) -> float:
        """See `System.encode`: cutting it into word pieces does not count."""
        return self._model.seconds(self._model.batches([question]))

    def change(self, row: int, text: str) -> None:
        """See `System.change`: nothing answers."""


def encoded(texts: Sequence[str]) -> list[str]:
    """What a build of Pullquote gives its encoder for these texts."""
    recording = Recording(load_encoder())
    with tempfile.TemporaryDirectory() as folder:
        build(list(articles(texts)), recording, Path(folder))
    return recording.texts


if __name__ == "__main__":
    speak(Forward(whole=sys.argv[1:] == ["whole"]))
