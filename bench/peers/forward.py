"""The bare forward pass over the same texts as if it were a system that only encodes.

`python -m bench.peers.forward [whole]`: `whole` takes what Pullquote encodes of the texts, its passages, else
the texts themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.articles import articles
from bench.bare_forward import BareModel
from bench.peer_protocol import Folder, speak
from index.building.layout import plan_generation
from index.embedding.load import load_encoder


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
    planned = plan_generation(list(articles(texts)), load_encoder())
    return [passage.text for passage in planned.passage_texts()]


if __name__ == "__main__":
    speak(Forward(whole=sys.argv[1:] == ["whole"]))
