"""Wraps pymilvus: time limits, retries and error messages, for Milvus Lite, a server or a cluster.

Every call has a time limit. Temporary failures, such as a query node that just died, are retried with growing
pauses until the limit. Messages of the library are never repeated, and its log is silenced: they may hold a
filter or a password.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from index.engine.address import Address
from index.errors import BuildFailed, IndexFailure, Missing, StoreRefused, Unreachable

QUESTION_TIMEOUT = 20.0
"""Seconds for a call made for a question, all tries together; covers the failover of a query node."""
PROBE_TIMEOUT = 1.0
"""Seconds for a call after a failed one: questions do not wait for an engine that is known to be away."""
BUILD_TIMEOUT = 300.0
"""Seconds for calls of a build: flushing and loading take longer with more data."""
INDEXING_TIMEOUT = 3_600.0
"""Seconds without progress after which indexing has failed; a segment has some 100,000 rows."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between tries
_MISSING = 100  # code: no such collection
_RELEASED = 101  # code: not loaded, as after each start of Milvus Lite
# Codes of errors in the call itself: a retry cannot help.
_FINAL = frozenset({_MISSING, 1100, 1101, 1102, 1400})
_AUTHENTICATION = re.compile(r"auth|permission|unauthenticated|privilege|password", re.IGNORECASE)
_AWAY = re.compile(r"UNAVAILABLE|DEADLINE|connect|Retry|timed? ?out|not ready", re.IGNORECASE)
_GONE = re.compile(r"can't find collection|collection\S* (?:not found|does not exist)", re.IGNORECASE)

# Records of a generation never change, so bounded staleness is enough; a node that is behind may catch up.
_CONSISTENCY = "Bounded"
_ENUMS = ("datatype", "element_type")

Row = dict[str, Any]


class _Failure(NamedTuple):
    """The error to raise; whether a retry is useless; whether nothing answered at all."""

    error: IndexFailure
    final: bool
    away: bool = False


