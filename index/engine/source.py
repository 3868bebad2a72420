"""Milvus as a place of published generations: current, open, verify, recover, probe."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field

import numpy as np

from index.engine.collections import MilvusStore
from index.engine.files import GenerationFiles, shared_files
from index.engine.remote_generation import open_remote_generation, remote_manifest, vector_file
from index.errors import Altered, Damaged, IndexFailure, Missing, NoIndex, Unreachable
from index.generation.data_folder import Pointer, VerifyReport, number
from index.generation.files import VECTORS
from index.generation.generation import Generation
from index.generation.manifest import Manifest
from index.generation.self_check import check_texts


@dataclass(frozen=True, slots=True)
class MilvusSource:
    """Implements `index.published.Published`. Manifest digests are cached: generations never change."""

    store: MilvusStore
    _digests: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def location(self) -> str:
        """The address without secrets."""
        return self.store.address.shown

    @property
    def refused(self) -> int:
        """See `Published`."""
        return self.store.refused

    def current(self) -> Pointer:
        """The generation that the alias names."""
        generation = self.store.published()
        with self._lock:
            cached = self._digests.get(generation)
        manifest = GenerationFiles(self.store.address, generation).manifest
        digest = cached or hashlib.sha256(manifest()).hexdigest()
        with self._lock:
            self._digests.clear()
            self._digests[generation] = digest
        return Pointer(generation, digest)

    def manifest(self) -> Manifest:
        """The manifest of the published generation."""
        return remote_manifest(self.store, self.store.published())

    def open(self) -> Generation:
        """Copy the files of the published generation, verify and open them."""
        while True:
            generation = self.store.published()
            try:
                return open_remote_generation(self.store, generation)
            except Unreachable:
                raise
            except IndexFailure:
                if self.store.published() == generation:  # else it was replaced and dropped meanwhile
                    raise

    def recover(self) -> str:
        """Point the alias to the newest generation whose texts are unchanged.

        Raises:
            NoIndex: there is no generation at all.
            Altered, Damaged: the fault of the newest, if every one is damaged.
        """
        newest_fault: IndexFailure | None = None
        for name in sorted(self.store.generations(), key=number, reverse=True):
            try:
                check_texts(open_remote_generation(self.store, name))
            except (Altered, Damaged, Missing) as error:
                newest_fault = newest_fault or error
                continue
            self.store.point(name)
            return name
        raise newest_fault or NoIndex(self.location)

    def verify(self) -> VerifyReport:
        """Open the published generation, which verifies its files, and hash its vectors.

        Raises Damaged, Altered: the first fault found.
        """
        generation = self.open()
        manifest = generation.manifest
        digest = hashlib.sha256()
        for block in vector_file(self.store, manifest):
            digest.update(block)
        if digest.hexdigest() != manifest.files[VECTORS].sha256:
            fault = f"the vectors of {generation.id} have another SHA-256 than in its manifest"
            raise Altered(self.location, fault)
        check_texts(generation)
        digests = [*shared_files(manifest).values(), manifest.files[VECTORS]]
        return VerifyReport.of(generation, files=len(digests), hashed=sum(digest.size for digest in digests))

    def probe(self, generation: Generation) -> None:
        """Search for an arbitrary vector. Raises Unreachable."""
        dimension = generation.manifest.dimension
        self.store.nearest(generation.id, np.full(dimension, dimension**-0.5, dtype=np.float32), 1)
