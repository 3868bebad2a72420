"""Credentials of `QA_ACCESS=password`: shared passwords for people, a key for each machine.

A key is "NAME.SECRET": its name selects the digest to compare with. scrypt takes some 40 ms and 16 MB, so
accepted secrets are cached: as digests under a key that exists in this process alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from index.errors import Locked
from index.storage.durable_io import Disk, exclusive_lock
from web.errors import AccessRefused

FILE = "access.json"
FORMAT = 1
MIN_PASSWORD = 12
"""Characters of a password: at ten tries a minute, twelve that are no word resist guessing."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# RFC 7914, and the 16 MB that OpenSSL allows by default.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_SALT = 16  # bytes
_KEY = 32  # bytes
_MAX_SECRET = 1_000  # characters
_OTHERS = 0o077  # mode bits


class Kind(StrEnum):
    """A password goes into the login page, a key into the header `Authorization: Bearer`."""

    PASSWORD = "password"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Credential:
    """A name, the salted digest of its secret, and the day it was added (UTC)."""

    name: str
    kind: Kind
    salt: bytes
    digest: bytes
    added: str

    @property
    def credential_id(self) -> str:
        """Differs from the id of a later credential of the same name."""
        return hashlib.blake2b(self.salt + self.digest, digest_size=12).hexdigest()

    def matches(self, secret: str) -> bool:
        """Whether this is the secret; takes some 40 ms."""
        return hmac.compare_digest(_digest(secret, self.salt), self.digest)


_NOBODY = Credential("", Kind.KEY, secrets.token_bytes(_SALT), b"", "")


class Keyring:
    """The credentials of a file, read again whenever it changes, so that a removal takes effect at once.

    Raises AccessRefused: the file is missing, empty, readable by others, or not as it was written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._loaded_stamp = self._stamp()
        self._credentials = load(path)
        self._accepted: dict[bytes, Credential] = {}
        if not self._credentials:
            raise AccessRefused(path, "lets nobody in", "run `qa access add NAME`")

    def cached(self, kind: Kind, secret: str) -> Credential | None:
        """The credential of a secret that was accepted before as one of this kind."""
        self._refresh()
        return self._accepted.get(self._cache_key(kind, secret))

    def authenticate(self, kind: Kind, secret: str) -> Credential | None:
        """The credential of a secret; every password is tried in turn."""
        self._refresh()
        if len(secret) > _MAX_SECRET:
            return None
        match = next((each for each in self._candidates(kind, secret) if each.matches(secret)), None)
        with self._lock:
            if match is None or match not in self._credentials:  # removed meanwhile
                return None
            self._accepted[self._cache_key(kind, secret)] = match
        return match

    def still_valid(self, credential_id: str) -> bool:
        """Whether the credential with this id is still in the file."""
        self._refresh()
        return any(hmac.compare_digest(item.credential_id, credential_id) for item in self._credentials)

    def _candidates(self, kind: Kind, secret: str) -> list[Credential]:
        """Those to compare with. For an unknown name one that matches nothing, so that it takes as long."""
        name = secret.partition(".")[0]
        of_kind = [each for each in self._credentials if each.kind is kind]
        return [each for each in of_kind if kind is Kind.PASSWORD or each.name == name] or [_NOBODY]

    def _cache_key(self, kind: Kind, secret: str) -> bytes:
        content = secret[: _MAX_SECRET + 1].encode("utf-8", "replace")
        return hashlib.blake2b(content, key=self._secret, person=kind.encode(), digest_size=32).digest()

    def _refresh(self) -> None:
        stamp = self._stamp()
        if stamp == self._loaded_stamp:
            return
        with self._lock:
            try:
                self._credentials = load(self._path) if stamp else ()
            except AccessRefused:
                self._credentials = ()  # what cannot be read cannot vouch for anybody
            self._accepted = {}
            self._loaded_stamp = stamp

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size


def load(path: Path) -> tuple[Credential, ...]:
    """The credentials of a file, () without a file. Raises AccessRefused."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise AccessRefused(path, "may be read by others", f"run `chmod 600 {path}`")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise AccessRefused(path, f"has format {content['format']!r}", "use the release that wrote it")
        return tuple(map(_from_json, content["credentials"]))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise AccessRefused(path, f"cannot be read: {error.strerror}", "check its permissions") from error
    except (ValueError, KeyError, TypeError) as error:
        cure = "remove it and run `qa access add NAME`"
        raise AccessRefused(path, "is not as it was written", cure) from error


def add(path: Path, name: str, password: str | None = None) -> str:
    """Add a password, or without one a new key; returns the secret, which is stored nowhere.

    Raises AccessRefused: the name is taken or invalid, the password too short, the file not writable.
    """
    if not _NAME.fullmatch(name):
        cure = "use letters, digits, - and _, 40 at most"
        raise AccessRefused(path, f"takes no name such as {name!r}", cure)
    if password is not None and not MIN_PASSWORD <= len(password) <= _MAX_SECRET:
        cure = f"give {MIN_PASSWORD} or more"
        raise AccessRefused(path, f"takes no password of {len(password)} characters", cure)
    kind = Kind.KEY if password is None else Kind.PASSWORD
    secret = f"{name}.{secrets.token_urlsafe(_KEY)}" if password is None else password
    salt = secrets.token_bytes(_SALT)
    today = datetime.now(UTC).date().isoformat()
    with _locked(path):
        credentials = load(path)
        if any(credential.name == name for credential in credentials):
            raise AccessRefused(path, f"has {name} already", f"run `qa access remove {name}` first")
        _save(path, (*credentials, Credential(name, kind, salt, _digest(secret, salt), today)))
    return secret


def remove(path: Path, name: str) -> None:
    """Remove a credential. Raises AccessRefused: there is no such name, or the file cannot be written."""
    with _locked(path):
        credentials = load(path)
        others = tuple(credential for credential in credentials if credential.name != name)
        if others == credentials:
            raise AccessRefused(path, f"has no {name}", "run `qa access list`")
        _save(path, others)


def _save(path: Path, credentials: tuple[Credential, ...]) -> None:
    """Replace the file atomically, readable by its owner alone."""
    text = json.dumps({"format": FORMAT, "credentials": list(map(_to_json, credentials))}, indent=1)
    Disk().replace(path, text.encode(), mode=0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """A lock for writing, as of two commands at once one would undo the other. Raises AccessRefused."""
    try:
        Disk().make_data_folder(path.parent)
        with exclusive_lock(path.with_name(f"{path.name}.lock")):
            yield
    except Locked as error:
        raise AccessRefused(path, "is being written by another command", "wait until it ends") from error
    except OSError as error:
        raise AccessRefused(path, f"cannot be written: {error.strerror}", "check the folder") from error


def _digest(secret: str, salt: bytes) -> bytes:
    # Some keyboards send "é" as one character, others as two.
    normalised = unicodedata.normalize("NFC", secret)
    return hashlib.scrypt(normalised.encode("utf-8", "replace"), salt=salt, **_SCRYPT)


def _to_json(credential: Credential) -> dict[str, str]:
    return {
        "name": credential.name,
        "kind": credential.kind,
        "added": credential.added,
        "salt": base64.b64encode(credential.salt).decode(),
        "digest": base64.b64encode(credential.digest).decode(),
    }


def _from_json(fields: dict[str, str]) -> Credential:
    salt, digest = (base64.b64decode(fields[name], validate=True) for name in ("salt", "digest"))
    return Credential(fields["name"], Kind(fields["kind"]), salt, digest, fields["added"])
