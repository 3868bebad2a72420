"""The client of Milvus, be it a file, a server or a cluster: the one file that knows pymilvus.

Every call has a time limit. What fails for a reason that may pass, such as a query node that just died, is
tried again, a little later each time, until the limit; then one line tells what is wrong. pymilvus writes
filters and texts into its own log, which is silenced.
"""

from __future__ import annotations

import json
import logging
import math
import re
import threading
import time
from collections.abc import Sequence
from typing import Any

from corpus.normalise import replace_surrogates
from index.engine.address import Address
from index.errors import BuildFailed, IndexFailure, Missing, StoreRefused, Unreachable

QUESTION_TIMEOUT = 20.0
"""Seconds that a call made for a question may take, all tries together: while a query node is taken over."""
PROBE_TIMEOUT = 1.0
"""Seconds that it may take while the last call failed: nobody waits long for an engine known to be away."""
BUILD_TIMEOUT = 300.0
"""Seconds for calls that a build makes: flushing and loading take as long as there is data."""
INDEXING = 3_600.0
"""Seconds in which an index must get on: it is made a segment at a time, of some hundred thousand rows."""
WORDS_SINCE = (2, 5)
"""The first release of the server with BM25."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between tries
_MISSING = 100  # the code of a collection that is not there
_RELEASED = 101  # of one that is not in memory: after each start of Milvus Lite, or when somebody released it
# Codes of what is wrong with the call itself, which no other try would mend.
_FINAL = frozenset({_MISSING, 1100, 1101, 1102, 1400})
_AUTHENTICATION = re.compile(r"auth|permission|unauthenticated|privilege|password", re.IGNORECASE)
_AWAY = re.compile(r"UNAVAILABLE|DEADLINE|connect|Retry|timed? ?out|not ready", re.IGNORECASE)
_GONE = re.compile(r"can't find collection|collection\S* (?:not found|does not exist)", re.IGNORECASE)

# Records never change once they are published; so much staleness lets a node that is behind catch up first.
_READ = "Bounded"
_LOAD = "load_collection"
_KINDS = ("datatype", "element_type")

Row = dict[str, Any]


class Milvus:
    """A connection that is made when first used, and made again when the engine comes back."""

    def __init__(self, address: Address, *, patience: float = QUESTION_TIMEOUT) -> None:
        self.address = address
        self._patience = patience
        self._client: Any = None
        self._connecting = threading.Lock()
        self._version = ""
        self._away = False

    @property
    def version(self) -> str:
        """What the server calls itself: "2.3.5", "milvus_lite-3.2.2"."""
        if not self._version:
            self._version = str(self._call("get_server_version")).lstrip("v")
        return self._version

    @property
    def has_words(self) -> bool:
        """Whether it can search by words."""
        if self.version.startswith("milvus_lite"):
            return True
        found = re.match(r"(\d+)\.(\d+)", self.version)
        return found is not None and (int(found[1]), int(found[2])) >= WORDS_SINCE

    def create(
        self, name: str, fields: Sequence[Row], indexes: Sequence[Row], *, words: bool = False
    ) -> bool:
        """A collection with these fields and indexes, unless it is there; whether it was made now.

        `words` adds BM25 over "text". It is not loaded: the library would do that without replicas.
        """
        new = not self.has(name)
        if new:
            schema = self._schema(fields, words=words)
            self._call("create_collection", name, schema=schema, seconds=BUILD_TIMEOUT)
        if not self._call("list_indexes", name):
            made = self._class("MilvusClient").prepare_index_params()
            for one in indexes:
                made.add_index(**one)
            self._call("create_index", name, made, seconds=BUILD_TIMEOUT)
        return new

    def has(self, name: str) -> bool:
        """Whether there is a collection of this name."""
        return bool(self._call("has_collection", name))

    def names(self) -> list[str]:
        """All collections."""
        return list(self._call("list_collections"))

    def upsert(self, name: str, rows: list[Row]) -> None:
        """Put rows in; those with a known id take its place."""
        self._call("upsert", name, rows, seconds=BUILD_TIMEOUT)

    def delete(self, name: str, ids: Sequence[int]) -> None:
        """Take rows out by id."""
        self._call("delete", name, ids=list(ids), seconds=BUILD_TIMEOUT)

    def seal(self, name: str) -> int:
        """Make what was put in durable and searchable; how many rows there are, read after all writes.

        Raises BuildFailed when the index gets on no more.
        """
        self._call("flush", name, seconds=BUILD_TIMEOUT)
        self._indexed(name)
        self.load(name)
        return min(self._count(name) for _ in range(self.address.replicas))

    def load(self, name: str, *, seconds: float = BUILD_TIMEOUT) -> None:
        """Let query nodes take the collection into memory, as many as there shall be replicas."""
        more = {} if self.address.replicas == 1 else {"replica_number": self.address.replicas}
        self._call(_LOAD, name, seconds=seconds, **more)

    def get(
        self, name: str, expression: str, fields: Sequence[str], *, limit: int, latest: bool = False
    ) -> list[Row]:
        """Rows for which an expression is true; at most 16,384. `latest` waits for all that was written."""
        told = self._call(
            "query",
            name,
            filter=expression,
            output_fields=list(fields),
            limit=limit,
            consistency_level="Strong" if latest else _READ,
        )
        return [dict(row) for row in told]

    def known(self, name: str, first: int, end: int) -> set[int]:
        """Which ids from `first` to `end` are there, read after all writes."""
        expression = f"id >= {first} and id < {end}"
        return {
            int(row["id"])
            for row in self.get(name, expression, ("id",), limit=max(1, end - first), latest=True)
        }

    def search(
        self, name: str, query: list[float] | str, k: int, *, where: str, fields: Sequence[str], ef: int = 0
    ) -> list[tuple[int, float, Row]]:
        """The k nearest rows to a vector, or by BM25 to a text, as (id, score, fields), best first."""
        by_words = isinstance(query, str)
        told = self._call(
            "search",
            name,
            data=[query],
            anns_field="words" if by_words else "vector",
            limit=k,
            filter=where,
            output_fields=list(fields),
            search_params={"metric_type": "BM25"}
            if by_words
            else {"metric_type": "IP", "params": {"ef": ef}},
            consistency_level=_READ,
        )
        return [(int(hit["id"]), float(hit["distance"]), dict(hit["entity"])) for hit in told[0]]

    def index_kind(self, name: str) -> str:
        """How vectors are searched: "FLAT" compares all."""
        return str(self._call("describe_index", name, "vector")["index_type"])

    def point(self, alias: str, name: str) -> None:
        """Let an alias name this collection from now on, whatever it named before."""
        self._call("create_alias" if self.pointed(alias) is None else "alter_alias", name, alias)

    def pointed(self, alias: str) -> str | None:
        """The collection that an alias names, None when there is no such alias.

        Raises:
            StoreRefused: a collection has the name of the alias.
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
        """Remove a collection; one that is not there is no error."""
        if self.has(name):
            self._call("drop_collection", name, seconds=BUILD_TIMEOUT)

    def close(self) -> None:
        """Let go of the connection; a later call makes another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _indexed(self, name: str) -> None:
        """Wait until the index is made: before that the server searches by a makeshift one."""
        least, moved = math.inf, time.monotonic()
        while left := int(self._call("describe_index", name, "vector").get("pending_index_rows") or 0):
            if left < least:
                least, moved = left, time.monotonic()
            elif time.monotonic() - moved > INDEXING:
                fact = (
                    f"the engine at {self.address.shown} gets on with its index no more: {left:,} rows to go"
                )
                raise BuildFailed(f"{fact}; see its log, then run the same command again")
            time.sleep(_LONGEST_PAUSE)

    def _count(self, name: str) -> int:
        told = self._call(
            "query",
            name,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
            seconds=BUILD_TIMEOUT,
        )
        return int(told[0]["count(*)"])

    def _schema(self, fields: Sequence[Row], *, words: bool) -> Any:
        schema = self._class("MilvusClient").create_schema(auto_id=False, enable_dynamic_field=False)
        kinds = self._class("DataType")
        for one in fields:
            told = {name: kinds[value] if name in _KINDS else value for name, value in one.items()}
            schema.add_field(**told)
        if words:
            schema.add_field("words", kinds["SPARSE_FLOAT_VECTOR"])
            kind, function = self._class("FunctionType").BM25, self._class("Function")
            told = {"input_field_names": ["text"], "output_field_names": ["words"]}
            schema.add_function(function(name="bm25", function_type=kind, **told))
        return schema

    def _call(self, call: str, *given: Any, seconds: float = 0, **named: Any) -> Any:
        """Call a method of the client, again and again while the reason may pass and there is time."""
        failures = self._failures()
        limit = seconds or (min(PROBE_TIMEOUT, self._patience) if self._away else self._patience)
        begun, pause = time.monotonic(), _FIRST_PAUSE
        ends = begun + limit
        while True:
            left = max(0.1, ends - time.monotonic())
            try:
                told = getattr(self._connected(left), call)(*given, timeout=left, **named)
                self._away = False
                return told
            except failures as error:
                if getattr(error, "code", None) == _RELEASED and call != _LOAD:
                    self.load(given[0], seconds=max(0.1, ends - time.monotonic()))
                fault = self._fault(call, error)
                # What nobody can name passes soon or not at all, however long the call itself may take.
                last = ends if fault.away else min(ends, begun + self._patience)
                if fault.final or time.monotonic() + pause >= last:
                    self._away = not fault.final
                    raise fault.told from error
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _failures(self) -> tuple[type[Exception], ...]:
        refused = self._class("MilvusException")  # first: it tells when the library is missing
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
        if address.local:  # a server in this process, which tells of each call that it does not know
            logging.getLogger("grpc._server").setLevel(logging.CRITICAL + 1)
        files = {
            "ca_pem_path" if secrets.certificate else "server_pem_path": secrets.authority,
            "client_pem_path": secrets.certificate,
            "client_key_path": secrets.key,
        }
        more: dict[str, Any] = {name: path for name, path in files.items() if path}
        if address.tls:
            more["secure"] = True
        client = self._class("MilvusClient")
        return client(address.uri, token=secrets.token, timeout=seconds, dedicated=not address.local, **more)

    def _class(self, name: str) -> Any:
        try:
            import pymilvus
        except ImportError as error:
            raise StoreRefused(
                "QA_STORE needs another library; run `make setup ENGINE=1`, or pip install pymilvus"
            ) from error
        return getattr(pymilvus, name)

    def _fault(self, call: str, error: Exception) -> _Failure:
        """What an error of the client means, in our words: its own may hold a text or a password."""
        code, said = getattr(error, "code", None), str(getattr(error, "message", "") or error)
        code = code() if callable(code) else code  # of gRPC's own errors it is a method
        place = self.address.shown
        if code == _MISSING or _GONE.search(said):
            return _Failure(Missing(place), final=True)
        if _AUTHENTICATION.search(said):
            cure = "see QA_STORE_TOKEN and the TLS files"
            return _Failure(
                StoreRefused(f"the engine at {place} lets nobody in with this; {cure}"), final=True
            )
        if _AWAY.search(f"{code} {said}"):
            return _Failure(Unreachable(place, f"{call}: no connection"), final=False, away=True)
        fact = f"{call} failed with code {code if isinstance(code, int) else 'unknown'}"
        return _Failure(Unreachable(place, fact), final=code in _FINAL)


class _Failure:
    """What to raise, whether another try is of no use, and whether nobody answered at all."""

    def __init__(self, told: IndexFailure, *, final: bool, away: bool = False) -> None:
        self.away = away
        self.told = told
        self.final = final


def any_of(field: str, values: Sequence[str]) -> str:
    """The expression for a list that holds one of some strings, whatever is in them.

    JSON quotes as Milvus does: 'a"b' -> array_contains_any(years, ["a\\"b"]).
    """
    encodable = json.dumps(list(map(replace_surrogates, values)), ensure_ascii=False)
    return f"array_contains_any({field}, {encodable})"


def one_of(field: str, numbers: Sequence[int]) -> str:
    """The expression for a number that is one of these: years in [1, 2]."""
    return f"{field} in [{', '.join(str(int(number)) for number in numbers)}]"


def all_of(expressions: Sequence[str]) -> str:
    """Expressions that must all be true."""
    return " and ".join(f"({one})" for one in expressions)
