"""Records of generations in Milvus: a collection for each, and an alias for the one that is published.

    <name>              the alias, such as "articles"
    <name>__gen_2_…     the records of a generation: see `index.engine.contract`
    <name>_files__gen_2_…   its files in pieces: see `index.engine.files`

What a person or an article says never becomes part of an expression but quoted. A text is stored with its
SHA-256 and held against it whenever it comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.normalise import replace_surrogates
from index.engine.address import Address
from index.engine.client import QUESTION_TIMEOUT, Milvus, Row, all_of, any_of, one_of
from index.engine.contract import MOST_TEXT_BYTES, NO_FILTER, UNITS, Batch, Filter, Found, wanted
from index.errors import Altered, NoIndex, NoWords, StoreRefused
from index.retrieval.index_type import FLAT_LIMIT
from index.storage.arrays import Vectors, text_digest

EXACT = FLAT_LIMIT
"""Records up to which all vectors are compared; beyond, a graph (HNSW) leads to the nearest."""
MOST_ASKED = 1_000
"""Rows asked for at once by id: 1.5 MB of 384 numbers each."""
ROWS = 500
"""Rows sent at once: below what a message broker takes in one message."""

_LINKS, _WIDTH = 16, 200  # of the graph: neighbours of a vector, and how widely they are looked for
_LEAST_SEEN = 256  # candidates kept while the graph is walked, at least: with 52 recall@10 was .95
_SEEN = 2  # candidates kept, for each that is wanted, while the graph is walked
_WORDS = {"tokenizer": "standard", "filter": ["lowercase", {"type": "stemmer", "language": "english"}]}
_NONE = -1  # a number that no set of units has: an empty list is no expression
_LISTS = ("publishers", "authors", "years", "articles")
_VALUES, _VALUE_BYTES = 1_024, 1_024


class MilvusStore:
    """A store in Milvus; safe to share between threads. `refused` counts texts that were not as published.

    `words` false leaves out BM25, for those who keep the words themselves. Up to `exact` records all vectors
    are compared. `patience` is how many seconds a call for a question may take (`QUESTION_TIMEOUT`).
    """

    def __init__(
        self, address: Address, *, words: bool = True, exact: int = EXACT, patience: float = 0
    ) -> None:
        self.address = address
        self.client = Milvus(address, patience=patience or QUESTION_TIMEOUT)
        self.refused = 0
        self._words = words
        self._exact = exact
        self._made: set[str] = set()

    def collection(self, generation: str) -> str:
        """The name of a generation's records: "gen-2-5f" -> "articles__gen_2_5f"."""
        return f"{self.address.collection}__{generation.replace('-', '_')}"

    def files(self, generation: str) -> str:
        """The name of a generation's files."""
        return f"{self.address.collection}_files__{generation.replace('-', '_')}"

    def begin(self, generation: str, dimension: int, *, expected: int = 0) -> bool:
        """Make room for about so many records, unless it is there; whether it was made now.

        Raises:
            StoreRefused: the generation is the published one.
        """
        name = self.collection(generation)
        if self.client.pointed(self.address.collection) == name:
            raise StoreRefused(f"{generation} is published at {self.address.shown}; add to another")
        words = self._words and self.client.has_words
        indexes = [_vector_index(exact=expected <= self._exact)]
        if words:
            inverted = "SPARSE_INVERTED_INDEX"
            indexes.append({"field_name": "words", "index_type": inverted, "metric_type": "BM25"})
        new = self.client.create(name, _fields(dimension, words=words), indexes, words=words)
        self.client.load(name)
        self._made.add(name)
        return new

    def add(self, generation: str, batch: Batch) -> None:
        """See `Store`. Raises StoreRefused when the generation is the published one."""
        name = self.collection(generation)
        if name not in self._made:
            self.begin(generation, batch.vectors.shape[1])
        for start in range(0, len(batch), ROWS):
            self.client.upsert(name, _rows(batch, start, start + ROWS))

    def delete(self, generation: str, ids: Sequence[int]) -> None:
        """See `Store`."""
        self.client.delete(self.collection(generation), ids)

    def seal(self, generation: str) -> int:
        """Make a generation's records durable and searchable without publishing it; returns how many."""
        return self.client.seal(self.collection(generation))

    def publish(self, generation: str) -> None:
        """See `Store`."""
        self.seal(generation)
        self.point(generation)

    def point(self, generation: str) -> None:
        """Publish a generation that is sealed: one step for whoever reads."""
        self.client.point(self.address.collection, self.collection(generation))

    def published(self) -> str:
        """The generation that is published.

        Raises:
            NoIndex: none is.
        """
        name = self.client.pointed(self.address.collection)
        if name is None:
            raise NoIndex(self.address.shown)
        return _generation(name)

    def generations(self) -> list[str]:
        """Generations of which there is anything, published or not."""
        own = (f"{self.address.collection}__gen_", f"{self.address.collection}_files__gen_")
        return sorted({_generation(name) for name in self.client.names() if name.startswith(own)})

    def dense(self, vector: Vectors, k: int, where: Filter = NO_FILTER) -> list[Found]:
        """See `Store`."""
        found = self._search(self.address.collection, np.asarray(vector).tolist(), k, where)
        return found[:k]

    def lexical(self, text: str, k: int, where: Filter = NO_FILTER) -> list[Found]:
        """See `Store`."""
        if not self.client.has_words:
            raise NoWords(self.address.shown, self.client.version)
        return self._search(self.address.collection, text, k, where) if text.strip() else []

    def nearest(
        self, generation: str, vector: Vectors, k: int, where: Filter = NO_FILTER
    ) -> list[tuple[int, float]]:
        """Ids and scores of the k records of one generation, published or not, nearest to a vector."""
        told = self.client.search(
            self.collection(generation),
            vector.tolist(),
            k,
            where=expression(where),
            fields=(),
            ef=max(_LEAST_SEEN, _SEEN * k),
        )
        return [(identifier, score) for identifier, score, _ in told]

    def vectors(self, generation: str, ids: NDArray[np.int64]) -> Vectors:
        """The vectors of some records of a generation, shape (n, dimension), in the order of the ids.

        Raises:
            Altered: a record is not there.
        """
        name = self.collection(generation)
        held: dict[int, list[float]] = {}
        for start in range(0, len(ids), MOST_ASKED):
            asked = ids[start : start + MOST_ASKED].tolist()
            rows = self.client.get(name, one_of("id", asked), ("id", "vector"), limit=len(asked))
            held |= {int(row["id"]): row["vector"] for row in rows}
        missing = next((int(one) for one in ids if int(one) not in held), None)
        if missing is not None:
            self.refused += 1
            raise Altered(self.address.shown, f"record {missing} of {generation}")
        return np.array([held[one] for one in ids.tolist()], dtype=np.float32)

    def compares_all(self, generation: str) -> bool:
        """Whether a search of a generation compares all vectors."""
        return self.client.index_kind(self.collection(generation)) == "FLAT"

    def known(self, generation: str, first: int, end: int) -> set[int]:
        """Which ids from `first` to `end` a generation that has begun holds."""
        return self.client.known(self.collection(generation), first, end)

    def drop(self, generation: str) -> None:
        """See `Store`."""
        if self.client.pointed(self.address.collection) == self.collection(generation):
            fact = f"{generation} is published at {self.address.shown}"
            raise StoreRefused(f"{fact}; publish another before it is dropped")
        self.client.drop(self.collection(generation))
        self.client.drop(self.files(generation))
        self._made.discard(self.collection(generation))

    def close(self) -> None:
        """See `Store`."""
        self.client.close()

    def _search(self, name: str, query: list[float] | str, k: int, where: Filter) -> list[Found]:
        if k <= 0:
            return []
        told = self.client.search(
            name, query, k, where=expression(where), fields=("text", "sha256"), ef=max(_LEAST_SEEN, _SEEN * k)
        )
        return [self._found(identifier, score, row) for identifier, score, row in told]

    def _found(self, identifier: int, score: float, row: Row) -> Found:
        if text_digest(row["text"]).hex() != row["sha256"]:
            self.refused += 1
            raise Altered(self.address.shown, f"the text of record {identifier}")
        return Found(identifier, score, row["text"])


