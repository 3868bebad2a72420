"""Which kind of dense index a unit gets: exact while that is quick, then approximate, at last compressed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

FLAT_LIMIT = 100_000
"""Vectors up to which all are compared: about 15 ms for 384 numbers each on one core."""
IVF_LIMIT = 2_000_000
"""Vectors up to which one byte a number is kept: 0.8 GB of 384 numbers; beyond, a quarter of that."""
LEAST = 256
"""Vectors below which there is nothing to learn: a byte of a compressed index has as many values."""

MOST_LISTS = 4096  # k-means of more takes minutes on two cores
LEAST_PER_LIST = 39  # vectors that FAISS wants to learn the middle of a list from


class Kind(StrEnum):
    """How vectors are searched. `AUTO` is a wish only: it leaves the choice to the count."""

    AUTO = "auto"
    FLAT = "flat"
    IVF = "ivf"
    PQ = "pq"


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for: a kind, and how many lists a search looks into (0: as few as recall allows)."""

    kind: Kind = Kind.AUTO
    nprobe: int = 0

    def kind_of(self, count: int) -> Kind:
        """The kind that an index of so many vectors gets: "auto", 500,000 -> "ivf"; few are always "flat"."""
        if count < LEAST:
            return Kind.FLAT
        if self.kind is not Kind.AUTO:
            return self.kind
        if count <= FLAT_LIMIT:
            return Kind.FLAT
        return Kind.IVF if count <= IVF_LIMIT else Kind.PQ


AUTO = Plan()


def lists_for(count: int) -> int:
    """Lists of an index of so many vectors, four times the root: 1,000,000 -> 4,000; 500 -> 12."""
    return max(1, min(MOST_LISTS, 4 * math.isqrt(count), count // LEAST_PER_LIST))
