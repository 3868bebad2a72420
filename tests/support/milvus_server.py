"""Engines that tests run against: Milvus Lite, and a server or cluster that `MILVUS_URI` names."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from corpus.article import Article
from index.engine.address import Address, read_address
from index.engine.collections import MilvusStore
from tests.support.fakes import article
from tests.support.milvus_cluster import CONTROL

ENGINES = ("lite", "server")
URI = os.environ.get("MILVUS_URI", "")
REPLICAS = 2 if CONTROL in os.environ else 1
TESTS = "tests/integration/milvus"
CLUSTER_COMMAND = f"python -m tests.support.milvus_cluster -- python -m pytest -m engine {TESTS}"


def unavailable_reason(engine: str) -> str:
    """Why an engine cannot be used here, "" if it can."""
    if find_spec("pymilvus") is None:
        return "pip install pymilvus (make setup ENGINE=1)"
    if engine == "lite" and find_spec("milvus_lite") is None:
        return "pip install milvus-lite (make setup ENGINE=1)"
    if engine == "server" and not URI:
        return f"no server: {CLUSTER_COMMAND}, or MILVUS_URI=http://HOST:PORT pytest -m engine {TESTS}"
    return ""


@contextmanager
def empty_engine(engine: str, folder: Path) -> Iterator[Address]:
    """The address of an engine without collections; skips the test if there is no such engine."""
    if reason := unavailable_reason(engine):
        pytest.skip(reason)
    if engine == "lite":
        yield read_address(str(folder / "engine.db"))
        return
    address = server_address()
    yield address
    store = MilvusStore(address)
    drop_collections(store)
    store.close()


def server_address(name: str = "") -> Address:
    """The server's address with a prefix of its own; files lie in memory."""
    name = name or f"test{secrets.token_hex(4)}"
    uri = URI.replace("http://", "milvus://")
    return read_address(f"{uri}/{name}", replicas=REPLICAS, files="memory://files")


def drop_collections(store: MilvusStore) -> None:
    """Remove every collection and alias of a test."""
    client, prefix = store.client, store.address.collection
    for name in client.names():
        if name.startswith(f"{prefix}__"):
            if client.alias_target(prefix) == name:
                client._call("drop_alias", prefix)
            client.drop(name)


def ferry_articles(state: int, *, count: int = 150) -> list[Article]:
    """Articles with more sentences than are scored for a question, so that the engine's ranking matters."""
    return [
        article(
            f"a{number}",
            f"The ferry number{number} of state{state} sails from quay number{number % 13}. It cost {number} pounds.",
            f"Dredging the basin number{number % 29} took {number % 17} months. Nobody minded.",
            heading=f"Quay {number}",
        )
        for number in range(count)
    ]


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until a condition is true."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"not true within {seconds} s"
        time.sleep(0.1)
