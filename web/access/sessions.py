"""Login sessions: a signed cookie with the id of the credential it was opened with.

The signing key exists in this process alone: a restart logs everybody out, and no stolen file makes cookies.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from itsdangerous import BadSignature, TimestampSigner
from starlette.types import Scope

from index.storage.lru import LruCache
from web.http.routes import root_path

_COOKIE = "pullquote_session"
SESSION_SECONDS = 12 * 3600
"""A working day."""
_MAX_LOGGED_OUT = 10_000  # sessions logged out before their end, some 200 bytes each


def cookie_name(scope: Scope) -> str:
    """Over TLS with a prefix that lets neither a sibling host nor plain HTTP set the cookie (RFC 6265bis).

    `__Host-` also asks for the path "/", which a service below another path does not have.
    """
    if scope["scheme"] != "https":
        return _COOKIE
    return ("__Secure-" if root_path(scope) else "__Host-") + _COOKIE


class _Signer(TimestampSigner):
    def __init__(self, clock: Callable[[], float]) -> None:
        # 48 bytes are whole base64 letters: a signature with another letter is another signature.
        super().__init__(secrets.token_bytes(32), digest_method=hashlib.sha384)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


class Sessions:
    """Makes and reads cookie values, "CREDENTIAL_ID.NONCE.TIME.SIGNATURE"."""

    def __init__(self, *, clock: Callable[[], float] = time.time, logged_out: int = _MAX_LOGGED_OUT) -> None:
        self._signer = _Signer(clock)
        self._logged_out: LruCache[str, bool] = LruCache(logged_out)

    def begin(self, credential_id: str) -> str:
        """The cookie value of a new session."""
        return self._signer.sign(f"{credential_id}.{secrets.token_hex(8)}").decode()

    def credential_id(self, value: str) -> str:
        """The credential of a current session; "" for any other value."""
        credential_id, nonce = self._read(value)
        return "" if self._logged_out.get(nonce) else credential_id

    def end(self, value: str) -> None:
        """Reject every copy of this cookie from now on."""
        credential_id, nonce = self._read(value)
        if credential_id:
            self._logged_out.update({nonce: True})

    def _read(self, value: str) -> tuple[str, str]:
        try:
            signed = self._signer.unsign(value, max_age=SESSION_SECONDS - 1)
        except BadSignature:
            return "", ""
        credential_id, nonce = signed.decode().split(".")
        return credential_id, nonce
