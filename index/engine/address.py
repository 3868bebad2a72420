"""Parses QA_STORE, the address of a Milvus engine, and keeps its secrets out of every message.

milvus://host:19530/articles       a server or cluster, and the prefix of its collections
milvus+tls://host:19530/articles   the same, encrypted
folder/file.db                     Milvus Lite, in a file of this machine
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from index.errors import StoreRefused

COLLECTION = "pullquote"
"""Prefix of the collections if the address names none."""
MAX_REPLICAS = 16

_SERVER = re.compile(
    r"milvus(?P<tls>\+tls)?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/(?P<name>[^/?#]*))?"
)
# Milvus allows no other characters in a name; two underscores separate the prefix from the generation.
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,60}")
_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@")
_PORT = 19530
_ALLOWED = "give milvus://HOST:PORT/NAME, milvus+tls://HOST:PORT/NAME or a file that ends in .db"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Credentials of an engine; never printed.

    `token` is a token or "user:password"; `authority`, `certificate` and `key` are paths of PEM files.
    """

    token: str = field(default="", repr=False)
    authority: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)


NO_SECRETS = Secrets()


@dataclass(frozen=True, slots=True)
class Address:
    """An engine, the prefix of its collections, and the folder of the generations' files.

    `uri` goes to the client, `shown` into messages. Each collection is loaded `replicas` times. `files` is a
    folder that every server sees: a path or an fsspec address.
    """

    uri: str
    shown: str
    collection: str = COLLECTION
    tls: bool = False
    replicas: int = 1
    secrets: Secrets = field(default=NO_SECRETS, repr=False)
    files: str = ""

    @property
    def local(self) -> bool:
        """Whether this is a file of this machine."""
        return "://" not in self.uri


def is_address(text: str) -> bool:
    """Whether a text names an engine rather than a data folder."""
    return "://" in text or text.endswith(".db")


def read_address(text: str, secrets: Secrets = NO_SECRETS, *, replicas: int = 1, files: str = "") -> Address:
    """Parse an address: "milvus://10.0.0.7/articles" is port 19530 of that host.

    The files of a generation in Milvus Lite always lie beside its file: in "e.db.files" for "e.db".

    Raises StoreRefused: a malformed value. It may hold a password, so the message repeats nothing of it.
    """
    if not 1 <= replicas <= MAX_REPLICAS:
        raise StoreRefused(f"QA_STORE_REPLICAS must be a number from 1 to {MAX_REPLICAS}")
    if text.endswith(".db") and "://" not in text:
        return Address(text, Path(text).name, secrets=secrets, files=f"{text}.files")
    if "@" in text:
        raise StoreRefused("QA_STORE may hold no password: put user:password into QA_STORE_TOKEN")
    match = _SERVER.fullmatch(text)
    if not match:
        raise StoreRefused(f"QA_STORE names no engine; {_ALLOWED}")
    name, port = match["name"] or COLLECTION, int(match["port"] or _PORT)
    if not _NAME.fullmatch(name):
        raise StoreRefused("the name in QA_STORE may have letters, digits and single underscores only")
    if not 0 < port <= 65535:
        raise StoreRefused(f"the port in QA_STORE must be a number from 1 to 65535; {_ALLOWED}")
    _check_files(files)
    tls = bool(match["tls"])
    host = f"{match['host']}:{port}"
    shown = f"milvus{'+tls' if tls else ''}://{host}/{name}"
    uri = f"{'https' if tls else 'http'}://{host}"
    return Address(uri, shown, name, tls, replicas, secrets, files.rstrip("/"))


def _check_files(files: str) -> None:
    if not files:
        fact = "QA_STORE_FILES is not set: the files of an index lie in a folder that every server sees"
        raise StoreRefused(
            f"{fact}; give a path such as /mnt/pullquote, or an address such as s3://bucket/pullquote"
        )
    if _PASSWORD.search(files):
        raise StoreRefused(
            "QA_STORE_FILES may hold no password; use the credentials of the storage's own tools"
        )
