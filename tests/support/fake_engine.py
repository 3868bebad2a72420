"""An engine without Milvus: vectors from a data folder, files in another folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from index.engine.address import read_address
from index.engine.collections import MilvusStore
from index.engine.files import GenerationFiles
from index.generation.data_folder import DataFolder
from index.storage.arrays import RowIds, Vectors


class FolderEngine(MilvusStore):
    """Publishes the generation of a data folder, or one that is called `name`."""

    def __init__(self, source: Path, files: Path, *, name: str = "") -> None:
        super().__init__(read_address("milvus://127.0.0.1:9/articles", files=str(files)))
        self.source = DataFolder(source).open()
        self.name = name or self.source.id

    def upload(self) -> None:
        """Copy the files of the generation into the folder."""
        GenerationFiles(self.address, self.source.id).upload(self.source.folder, self.source.manifest)

    def published(self) -> str:
        return self.name

    def vectors(self, generation: str, ids: RowIds) -> Vectors:
        return np.asarray(self.source.vectors[ids], dtype=np.float32)
