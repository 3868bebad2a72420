"""Outermost ASGI middleware: allowed Host headers, and which proxies may set the client address.

The address of the connection is saved (`web.http.client.PEER`) before a proxy's headers replace it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from web.access.middleware import reject
from web.errors import OpenToNetwork
from web.http.client import PEER, client_of
from web.http.problems import problem_response
from web.http.security_headers import SecurityHeaders
from web.service_settings import Access, ServiceSettings

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")


def outermost_middleware(app: ASGIApp, settings: ServiceSettings) -> ASGIApp:
    """Saves the peer's address, applies the headers of trusted proxies, and checks the host."""
    names = (*_LOOPBACK_NAMES, *map(_bracketed, (settings.host.lower(), *settings.hosts)))
    hosts = AllowedHosts(app, names, any_address=_is_any(settings.host))
    # uvicorn has its own, equivalent types of ASGI apps.
    forwarded = ProxyHeadersMiddleware(hosts, list(settings.trusted_proxies))  # type: ignore[arg-type]

    async def save_peer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope[PEER] = client_of(scope).peer
        await forwarded(scope, receive, send)  # type: ignore[arg-type]

    return save_peer


def exposure_warnings(settings: ServiceSettings) -> list[str]:
    """Warnings about who can reach the service. Raises OpenToNetwork."""
    if _is_loopback(settings.host):
        return []
    if settings.access is Access.OPEN:
        if not settings.open:
            raise OpenToNetwork(
                f"whoever reaches {settings.host} could read every article; set QA_ACCESS to password or "
                "proxy, or let everybody in with --open (QA_OPEN=1)"
            )
        return [f"Warning: whoever reaches {settings.host} can read every article (QA_OPEN)."]
    if settings.access is Access.PASSWORD:
        return ["Warning: passwords and keys cross the network unencrypted unless a proxy adds TLS."]
    return []


class AllowedHosts:
    """ASGI middleware that answers 400 to a Host header that does not name this service.

    A site whose name is made to resolve to this service would share its origin (DNS rebinding). An IP
    address cannot be rebound: with `any_address`, for a service that listens on all, each is allowed.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], *, any_address: bool = False) -> None:
        self._app = app
        self._names = frozenset(name for name in names if not name.startswith("*"))
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*"))
        self._any_address = any_address
        self._rejected = SecurityHeaders(_reject_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] == "lifespan" or self._is_allowed(Headers(scope=scope).getlist("host")):
            return await self._app(scope, receive, send)
        await self._rejected(scope, receive, send)

    def _is_allowed(self, headers: list[str]) -> bool:
        match = _HOST.fullmatch(headers[0].lower()) if len(headers) == 1 else None
        if not match:
            return False
        host = match.group(1)
        is_named = host in self._names or host.endswith(self._suffixes)
        return is_named or (self._any_address and _is_address(host))


async def _reject_host(scope: Scope, receive: Receive, send: Send) -> None:
    response = problem_response(400, "this Host header does not name the service: add the name to QA_HOSTS")
    await reject(response, scope, receive, send)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_any(host: str) -> bool:
    return not host or (_is_address(host) and ipaddress.ip_address(host).is_unspecified)
