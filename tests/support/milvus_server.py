"""A Milvus server or Milvus Lite for tests: address, reason to skip, cleanup."""

from __future__ import annotations

import os
import secrets
import time
from importlib.util import find_spec

from index.engine.address import Address, read_address
from index.engine.collections import MilvusStore
from tests.support.fakes import article
from tests.support.milvus_cluster import CONTROL

TARGETS = ("faiss", "lite", "server")
URI = os.environ.get("MILVUS_URI", "")
REPLICAS = 2 if CONTROL in os.environ else 1
HOW_TO_START = "python -m tests.support.milvus_cluster -- python -m pytest tests/engine, or MILVUS_URI=http://HOST:PORT pytest tests/engine"


def missing_target(target: str) -> str:
    """Why a target cannot be had, "" when it can."""
    if target != "faiss" and find_spec("pymilvus") is None:
        return "pip install pymilvus (make setup ENGINE=1)"
    if target == "lite" and find_spec("milvus_lite") is None:
        return "pip install milvus-lite (make setup ENGINE=1)"
    return f"no server: {HOW_TO_START}" if target == "server" and not URI else ""


def server_address(name: str = "") -> Address:
    """The server's address with a name of collections that nobody else has."""
    name = name or f"test{secrets.token_hex(4)}"
    return read_address(URI.replace("http://", "milvus://") + f"/{name}", replicas=REPLICAS)


def drop_collections(store: MilvusStore) -> None:
    """Remove whatever a test made."""
    client, own = store.client, store.address.collection
    for name in client.names():
        if name.startswith((f"{own}__", f"{own}_files__")):
            if client.pointed(own) == name:
                client._call("drop_alias", own)
            client.drop(name)


def wait_until(true: object, seconds: float = 30) -> None:
    """Wait until a call without arguments is true."""
    assert callable(true)
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"not true within {seconds} s"
        time.sleep(0.1)


def ferry_articles(number: int, *, articles: int = 150) -> list[object]:
    """Articles that are ranked by the engine, not whole: more sentences than all are scored of."""
    return [
        article(
            f"a{one}",
            f"The ferry number{one} of state{number} sails from quay number{one % 13}. It cost {one} pounds.",
            f"Dredging the basin number{one % 29} took {one % 17} months. Nobody minded.",
            heading=f"Quay {one}",
        )
        for one in range(articles)
    ]
