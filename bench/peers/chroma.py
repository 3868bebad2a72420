"""Chroma on disk, HNSW by inner product of normalised vectors, all texts of a call encoded 32 at a time.

The way of https://docs.trychroma.com/docs/collections/manage-collections.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chromadb
from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction

from bench.peer_protocol import Folder, speak


class Chroma(Folder):
    """`PersistentClient`, `add`, `query`, `update`."""

    def load(self, model: str) -> None:
        """See `System.load`."""
        self._encoder = SentenceTransformerEmbeddingFunction(model_name=model, normalize_embeddings=True)

    def build(self, texts: Sequence[str], folder: Path) -> None:
        """See `System.build`."""
        client = chromadb.PersistentClient(path=str(folder))
        self._passages: Any = client.create_collection(
            "passages", embedding_function=self._encoder, configuration={"hnsw": {"space": "ip"}}
        )
        most = client.get_max_batch_size()
        for first in range(0, len(texts), most):
            rows = range(first, min(first + most, len(texts)))
            self._passages.add(ids=[str(row) for row in rows], documents=[texts[row] for row in rows])

    def open(self, folder: Path) -> None:
        """See `System.open`."""
        client = chromadb.PersistentClient(path=str(folder))
        self._passages = client.get_collection("passages", embedding_function=self._encoder)

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        result = self._passages.query(query_texts=[question], n_results=k, include=["documents"])
        return [int(row) for row in result["ids"][0]]

    def encode(self, question: str) -> None:
        """See `System.encode`."""
        self._encoder([question])

    def change(self, row: int, text: str) -> None:
        """See `System.change`."""
        self._passages.update(ids=[str(row)], documents=[text])


if __name__ == "__main__":
    speak(Chroma())
