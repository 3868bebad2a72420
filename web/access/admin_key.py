"""The key of the admin page and of `/metrics`, by HTTP Basic: any user name, the key as password.

Wrong keys are limited per client network (`web.access.rate_limits`): a guesser elsewhere locks nobody out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from starlette.exceptions import HTTPException

from web.access.rate_limits import MAX_TRIES, TokenBuckets

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="admin", charset="UTF-8"'}


class AdminKey:
    """Accepts requests with the key; with the key "" there is no admin page."""

    def __init__(self, key: str, *, tries: TokenBuckets | None = None) -> None:
        self._key = key
        self._tries = tries or TokenBuckets(MAX_TRIES)

    def check(self, authorization: str, address: str) -> None:
        """Raises HTTPException unless the header `Authorization` holds the key; `address` is the client's."""
        if not self._key:
            raise HTTPException(404, "there is nothing at this address")
        password = password_in_header(authorization)
        wait = self._tries.wait(address) if password is None else self._tries.take(address)
        if wait:
            message = f"too many wrong keys: try again in {wait} seconds"
            raise HTTPException(429, message, headers={"Retry-After": str(wait)})
        if password is None or not _is_same(password, self._key):
            raise HTTPException(401, "give the key as the password, with any user name", headers=_CHALLENGE)
        self._tries.give_back(address)


def password_in_header(authorization: str) -> str | None:
    """The password in "Basic dXNlcjprZXk=", which is "key"; None if the header holds no password."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except ValueError:
        return None
    _, colon, password = decoded.partition(":")
    return password if colon else None


def _is_same(password: str, key: str) -> bool:
    """Compared in constant time: the time tells neither the key's length nor its first letters."""
    digests = (hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (password, key))
    return hmac.compare_digest(*digests)
