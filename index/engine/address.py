"""Where an engine is: what `QA_STORE` says, taken apart, and what must not be shown kept aside.

milvus://host:19530/articles       a server or a cluster, and the name that its collections begin with
milvus+tls://host:19530/articles   the same, encrypted
folder/file.db                     Milvus Lite, in a file of this machine
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from index.errors import StoreRefused

COLLECTION = "pullquote"
"""What collections are called where the address gives no name."""
MOST_REPLICAS = 16

_SERVER = re.compile(
    r"milvus(?P<tls>\+tls)?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/(?P<name>[^/?#]*))?"
)
# Milvus takes nothing else in a name, and two underscores divide it from the generation's.
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,60}")
_PORT = 19530
_WANTED = "give milvus://HOST:PORT/NAME, milvus+tls://HOST:PORT/NAME or a file that ends in .db"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an engine wants to know of who comes; never printed.

    `token` is a token, or "user:password"; `authority`, `certificate` and `key` are files.
    """

    token: str = field(default="", repr=False)
    authority: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)


NO_SECRETS = Secrets()


@dataclass(frozen=True, slots=True)
class Address:
    """An engine and the name of what is published there.

    `uri` is what the client is given, `shown` what people are. Each collection is held `replicas` times.
    """

    uri: str
    shown: str
    collection: str = COLLECTION
    tls: bool = False
    replicas: int = 1
    secrets: Secrets = field(default=NO_SECRETS, repr=False)

    @property
    def local(self) -> bool:
        """Whether it is a file of this machine."""
        return "://" not in self.uri


def is_address(written: str) -> bool:
    """Whether something names an engine, not a folder."""
    return "://" in written or written.endswith(".db")


def read_address(written: str, secrets: Secrets = NO_SECRETS, *, replicas: int = 1) -> Address:
    """Take an address apart: "milvus://10.0.0.7/articles" is port 19530 of that host.

    Raises:
        StoreRefused: it is none. It may hold a password, so nothing of it is repeated.
    """
    if not 1 <= replicas <= MOST_REPLICAS:
        raise StoreRefused(f"QA_STORE_REPLICAS is no number from 1 to {MOST_REPLICAS}; give one")
    if written.endswith(".db") and "://" not in written:
        return Address(written, Path(written).name, replicas=1, secrets=secrets)
    if "@" in written:
        raise StoreRefused("QA_STORE may hold no password: put user:password into QA_STORE_TOKEN")
    match = _SERVER.fullmatch(written)
    if not match:
        raise StoreRefused(f"QA_STORE names no engine; {_WANTED}")
    name, port = match["name"] or COLLECTION, int(match["port"] or _PORT)
    if not _NAME.fullmatch(name):
        raise StoreRefused(
            "the name in QA_STORE may have letters, digits and single underscores; give another"
        )
    if not 0 < port <= 65535:
        raise StoreRefused(f"the port in QA_STORE is no port; {_WANTED}")
    tls = bool(match["tls"])
    place = f"{match['host']}:{port}"
    shown = f"milvus{'+tls' if tls else ''}://{place}/{name}"
    uri = f"{'https' if tls else 'http'}://{place}"
    return Address(uri, shown, name, tls, replicas, secrets)
