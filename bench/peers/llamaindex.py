"""LlamaIndex with its FAISS store (its own keeps vectors as Python lists), 32 texts a batch.

The way of https://developers.llamaindex.ai/python/examples/vector_stores/faissindexdemo/.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.faiss import FaissMapVectorStore

from bench.peer_protocol import Folder, speak


class LlamaIndex(Folder):
    """`VectorStoreIndex` over a flat index, `as_retriever`, `persist`."""

    def load(self, model: str) -> None:
        """See `System.load`."""
        self._encoder = HuggingFaceEmbedding(model_name=model, embed_batch_size=32, normalize=True)

    def build(self, texts: Sequence[str], folder: Path) -> None:
        """See `System.build`."""
        flat = faiss.IndexIDMap2(faiss.IndexFlatIP(len(self._encoder.get_query_embedding("dimension"))))
        storage = StorageContext.from_defaults(vector_store=FaissMapVectorStore(faiss_index=flat))
        passages = [self._passage(row, text) for row, text in enumerate(texts)]
        self._index: Any = VectorStoreIndex(passages, storage_context=storage, embed_model=self._encoder)
        self._index.storage_context.persist(persist_dir=str(folder))

    def open(self, folder: Path) -> None:
        """See `System.open`."""
        self._folder = folder
        store = FaissMapVectorStore.from_persist_dir(str(folder))
        storage = StorageContext.from_defaults(vector_store=store, persist_dir=str(folder))
        self._index = load_index_from_storage(storage, embed_model=self._encoder)

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        results = self._index.as_retriever(similarity_top_k=k).retrieve(question)
        return [int(result.node.metadata["row"]) for result in results]

    def encode(self, question: str) -> None:
        """See `System.encode`."""
        self._encoder.get_query_embedding(question)

    def change(self, row: int, text: str) -> None:
        """See `System.change`."""
        self._index.delete_nodes([str(row)], delete_from_docstore=True)
        self._index.insert_nodes([self._passage(row, text)])
        self._index.storage_context.persist(persist_dir=str(self._folder))

    @staticmethod
    def _passage(row: int, text: str) -> TextNode:
        hidden = {"excluded_embed_metadata_keys": ["row"]}  # else the number is encoded with the text
        return TextNode(id_=str(row), text=text, metadata={"row": row}, **hidden)


if __name__ == "__main__":
    speak(LlamaIndex())
