"""Stores the vectors of generations in Milvus: one collection each, and an alias for the published one.

    <name>              the alias, such as "articles"
    <name>__gen_2_…     a record for each sentence: row, vector, filter ids of its article

A filter is made of numbers alone, so nothing that a person wrote becomes part of an expression.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.engine.address import Address
from index.engine.client import QUESTION_TIMEOUT, Milvus, Row, all_of, any_of, one_of
from index.errors import Altered, NoIndex, StoreRefused
from index.generation.files import GENERATION_NAME
from index.retrieval.filter import NO_FILTER_IDS, FilterIds
from index.retrieval.index_type import FLAT_LIMIT
from index.retrieval.lexical_index import FILTER_FIELDS
from index.storage.arrays import RowIds, Vectors

MAX_VALUES = 1_000
"""Values of one field of one record."""

_ROWS_READ = 1_000  # rows of one request: 1.5 MB of 384 numbers each
_ROWS_SENT = 500  # rows of one request: below the largest message of a broker
_LINKS, _BUILD_WIDTH = 16, 200  # HNSW: M and efConstruction
_MIN_EF, _EF_PER_HIT = 256, 2  # HNSW: with ef = 52 recall@10 was .95


class MilvusStore:
    """The generations at an address; safe to share between threads.

    `refused` counts records that were missing. Up to `exact` records a search compares all vectors (FLAT),
    above it uses a graph (HNSW). `patience` is how many seconds a call for a question may take.
    """

    def __init__(self, address: Address, *, exact: int = FLAT_LIMIT, patience: float = 0) -> None:
        self.address = address
        self.client = Milvus(address, patience=patience or QUESTION_TIMEOUT)
        self.refused = 0
        self._exact = exact

    def collection(self, generation: str) -> str:
        """The collection of a generation: "gen-2-5f" -> "articles__gen_2_5f"."""
        return f"{self.address.collection}__{generation.replace('-', '_')}"

    def begin(self, generation: str, dimension: int, *, expected: int) -> bool:
        """Create and load the collection for about `expected` records; False if it existed.

        Raises StoreRefused: the generation is published.
        """
        name = self.collection(generation)
        if self.client.alias_target(self.address.collection) == name:
            raise StoreRefused(f"{generation} is published at {self.address.shown}; add to another")
        created = self.client.create(name, _fields(dimension), _vector_index(exact=expected <= self._exact))
        self.client.load(name)
        return created

    def add(self, generation: str, ids: RowIds, vectors: Vectors, filter_ids: Sequence[FilterIds]) -> None:
        """Write records, shapes (n,) and (n, dimension); a record with an existing id is replaced."""
        rows = [_row(*record) for record in zip(ids.tolist(), vectors.tolist(), filter_ids, strict=True)]
        for start in range(0, len(rows), _ROWS_SENT):
            self.client.upsert(self.collection(generation), rows[start : start + _ROWS_SENT])

    def seal(self, generation: str) -> int:
        """Make the records durable and searchable without publishing them; returns their number."""
        return self.client.seal(self.collection(generation))

    def point(self, generation: str) -> None:
        """Publish a sealed generation: one atomic step for every reader."""
        self.client.point(self.address.collection, self.collection(generation))

    def published(self) -> str:
        """The published generation. Raises NoIndex, and Altered if it has no generation's name."""
        name = self.client.alias_target(self.address.collection)
        if name is None:
            raise NoIndex(self.address.shown)
        generation = _generation(name)
        if not GENERATION_NAME.fullmatch(generation):
            raise Altered(self.address.shown, f"{name!r} is no name of a generation")
        return generation

    def generations(self) -> list[str]:
        """All generations, published or not."""
        prefix = f"{self.address.collection}__gen_"
        names = [_generation(name) for name in self.client.names() if name.startswith(prefix)]
        return sorted(filter(GENERATION_NAME.fullmatch, names))

    def nearest(
        self, generation: str, vector: Vectors, k: int, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> list[tuple[int, float]]:
        """Ids and inner products of the k records nearest to a vector, best first; see `expression`."""
        return self.client.search(
            self.collection(generation),
            vector.tolist(),
            k,
            where=expression(filter_ids),
            ef=max(_MIN_EF, _EF_PER_HIT * k),
        )

    def vectors(self, generation: str, ids: RowIds) -> Vectors:
        """Vectors of records in the order of the ids, shape (n, dimension).

        Raises Altered: a record is missing.
        """
        name = self.collection(generation)
        vectors: dict[int, list[float]] = {}
        for start in range(0, len(ids), _ROWS_READ):
            block = ids[start : start + _ROWS_READ].tolist()
            rows = self.client.get(name, one_of("id", block), ("id", "vector"), limit=len(block))
            vectors |= {int(row["id"]): row["vector"] for row in rows}
        missing = next((row for row in ids.tolist() if row not in vectors), None)
        if missing is not None:
            self.refused += 1
            raise Altered(self.address.shown, f"record {missing} of {generation} is missing")
        return np.array([vectors[row] for row in ids.tolist()], dtype=np.float32)

    def is_exact(self, generation: str) -> bool:
        """Whether a search compares all vectors."""
        return self.client.index_kind(self.collection(generation)) == "FLAT"

    def stored_ids(self, generation: str, first: int, end: int) -> set[int]:
        """Ids from `first` to `end` that are stored."""
        return self.client.stored_ids(self.collection(generation), first, end)

    def drop(self, generation: str) -> None:
        """Remove a generation's collection; a missing one is no error. Raises StoreRefused if published."""
        if self.client.alias_target(self.address.collection) == self.collection(generation):
            fact = f"{generation} is published at {self.address.shown}"
            raise StoreRefused(f"{fact}; publish another before it is dropped")
        self.client.drop(self.collection(generation))

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


def expression(filter_ids: FilterIds) -> str:
    """A filter as a Milvus expression: {"years": [3, 4]} -> "(array_contains_any(years, [3, 4]))".

    Raises ValueError: an unknown field.
    """
    for name in filter_ids:
        if name not in FILTER_FIELDS:
            raise ValueError(f"no field {name!r}: there are {', '.join(FILTER_FIELDS)}")
    return all_of(any_of(field, ids) for field, ids in filter_ids.items())


def _generation(collection: str) -> str:
    """ "articles__gen_2_5f" -> "gen-2-5f"."""
    return collection.split("__", 1)[-1].replace("_", "-")


def _row(identifier: int, vector: list[float], filter_ids: FilterIds) -> Row:
    lists = {field: list(filter_ids.get(field, ())) for field in FILTER_FIELDS}
    return {"id": identifier, "vector": vector, **lists}


def _vector_index(*, exact: bool) -> Row:
    index = {"field_name": "vector", "metric_type": "IP"}
    if exact:
        return {**index, "index_type": "FLAT"}
    return {**index, "index_type": "HNSW", "params": {"M": _LINKS, "efConstruction": _BUILD_WIDTH}}


def _fields(dimension: int) -> list[Row]:
    numbers = {"datatype": "ARRAY", "element_type": "INT64", "max_capacity": MAX_VALUES}
    return [
        {"field_name": "id", "datatype": "INT64", "is_primary": True},
        {"field_name": "vector", "datatype": "FLOAT_VECTOR", "dim": dimension},
        *({"field_name": field, **numbers} for field in FILTER_FIELDS),
    ]
