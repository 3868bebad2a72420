"""The key of the admin page, by HTTP Basic: any user name, the key as password.

Wrong keys are counted for each address (`web.access.rate_limits`), so that a guesser elsewhere keeps nobody out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from starlette.exceptions import HTTPException

from web.access.rate_limits import Throttle

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="admin", charset="UTF-8"'}


class AdminKey:
    """Lets in who knows the key; "" lets in nobody and says that there is no such page."""

    def __init__(self, key: str, *, throttle: Throttle | None = None) -> None:
        self._key = key
        self._throttle = throttle or Throttle()

    def check(self, authorization: str, address: str) -> None:
        """Raises HTTPException unless the header `Authorization` holds the key; `address` is the client's."""
        if not self._key:
            raise HTTPException(404, "there is nothing at this address")
        given = password_in_header(authorization)
        wait = self._throttle.wait(address) if given is None else self._throttle.begin(address)
        if wait:
            told = f"too many wrong keys: try again in {wait} seconds"
            raise HTTPException(429, told, headers={"Retry-After": str(wait)})
        if given is None or not _same(given, self._key):
            raise HTTPException(401, "give the key as the password, with any user name", headers=_CHALLENGE)
        self._throttle.forgive(address)


def password_in_header(authorization: str) -> str | None:
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
