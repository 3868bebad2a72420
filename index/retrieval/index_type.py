"""Chooses the type of a dense index by its size: exact, then approximate, then compressed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

FLAT_LIMIT = 100_000
"""Vectors up to which all are compared: about 15 ms for 384 numbers each on one core."""
IVF_LIMIT = 2_000_000
"""Vectors up to which each number has one byte: 0.8 GB of 384 numbers; beyond, a quarter of that."""
MIN_VECTORS = 256
"""Vectors below which an index cannot be trained: a byte of a compressed index has as many values."""

MOST_LISTS = 4096  # k-means with more takes minutes on two cores
VECTORS_PER_LIST = 39  # the least that FAISS wants to train a centroid


class Kind(StrEnum):
    """The type of a dense index; `AUTO` is a setting only and leaves the choice to the number of vectors."""

    AUTO = "auto"
    FLAT = "flat"
    IVF = "ivf"
    PQ = "pq"


@dataclass(frozen=True, slots=True)
class Plan:
    """The requested type, and the number of lists that a search probes (0: as few as recall allows).

    Without `token_vectors` these are not stored, but made again for the best candidates of a question.
    """

    kind: Kind = Kind.AUTO
    nprobe: int = 0
    token_vectors: bool = True

    def kind_of(self, count: int) -> Kind:
        """The type for so many vectors: "auto", 500,000 -> "ivf"; below `MIN_VECTORS` always "flat"."""
        if count < MIN_VECTORS:
            return Kind.FLAT
        if self.kind is not Kind.AUTO:
            return self.kind
        if count <= FLAT_LIMIT:
            return Kind.FLAT
        return Kind.IVF if count <= IVF_LIMIT else Kind.PQ


AUTO = Plan()


def list_count(vectors: int) -> int:
    """Lists for so many vectors, four times the root: 1,000,000 -> 4,000; 500 -> 12."""
    return max(1, min(MOST_LISTS, 4 * math.isqrt(vectors), vectors // VECTORS_PER_LIST))
