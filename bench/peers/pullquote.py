"""Pullquote behind the peers' protocol: `python -m bench.peers.pullquote`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.articles import article, articles
from bench.peer_protocol import Folder, speak
from index.building.build import build
from index.embedding.load import load_encoder
from index.generation.data_folder import DataFolder
from qa.answer import Answer
from qa.loading import open_assistant
from web.service_settings import ServiceSettings


class Pullquote(Folder):
    """An article for each text; what it answers are extracts, or the nearest passages when it declines."""

    def load(self, model: str) -> None:
        """See `System.load`. The model is the same by its pins, wherever it lies."""
        self._encoder = load_encoder()

    def build(self, texts: Sequence[str], folder: Path) -> None:
        """See `System.build`: split, encoded, both kinds of index, checked, published."""
        build(list(articles(texts)), self._encoder, folder)

    def open(self, folder: Path) -> None:
        """See `System.open`: every file is hashed before it is read."""
        self._folder = folder
        self._assistant = open_assistant(ServiceSettings(data=folder), self._encoder)

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        return _rows(self._assistant.ask(question, k))

    def nearest(self, question: str, k: int) -> list[int]:
        """See `System.nearest`: the index of sentences alone."""
        generation = self._assistant.generation
        rows = generation.dense.search(self._encoder.encode([question])[0], k)
        return [int(generation.sentences[row].article.source) for row, _ in rows]

    def encode(self, question: str) -> None:
        """See `System.encode`."""
        self._encoder.encode([question])

    def change(self, row: int, text: str) -> None:
        """See `System.change`: a new generation of all articles, published, and opened."""
        articles = list(self._assistant.generation.articles)
        articles[row] = article(row, [text])
        build(articles, self._encoder, self._folder)
        self.open(self._folder)

    def size(self, folder: Path) -> int:
        """See `System.size`: the published generation."""
        return super().size(DataFolder(folder).open().folder)


def _rows(answer: Answer) -> list[int]:
    return [int(extract.article.source) for extract in answer.extracts or answer.nearest]


if __name__ == "__main__":
    speak(Pullquote())
