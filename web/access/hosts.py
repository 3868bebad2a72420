"""What stands before the app in the running service: which names it is asked by, and whose word on a client
counts.

The address at the other end of the connection is kept (`web.access.gate.PEER`) before a proxy's headers take its
place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from web.access.gate import PEER, client_address
from web.errors import OpenToNetwork
from web.http.problems import problem_response
from web.http.security_headers import SecurityHeaders
from web.settings import Access, Settings

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")


def outermost_middleware(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The app behind all of this."""
    hosts = AllowedHosts(app, host_names(settings), any_address=_is_any(settings.host))
    # uvicorn's own types of an app are other names for the same.
    forwarded = ProxyHeadersMiddleware(hosts, list(settings.proxy_addresses))  # type: ignore[arg-type]
    return PeerAddress(forwarded)  # type: ignore[arg-type]


def host_names(settings: Settings) -> tuple[str, ...]:
    """This machine's own names, the one that is listened on, and those of `QA_HOSTS`."""
    return (*_LOOPBACK_NAMES, _bracketed(settings.host.lower()), *map(_bracketed, settings.hosts))


def exposure_warnings(settings: Settings) -> list[str]:
    """What whoever starts the service should know of who can reach it. Raises Unguarded."""
    if _is_loopback(settings.host):
        return []
    if settings.access is Access.OPEN:
        if not settings.open_to_all:
            raise OpenToNetwork(settings.host)
        return [f"Warning: whoever reaches {settings.host} can read every article (QA_OPEN)."]
    if settings.access is Access.PASSWORD:
        return ["Warning: passwords and keys go over the network as they are unless a proxy adds TLS."]
    return []


class PeerAddress:
    """ASGI middleware that keeps the address a request came from."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with the address."""
        if scope["type"] != "lifespan":
            scope[PEER] = client_address(scope)
        await self._app(scope, receive, send)


class AllowedHosts:
    """ASGI middleware that answers 400 to a name that is not this service's.

    A page of a site that makes its name lead here would be of the same origin as the service (DNS
    rebinding). An address in figures is no name: with `any_address`, for who listens on all of them, each
    will do.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], *, any_address: bool = False) -> None:
        self._app = app
        self._names = frozenset(name for name in names if not name.startswith("*"))
        self._ends = tuple(name[1:] for name in names if name.startswith("*"))
        self._any_address = any_address
        self._refused = SecurityHeaders(_reject_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it here."""
        if scope["type"] == "lifespan" or self._is_known(Headers(scope=scope).getlist("host")):
            return await self._app(scope, receive, send)
        await self._refused(scope, receive, send)

    def _is_known(self, given: list[str]) -> bool:
        written = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        if not written:
            return False
        host = written.group(1)
        named = host in self._names or host.endswith(self._ends)
        return named or (self._any_address and _is_address(host))


async def _reject_host(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    reply = problem_response(400, "the service is not asked by this name: QA_HOSTS lists those it has")
    await reply(scope, receive, send)


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
