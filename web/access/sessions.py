"""A browser that has logged in, told by a signed cookie: when it ends and which credential it goes back to.

The key of the signature lives as long as the process: a restart logs everybody out, and no file can be
stolen that would make cookies.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

COOKIE = "pullquote_session"
SESSION_SECONDS = 12 * 3600  # seconds: a working day
# Sessions that were ended before their time; each costs some 200 bytes.
_ENDED = 10_000
_WRITTEN = re.compile(r"([0-9]{1,12})\.([0-9a-f]{24})\.([0-9a-f]{16})\.([0-9a-f]{64})")


class Sessions:
    """Makes and reads the cookie's value, "EXPIRES.MARK.NONCE.SIGNATURE"."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._key = secrets.token_bytes(32)
        self._clock = clock
        self._ended: OrderedDict[str, None] = OrderedDict()

    def begin(self, mark: str) -> str:
        """The value for who has just shown the credential with this mark."""
        told = f"{int(self._clock()) + SESSION_SECONDS}.{mark}.{secrets.token_hex(8)}"
        return f"{told}.{self._signature(told)}"

    def credential_id(self, value: str) -> str:
        """The mark in a value of ours that has not ended; "" for every other."""
        written = _WRITTEN.fullmatch(value)
        if not written:
            return ""
        expires, mark, nonce, signature = written.groups()
        if not hmac.compare_digest(signature, self._signature(f"{expires}.{mark}.{nonce}")):
            return ""
        return mark if int(expires) > self._clock() and nonce not in self._ended else ""

    def end(self, value: str) -> None:
        """A copy of this cookie is good for nothing any more."""
        if self.credential_id(value):
            self._ended[value.split(".")[2]] = None
            if len(self._ended) > _ENDED:
                self._ended.popitem(last=False)

    def _signature(self, told: str) -> str:
        return hashlib.blake2b(told.encode(), key=self._key, digest_size=32).hexdigest()