class Milvus:
    """A connection, made on first use and again after the engine was away."""

    def __init__(self, address: Address, *, patience: float = QUESTION_TIMEOUT) -> None:
        self.address = address
        self._patience = patience
        self._client: Any = None
        self._connecting = threading.Lock()
        self._away = False

    def create(self, name: str, fields: Sequence[Row], index: Row) -> bool:
        """Create a collection with one index; False if it existed. It is not loaded: see `load`."""
        created = not self.has(name)
        if created:
            self._call("create_collection", name, schema=self._schema(fields), seconds=BUILD_TIMEOUT)
        if not self._call("list_indexes", name):
            indexes = self._class("MilvusClient").prepare_index_params()
            indexes.add_index(**index)
            self._call("create_index", name, indexes, seconds=BUILD_TIMEOUT)
        return created

    def has(self, name: str) -> bool:
        """Whether there is a collection of this name."""
        return bool(self._call("has_collection", name))

    def names(self) -> list[str]:
        """All collections."""
        return list(self._call("list_collections"))

    def upsert(self, name: str, rows: list[Row]) -> None:
        """Insert rows; a row with an existing id is replaced."""
        self._call("upsert", name, rows, seconds=BUILD_TIMEOUT)

    def seal(self, name: str) -> int:
        """Make all rows durable and searchable; returns their number, read after all writes.

        Raises BuildFailed when indexing makes no progress.
        """
        self._call("flush", name, seconds=BUILD_TIMEOUT)
        self._wait_for_index(name)
        self.load(name)
        return min(self._count(name) for _ in range(self.address.replicas))

    def load(self, name: str, *, seconds: float = BUILD_TIMEOUT) -> None:
        """Load the collection into the memory of query nodes, once for each replica."""
        # Without an explicit load the library loads a new collection with a single replica.
        replicas = {} if self.address.replicas == 1 else {"replica_number": self.address.replicas}
        self._call("load_collection", name, seconds=seconds, **replicas)

    def get(
        self, name: str, expression: str, fields: Sequence[str], *, limit: int, latest: bool = False
    ) -> list[Row]:
        """Rows that match an expression, at most 16,384; `latest` waits for all writes."""
        rows = self._call(
            "query",
            name,
            filter=expression,
            output_fields=list(fields),
            limit=limit,
            consistency_level="Strong" if latest else _CONSISTENCY,
        )
        return [dict(row) for row in rows]

    def stored_ids(self, name: str, first: int, end: int) -> set[int]:
        """Stored ids from `first` to `end`, read after all writes."""
        expression = f"id >= {first} and id < {end}"
        rows = self.get(name, expression, ("id",), limit=max(1, end - first), latest=True)
        return {int(row["id"]) for row in rows}

    def search(
        self, name: str, vector: list[float], k: int, *, where: str, ef: int
    ) -> list[tuple[int, float]]:
        """Ids and inner products of the k rows nearest to a vector, best first."""
        hits = self._call(
            "search",
            name,
            data=[vector],
            anns_field="vector",
            limit=k,
            filter=where,
            search_params={"metric_type": "IP", "params": {"ef": ef}},
            consistency_level=_CONSISTENCY,
        )
        return [(int(hit["id"]), float(hit["distance"])) for hit in hits[0]]

    def index_kind(self, name: str) -> str:
        """The type of the vector index; "FLAT" compares all vectors."""
        return str(self._call("describe_index", name, "vector")["index_type"])

    def point(self, alias: str, name: str) -> None:
        """Create the alias, or move it to another collection."""
        self._call("create_alias" if self.alias_target(alias) is None else "alter_alias", name, alias)

    def alias_target(self, alias: str) -> str | None:
        """The collection of an alias, None if there is no such alias.

        Raises StoreRefused: the name belongs to a collection.
        """
        try:
            name = str(self._call("describe_collection", alias)["collection_name"])
        except Missing:
            return None
        if name == alias:
            fact = f"{self.address.shown} names a collection that Pullquote did not make"
            raise StoreRefused(f"{fact}; give another name in QA_STORE")
        return name

    def drop(self, name: str) -> None:
        """Remove a collection; a missing one is no error."""
        if self.has(name):
            self._call("drop_collection", name, seconds=BUILD_TIMEOUT)

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _wait_for_index(self, name: str) -> None:
        """Wait for the index: until it is complete, the server searches a temporary one with less recall."""
        least, progressed = math.inf, time.monotonic()
        while pending := int(self._call("describe_index", name, "vector").get("pending_index_rows") or 0):
            if pending < least:
                least, progressed = pending, time.monotonic()
            elif time.monotonic() - progressed > INDEXING_TIMEOUT:
                fact = f"the engine at {self.address.shown} stopped indexing: {pending:,} rows to go"
                raise BuildFailed(f"{fact}; see its log, then run the same command again")
            time.sleep(_LONGEST_PAUSE)

    def _count(self, name: str) -> int:
        rows = self._call(
            "query",
            name,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
            seconds=BUILD_TIMEOUT,
        )
        return int(rows[0]["count(*)"])

    def _schema(self, fields: Sequence[Row]) -> Any:
        schema = self._class("MilvusClient").create_schema(auto_id=False, enable_dynamic_field=False)
        types = self._class("DataType")
        for field in fields:
            schema.add_field(
                **{name: types[value] if name in _ENUMS else value for name, value in field.items()}
            )
        return schema

    def _call(self, method: str, *arguments: Any, seconds: float = 0, **named: Any) -> Any:
        """Call a method of the client; retry temporary failures until `seconds` have passed."""
        retried = self._exceptions()
        limit = seconds or (min(PROBE_TIMEOUT, self._patience) if self._away else self._patience)
        started, pause = time.monotonic(), _FIRST_PAUSE
        ends = started + limit
        while True:
            left = max(0.1, ends - time.monotonic())
            try:
                result = getattr(self._connected(left), method)(*arguments, timeout=left, **named)
                self._away = False
                return result
            except retried as error:
                if getattr(error, "code", None) == _RELEASED and method != "load_collection":
                    self.load(arguments[0], seconds=max(0.1, ends - time.monotonic()))
                failure = self._failure(method, error)
                # Unclassified errors are retried for at most `patience` seconds, even in long build calls.
                last = ends if failure.away else min(ends, started + self._patience)
                if failure.final or time.monotonic() + pause >= last:
                    self._away = not failure.final
                    raise failure.error from error
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _exceptions(self) -> tuple[type[Exception], ...]:
        refused = self._class("MilvusException")  # first: says so if the library is not installed
        from grpc import RpcError

        return refused, RpcError, OSError, ValueError

    def _connected(self, seconds: float) -> Any:
        with self._connecting:
            if self._client is None:
                self._client = self._connect(seconds)
            return self._client

    def _connect(self, seconds: float) -> Any:
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
        address, secrets = self.address, self.address.secrets
        if address.local:  # its server runs in this process and logs each method it lacks
            logging.getLogger("grpc._server").setLevel(logging.CRITICAL + 1)
        files = {
            "ca_pem_path" if secrets.certificate else "server_pem_path": secrets.authority,
            "client_pem_path": secrets.certificate,
            "client_key_path": secrets.key,
        }
        options: dict[str, Any] = {name: path for name, path in files.items() if path}
        if address.tls:
            options["secure"] = True
        client = self._class("MilvusClient")
        return client(
            address.uri, token=secrets.token, timeout=seconds, dedicated=not address.local, **options
        )

    def _class(self, name: str) -> Any:
        try:
            import pymilvus
        except ImportError as error:
            raise StoreRefused(
                "QA_STORE needs pymilvus; run `make setup ENGINE=1`, or `pip install pymilvus`"
            ) from error
        return getattr(pymilvus, name)

    def _failure(self, method: str, error: Exception) -> _Failure:
        """Classify an error of the client; its own message may hold a filter or a password."""
        code, message = getattr(error, "code", None), str(getattr(error, "message", "") or error)
        code = code() if callable(code) else code  # a method of gRPC's errors
        place = self.address.shown
        if code == _MISSING or _GONE.search(message):
            return _Failure(Missing(place), final=True)
        if _AUTHENTICATION.search(message):
            cure = "see QA_STORE_TOKEN and the TLS files"
            return _Failure(
                StoreRefused(f"the engine at {place} rejects the credentials; {cure}"), final=True
            )
        if _AWAY.search(f"{code} {message}"):
            return _Failure(Unreachable(place, f"{method}: no connection"), final=False, away=True)
        fact = f"{method} failed with code {code if isinstance(code, int) else 'unknown'}"
        return _Failure(Unreachable(place, fact), final=code in _FINAL)


def any_of(field: str, numbers: Sequence[int]) -> str:
    """The expression for a list field that holds any of these: array_contains_any(years, [1, 2])."""
    return f"array_contains_any({field}, {_listed(numbers)})"


def one_of(field: str, numbers: Sequence[int]) -> str:
    """The expression for a number that is one of these: id in [1, 2]."""
    return f"{field} in {_listed(numbers)}"


def all_of(expressions: Iterable[str]) -> str:
    """The conjunction of expressions: (a) and (b)."""
    return " and ".join(f"({expression})" for expression in expressions)


def _listed(numbers: Sequence[int]) -> str:
    return f"[{', '.join(str(int(number)) for number in numbers)}]"
