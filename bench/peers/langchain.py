"""LangChain with its FAISS store: inner product of normalised vectors, 32 texts a batch.

The way of https://docs.langchain.com/oss/python/integrations/vectorstores/faiss.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_community.vectorstores import FAISS
from langchain_community.vectorstores.utils import DistanceStrategy
from langchain_huggingface import HuggingFaceEmbeddings

from bench.peer_protocol import Folder, speak


class LangChain(Folder):
    """`FAISS.from_texts`, `similarity_search`, `save_local`."""

    def load(self, model: str) -> None:
        """See `System.load`."""
        how = {"normalize_embeddings": True, "batch_size": 32}
        self._encoder = HuggingFaceEmbeddings(model_name=model, encode_kwargs=how)

    def build(self, texts: Sequence[str], folder: Path) -> None:
        """See `System.build`."""
        rows = list(range(len(texts)))
        self._store: Any = FAISS.from_texts(
            list(texts),
            self._encoder,
            metadatas=[{"row": row} for row in rows],
            ids=[str(row) for row in rows],
            distance_strategy=DistanceStrategy.MAX_INNER_PRODUCT,
        )
        self._store.save_local(str(folder))

    def open(self, folder: Path) -> None:
        """See `System.open`."""
        self._folder = folder
        self._store = FAISS.load_local(
            str(folder),
            self._encoder,
            allow_dangerous_deserialization=True,  # the only way it reads its own files
            distance_strategy=DistanceStrategy.MAX_INNER_PRODUCT,
        )

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        return [document.metadata["row"] for document in self._store.similarity_search(question, k=k)]

    def encode(self, question: str) -> None:
        """See `System.encode`."""
        self._encoder.embed_query(question)

    def change(self, row: int, text: str) -> None:
        """See `System.change`."""
        self._store.delete([str(row)])
        self._store.add_texts([text], metadatas=[{"row": row}], ids=[str(row)])
        self._store.save_local(str(self._folder))


if __name__ == "__main__":
    speak(LangChain())
