"""Whether a page of another site made the browser send a request."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from web.routes import LOGIN, LOGOUT

# Nobody else's page logs a person in or out, listed or not.
_OURS_ALONE = (LOGIN, LOGOUT)


def is_foreign(scope: Scope, path: str, origins: Collection[str]) -> bool:
    """Whether a POST comes from a page that may not send any.

    A browser says where a page comes from in `Sec-Fetch-Site`, or else in `Origin`; no page can change
    either. What says neither is no browser.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin", "")
    if origin in origins and path not in _OURS_ALONE:
        return False
    told = headers.get("sec-fetch-site")
    if told:
        return told not in ("same-origin", "none")
    return bool(origin) and not _is_own(origin, headers.get("host", ""))


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin is the host that was asked; a proxy may have taken TLS off, so no scheme counts."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False
