"""Who is let in with `QA_ACCESS=password`: people by a shared password, machines by keys of their own.

Only scrypt digests are kept, in a file that its owner alone may read. A key is "NAME.SECRET": its name
tells which digest to compare with. As scrypt takes some 40 ms and 16 MB, a secret that was right is known
again by a digest under a key of this process, which is on no disk.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from index.storage.durable_io import Disk
from web.errors import AccessRefused

FILE = "access.json"
FORMAT = 1
MIN_PASSWORD = 12
"""Characters of a password: with ten tries a minute, twelve that are no word last."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# RFC 7914 and the 16 MB that OpenSSL takes without being asked.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_SALT = 16  # bytes
_KEY = 32  # bytes
_MAX_SECRET = 1_000  # characters of a secret that is looked at
_OTHERS_MODE = 0o077


class Kind(StrEnum):
    """What a credential is given as: in the login page, or in the header `Authorization: Bearer`."""

    PASSWORD = "password"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Credential:
    """A name, the salted digest of its secret, and the day it was made (UTC)."""

    name: str
    kind: Kind
    salt: bytes
    digest: bytes
    added: str

    @property
    def credential_id(self) -> str:
        """Tells this credential from a later one of the same name."""
        return hashlib.blake2b(self.salt + self.digest, digest_size=12).hexdigest()

    def matches(self, secret: str) -> bool:
        """Whether this is the secret; takes as long as scrypt does."""
        return hmac.compare_digest(_digest(secret, self.salt), self.digest)


class Keyring:
    """The credentials of a file, read again whenever it has changed: one that is removed ends at once.

    Raises:
        AccessRefused: the file is missing, holds nobody, may be read by others, or is not as it was written.
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

    def cached(self, secret: str) -> Credential | None:
        """The credential of a secret that was right before."""
        self._refresh()
        return self._accepted.get(self._cache_key(secret))

    def authenticate(self, kind: Kind, secret: str) -> Credential | None:
        """The credential of a secret; of several passwords each is tried."""
        self._refresh()
        if len(secret) > _MAX_SECRET:
            return None
        name = secret.partition(".")[0]
        tried = [
            one
            for one in self._credentials
            if one.kind is kind and (kind is Kind.PASSWORD or one.name == name)
        ]
        found = next((one for one in tried if one.matches(secret)), None)
        if found:
            with self._lock:
                if found in self._credentials:
                    self._accepted[self._cache_key(secret)] = found
        return found

    def still_valid(self, mark: str) -> bool:
        """Whether the credential with this mark is still there."""
        self._refresh()
        return any(hmac.compare_digest(one.credential_id, mark) for one in self._credentials)

    def _cache_key(self, secret: str) -> bytes:
        given = secret[: _MAX_SECRET + 1].encode("utf-8", "replace")
        return hashlib.blake2b(given, key=self._secret, digest_size=32).digest()

    def _refresh(self) -> None:
        stamp = self._stamp()
        if stamp == self._loaded_stamp:
            return
        with self._lock:
            try:
                self._credentials = load(self._path) if stamp else ()
            except AccessRefused:
                # Whoever was let in by what cannot be read is not let in.
                self._credentials = ()
            self._accepted = {}
            self._loaded_stamp = stamp

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size


def load(path: Path) -> tuple[Credential, ...]:
    """The credentials of a file, none when there is no file. Raises AccessRefused."""
    try:
        if path.stat().st_mode & _OTHERS_MODE:
            raise AccessRefused(path, "may be read by others", f"run `chmod 600 {path}`")
        written = json.loads(path.read_text(encoding="utf-8"))
        if written["format"] != FORMAT:
            raise AccessRefused(path, f"has format {written['format']!r}", "use the release that wrote it")
        return tuple(_from_json(one) for one in written["credentials"])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise AccessRefused(path, f"cannot be read: {error.strerror}", "mend that") from error
    except (ValueError, KeyError, TypeError) as error:
        raise AccessRefused(
            path, "is not as it was written", "remove it and run `qa access add NAME`"
        ) from error


def add(path: Path, name: str, password: str | None = None) -> str:
    """Let in by a password, or else by a key that is made here and returned, as it is kept nowhere.

    Raises AccessRefused: the name is taken or none, the password is too short, the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise AccessRefused(
            path, f"takes no name such as {name!r}", "use letters, digits, - and _, 40 at most"
        )
    known = load(path)
    if any(one.name == name for one in known):
        raise AccessRefused(path, f"has {name} already", f"run `qa access remove {name}` first")
    if password is not None and not MIN_PASSWORD <= len(password) <= _MAX_SECRET:
        raise AccessRefused(
            path, f"takes no password of {len(password)} characters", f"give {MIN_PASSWORD} or more"
        )
    kind = Kind.KEY if password is None else Kind.PASSWORD
    secret = f"{name}.{secrets.token_urlsafe(_KEY)}" if password is None else password
    salt = secrets.token_bytes(_SALT)
    today = datetime.now(UTC).date().isoformat()
    save(path, (*known, Credential(name, kind, salt, _digest(secret, salt), today)))
    return secret


def remove(path: Path, name: str) -> None:
    """Let in no more. Raises AccessRefused: there is no such name, or the file cannot be written."""
    known = load(path)
    kept = tuple(one for one in known if one.name != name)
    if kept == known:
        raise AccessRefused(path, f"has no {name}", "run `qa access list`")
    save(path, kept)


def save(path: Path, credentials: tuple[Credential, ...]) -> None:
    """Write the file anew, for its owner alone, in one step. Raises AccessRefused."""
    text = json.dumps({"format": FORMAT, "credentials": [_to_json(one) for one in credentials]}, indent=1)
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        Disk().sync_folder(path.parent)
    except FileExistsError as error:
        raise AccessRefused(new, "is being written by another command", "remove it if none runs") from error
    except OSError as error:
        raise AccessRefused(path, f"cannot be written: {error.strerror}", "mend that") from error


def _digest(secret: str, salt: bytes) -> bytes:
    # One keyboard sends "é" as one character, another as two.
    typed = unicodedata.normalize("NFC", secret)
    return hashlib.scrypt(typed.encode("utf-8", "replace"), salt=salt, **_SCRYPT)


def _to_json(one: Credential) -> dict[str, str]:
    coded = {"salt": base64.b64encode(one.salt).decode(), "digest": base64.b64encode(one.digest).decode()}
    return {"name": one.name, "kind": one.kind, "added": one.added, **coded}


def _from_json(written: dict[str, str]) -> Credential:
    salt, digest = (base64.b64decode(written[name], validate=True) for name in ("salt", "digest"))
    return Credential(written["name"], Kind(written["kind"]), salt, digest, written["added"])