def expression(where: Filter) -> str:
    """A filter in the words of Milvus: {"units": "passage"} -> "(units in [4, 5, 6, 7])"."""
    parts = [
        one_of("units", _holding(values)) if name == "units" else any_of(name, values)
        for name, values in wanted(where).items()
    ]
    return all_of(parts)


def unit_bits(units: Sequence[str]) -> int:
    """Units as one number, a bit for each: sentence 1, window 2, passage 4."""
    return sum(1 << UNITS.index(unit) for unit in set(units))


def _holding(units: Sequence[str]) -> list[int]:
    """The numbers of all sets of units that hold one of these."""
    bits = unit_bits([unit for unit in units if unit in UNITS])
    return [number for number in range(1 << len(UNITS)) if number & bits] or [_NONE]


def _generation(collection: str) -> str:
    """ "articles__gen_2_5f" -> "gen-2-5f"."""
    return collection.split("__", 1)[-1].replace("_", "-")


def _rows(batch: Batch, start: int, end: int) -> list[Row]:
    told = zip(
        batch.ids[start:end].tolist(),
        batch.vectors[start:end].tolist(),
        batch.texts[start:end],
        batch.facts[start:end],
        strict=True,
    )
    return [_row(*record) for record in told]


def _row(identifier: int, vector: list[float], text: str, facts: Mapping[str, Sequence[str]]) -> Row:
    own = {
        "id": identifier,
        "vector": vector,
        "text": replace_surrogates(text),
        "sha256": text_digest(text).hex(),
    }
    return {
        **own,
        "units": unit_bits(facts.get("units", ())),
        **{name: list(facts.get(name, ())) for name in _LISTS},
    }


def _vector_index(*, exact: bool) -> Row:
    flat = {"field_name": "vector", "metric_type": "IP", "index_type": "FLAT"}
    if exact:
        return flat
    return {**flat, "index_type": "HNSW", "params": {"M": _LINKS, "efConstruction": _WIDTH}}


def _fields(dimension: int, *, words: bool) -> list[Row]:
    text: Row = {"field_name": "text", "datatype": "VARCHAR", "max_length": MOST_TEXT_BYTES}
    if words:
        text |= {"enable_analyzer": True, "analyzer_params": _WORDS}
    listed = {
        "datatype": "ARRAY",
        "element_type": "VARCHAR",
        "max_capacity": _VALUES,
        "max_length": _VALUE_BYTES,
    }
    return [
        {"field_name": "id", "datatype": "INT64", "is_primary": True},
        {"field_name": "vector", "datatype": "FLOAT_VECTOR", "dim": dimension},
        {"field_name": "units", "datatype": "INT8"},
        text,
        {"field_name": "sha256", "datatype": "VARCHAR", "max_length": 64},
        *({"field_name": name, **listed} for name in _LISTS),
    ]
