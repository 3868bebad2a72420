"""What is published, in a data folder or in an engine: the one place that the service asks and follows."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from index.engine.address import Address
from index.engine.collections import MilvusStore
from index.engine.download import stream_large_files
from index.engine.remote_generation import fetched_manifest, manifest_digest, open_remote_generation
from index.errors import Altered, Damaged, IndexFailure, Missing, NoIndex, Unreachable
from index.generation.data_folder import (
    Pointer,
    VerifyReport,
    current,
    current_manifest,
    number,
    open_current,
    recover,
    verify,
)
from index.generation.generation import DENSE_PASSAGES, DENSE_SENTENCES, Generation
from index.generation.manifest import Manifest
from index.generation.self_check import check_texts

LISTS = frozenset({DENSE_SENTENCES, DENSE_PASSAGES})
"""Files that an engine has no use for: it finds texts in its own way."""


class Published(Protocol):
    """Where generations are published. All methods raise `IndexFailure`."""

    @property
    def place(self) -> str:
        """Where that is, for people; nothing secret is in it."""

    @property
    def refused(self) -> int:
        """Texts and pieces that an engine gave back otherwise than they were published."""

    def current(self) -> Pointer:
        """What is published now; nothing of it is opened."""

    def manifest(self) -> Manifest:
        """What that is."""

    def open(self) -> Generation:
        """Verify it and open it."""

    def verify(self) -> VerifyReport:
        """Read everything again and hold it against what was published."""

    def recover(self) -> str:
        """Publish the newest generation that verifies again; returns its name."""

    def probe(self, generation: Generation) -> None:
        """Return when an opened generation can be searched just now. Raises Unreachable."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data folder."""

    data: Path
    refused: int = 0

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self.data)

    def current(self) -> Pointer:
        """See `index.generation.data_folder.current`."""
        return current(self.data)

    def manifest(self) -> Manifest:
        """See `index.generation.data_folder.current_manifest`."""
        return current_manifest(self.data)

    def open(self) -> Generation:
        """See `index.generation.data_folder.open_current`."""
        return open_current(self.data)

    def verify(self) -> VerifyReport:
        """See `index.generation.data_folder.verify`."""
        return verify(self.data)

    def recover(self) -> str:
        """See `index.generation.data_folder.recover`."""
        return recover(self.data)

    def probe(self, generation: Generation) -> None:
        """What was opened stays."""


@dataclass(frozen=True, slots=True)
class MilvusSource:
    """An engine. Which manifest a generation has is asked once: generations never change."""

    store: MilvusStore
    _digests: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def place(self) -> str:
        """The engine's address."""
        return self.store.address.shown

    @property
    def refused(self) -> int:
        """See `Published`."""
        return self.store.refused

    def current(self) -> Pointer:
        """The generation that the alias names."""
        generation = self.store.published()
        with self._lock:
            known = self._digests.get(generation)
        digest = known or manifest_digest(self.store, generation)
        with self._lock:
            self._digests.clear()
            self._digests[generation] = digest
        return Pointer(generation, digest)

    def manifest(self) -> Manifest:
        """What the published generation is."""
        return fetched_manifest(self.store, self.store.published())

    def open(self) -> Generation:
        """Fetch what is small of the published generation, verify it and open it."""
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
        """Let the alias name the newest generation whose texts are as they were published.

        Raises:
            NoIndex: there is none at all.
            Altered, Damaged: none is sound, which names the fault of the newest.
        """
        newest: IndexFailure | None = None
        for name in sorted(self.store.generations(), key=number, reverse=True):
            try:
                check_texts(open_remote_generation(self.store, name))
            except (Altered, Damaged, Missing) as error:
                newest = newest or error
                continue
            self.store.point(name)
            return name
        raise newest or NoIndex(self.place)

    def verify(self) -> VerifyReport:
        """Open what is published, and hash the vectors and the articles as a folder would have them.

        Raises:
            Damaged, Altered: the first fault found.
        """
        generation = self.open()
        manifest = generation.manifest
        for name, blocks in stream_large_files(self.store, manifest).items():
            digest = hashlib.sha256()
            for block in blocks:
                digest.update(block)
            if digest.hexdigest() != manifest.files[name].sha256:
                raise Altered(self.place, name)
        check_texts(generation)
        return VerifyReport(
            generation=generation.id,
            files=len(manifest.files.keys() - LISTS),
            hashed=sum(facts.size for name, facts in manifest.files.items() if name not in LISTS),
            articles=len(generation.articles),
            sentences=len(generation.sentences),
            passages=len(generation.passages),
        )

    def probe(self, generation: Generation) -> None:
        """Search for anything at all."""
        anything = np.full(
            generation.manifest.dimension, generation.manifest.dimension**-0.5, dtype=np.float32
        )
        self.store.nearest(generation.id, anything, 1)


def open_published(data: Path, address: Address | None) -> DataFolder | MilvusSource:
    """Where the service finds what is published: in the engine, if one is named, else in the folder."""
    return MilvusSource(MilvusStore(address, words=False)) if address else DataFolder(data)
