"""The engine: what must be asked of whatever holds vectors and words, so that one can be put for another.

A record is a text with an id, a vector and facts. Records of a generation are added in batches, in any order
and again without harm; `publish` makes the generation the one that answers, in one step, and nobody sees half
of it. `index.engine.faiss_store` keeps them in files of this machine, `index.engine.collections` in Milvus.

    store.add("gen-2-…", batch)
    store.publish("gen-2-…")
    store.dense(vector, 10, {"publishers": ["The Gazette"]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from index.storage.arrays import RowIds, Vectors

FIELDS = ("units", "publishers", "authors", "years", "articles")
"""Facts of a text, each a list of strings. `units` says what it is the text of: see `UNITS`."""

UNITS = ("sentence", "window", "passage")

MOST_VALUES = 1_000
"""Values that one fact of one text may have."""
MOST_VALUE_BYTES = 1_000
MOST_TEXT_BYTES = 65_535
"""Bytes of UTF-8 that the text of a record may have."""

Filter = Mapping[str, str | Sequence[str]]
"""Facts a text must have: {"years": ["2003", "2004"]} is one of the two; several facts must all be there."""

NO_FILTER: Filter = {}


@dataclass(frozen=True, slots=True)
class Batch:
    """Records: ids (n,), vectors (n, dimension) of length 1, texts, and what is known of each.

    Raises:
        ValueError: lists of different lengths, an unknown fact or unit, a text or list that is too long.
    """

    ids: RowIds
    vectors: Vectors
    texts: Sequence[str]
    facts: Sequence[Mapping[str, Sequence[str]]]

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.vectors), len(self.texts), len(self.facts)}
        if len(lengths) > 1:
            raise ValueError(f"a batch has lists of different lengths: {sorted(lengths)}")
        for identifier, text, facts in zip(self.ids.tolist(), self.texts, self.facts, strict=True):
            _check(identifier, text, facts)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Found:
    """A record found, and its score: the inner product (dense) or BM25 (lexical), higher is better."""

    id: int
    score: float
    text: str


class Store(Protocol):
    """Holds the records of generations and searches the published one.

    All methods raise `IndexFailure`: what holds the records is away, refuses, or gave back another text.
    """

    def add(self, generation: str, batch: Batch) -> None:
        """Put records into a generation that is not published; one with a known id takes its place."""

    def delete(self, generation: str, ids: Sequence[int]) -> None:
        """Take records out; an id that is not there is no error."""

    def publish(self, generation: str) -> None:
        """Make all that was added durable and searchable, then the generation the one that is searched."""

    def dense(self, vector: Vectors, k: int, where: Filter = NO_FILTER) -> list[Found]:
        """The k records nearest to a vector, best first."""

    def lexical(self, text: str, k: int, where: Filter = NO_FILTER) -> list[Found]:
        """The k records that hold words of a text, best first.

        Raises:
            NoWords: the engine cannot.
        """

    def drop(self, generation: str) -> None:
        """Remove a generation that is not published; one that is not there is no error."""

    def close(self) -> None:
        """Let go of files and connections."""


def wanted(where: Filter) -> dict[str, tuple[str, ...]]:
    """A filter as lists: {"years": "2003"} -> {"years": ("2003",)}. Raises ValueError for an unknown fact."""
    for name in where:
        if name not in FIELDS:
            raise ValueError(f"no fact {name!r}: there are {', '.join(FIELDS)}")
    return {name: (value,) if isinstance(value, str) else tuple(value) for name, value in where.items()}


def _check(identifier: int, text: str, facts: Mapping[str, Sequence[str]]) -> None:
    if len(text.encode("utf-8", "replace")) > MOST_TEXT_BYTES:
        raise ValueError(f"the text of record {identifier} is longer than {MOST_TEXT_BYTES:,} bytes")
    for name, values in facts.items():
        if name not in FIELDS:
            raise ValueError(f"record {identifier} has an unknown fact: {name!r}")
        if len(values) > MOST_VALUES:
            raise ValueError(f"record {identifier} has more than {MOST_VALUES:,} {name}")
        if any(len(value.encode("utf-8", "replace")) > MOST_VALUE_BYTES for value in values):
            raise ValueError(f"record {identifier} has a value of {name} above {MOST_VALUE_BYTES:,} bytes")
    for unit in facts.get("units", ()):
        if unit not in UNITS:
            raise ValueError(f"record {identifier} is the text of no known unit: {unit!r}")
