"""The key of the admin page, by HTTP Basic: any user name, the key as password.

Wrong keys are counted for everybody together, so that who changes addresses gets no more guesses. While too
many were wrong the right one is not looked at either: its success would tell a guesser as much.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import threading
import time
from collections import deque
from collections.abc import Callable

from starlette.exceptions import HTTPException

MOST_WRONG = 10
WITHIN = 60.0  # seconds
_ASK = {"WWW-Authenticate": 'Basic realm="admin", charset="UTF-8"'}


class AdminKey:
    """Lets in who knows the key; "" lets in nobody and says that there is no such page."""

    def __init__(self, key: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._key = key
        self._clock = clock
        self._wrong: deque[float] = deque(maxlen=MOST_WRONG)
        self._lock = threading.Lock()

    def check(self, authorization: str) -> None:
        """Raises HTTPException unless the header `Authorization` holds the key."""
        if not self._key:
            raise HTTPException(404, "there is nothing at this address")
        given = password(authorization)
        with self._lock:
            wait = self._wait()
            if wait:
                told = f"too many wrong keys: try again in {wait} seconds"
                raise HTTPException(429, told, headers={"Retry-After": str(wait)})
            if given is not None and _same(given, self._key):
                return
            if given is not None:
                self._wrong.append(self._clock())
        raise HTTPException(401, "give the key as the password, with any user name", headers=_ASK)

    def _wait(self) -> int:
        """Seconds until the oldest of too many wrong keys no longer counts."""
        if len(self._wrong) < MOST_WRONG:
            return 0
        return max(0, math.ceil(self._wrong[0] + WITHIN - self._clock()))


def password(authorization: str) -> str | None:
    """The password in "Basic dXNlcjprZXk=", which is "key"; None where there is none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except ValueError:
        return None
    _, colon, given = decoded.partition(":")
    return given if colon else None


def _same(given: str, key: str) -> bool:
    """Compared in a time that tells nothing, neither of the length nor of the first letters."""
    digests = (hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (given, key))
    return hmac.compare_digest(*digests)
