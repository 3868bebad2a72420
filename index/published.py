"""Opens the place where generations are published: a data folder, or Milvus if an address is given."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from index.engine.address import Address as Address
from index.engine.address import Secrets as Secrets
from index.engine.address import read_address as read_address
from index.generation.data_folder import DataFolder, Pointer, VerifyReport
from index.generation.generation import Generation
from index.generation.manifest import Manifest


class Published(Protocol):
    """A folder or engine with generations, one of them published. All methods raise `IndexFailure`."""

    @property
    def location(self) -> str:
        """Path or address for people; it holds no secret."""

    @property
    def refused(self) -> int:
        """Vectors missing from the engine."""

    def current(self) -> Pointer:
        """The published generation; nothing of it is opened."""

    def manifest(self) -> Manifest:
        """The manifest of the published generation."""

    def open(self) -> Generation:
        """Verify the published generation and open it."""

    def verify(self) -> VerifyReport:
        """Read everything again and compare it with the manifest."""

    def recover(self) -> str:
        """Publish the newest generation that verifies again; returns its name."""

    def probe(self, generation: Generation) -> None:
        """Return if an opened generation can be searched now. Raises Unreachable."""


def open_published(data: Path, address: Address | None) -> Published:
    """The published generations in Milvus at `address`, else in the folder `data`."""
    if address is None:
        return DataFolder(data)
    from index.engine.collections import MilvusStore
    from index.engine.source import MilvusSource

    return MilvusSource(MilvusStore(address))
