"""Haystack with its in-memory store, 32 texts a batch, normalised vectors compared by inner product.

The way of https://docs.haystack.deepset.ai/docs/inmemoryembeddingretriever.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)

from bench.peer_protocol import Folder, speak

FILE = "store.json"


class Haystack(Folder):
    """A pipeline of text embedder and retriever; `save_to_disk`."""

    def load(self, model: str) -> None:
        """See `System.load`."""
        self._passages = SentenceTransformersDocumentEmbedder(
            model=model, batch_size=32, normalize_embeddings=True, progress_bar=False, local_files_only=True
        )
        self._question = SentenceTransformersTextEmbedder(
            model=model, normalize_embeddings=True, progress_bar=False, local_files_only=True
        )
        self._passages.warm_up()
        self._question.warm_up()

    def build(self, texts: Sequence[str], folder: Path) -> None:
        """See `System.build`."""
        self._store = InMemoryDocumentStore(embedding_similarity_function="dot_product", shared=False)
        passages = [Document(id=str(row), content=text) for row, text in enumerate(texts)]
        self._store.write_documents(self._passages.run(documents=passages)["documents"])
        folder.mkdir(parents=True)
        self._store.save_to_disk(str(folder / FILE))

    def open(self, folder: Path) -> None:
        """See `System.open`."""
        self._file = str(folder / FILE)
        self._store = InMemoryDocumentStore.load_from_disk(self._file)
        self._pipeline = Pipeline()
        self._pipeline.add_component("question", self._question)
        retriever = InMemoryEmbeddingRetriever(self._store, return_embedding=False)
        self._pipeline.add_component("retriever", retriever)
        self._pipeline.connect("question.embedding", "retriever.query_embedding")

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        result = self._pipeline.run({"question": {"text": question}, "retriever": {"top_k": k}})
        return [int(document.id) for document in result["retriever"]["documents"]]

    def encode(self, question: str) -> None:
        """See `System.encode`."""
        self._question.run(text=question)

    def change(self, row: int, text: str) -> None:
        """See `System.change`."""
        (changed,) = self._passages.run(documents=[Document(id=str(row), content=text)])["documents"]
        self._store.write_documents([changed], policy=DuplicatePolicy.OVERWRITE)
        self._store.save_to_disk(self._file)


if __name__ == "__main__":
    speak(Haystack())
