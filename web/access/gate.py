"""Who is let in: a gate for each setting of `QA_ACCESS`, asked before anything of a request is done."""

from __future__ import annotations

import asyncio
import ipaddress
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from web.access.credentials import FILE, Credential, Keyring, Kind
from web.access.rate_limits import Throttle
from web.access.sessions import COOKIE, Sessions
from web.http.problems import problem_response
from web.http.routes import LOGIN, Caller
from web.settings import Access, Settings

PEER = "pullquote.peer"
"""Where a request's scope has the address that it came from, whatever its headers say of another."""

# Secrets looked at together: scrypt takes 40 ms of a core and 16 MB for each, and people are to be answered
# meanwhile.
_THREADS = 1
_WAITING = 20
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Gate(Protocol):
    """Lets requests in or says why not."""

    async def reject(self, scope: Scope, caller: Caller) -> Response | None:
        """The answer to a request that is not let in; None lets it in."""


class OpenGate:
    """Lets everybody in."""

    async def reject(self, scope: Scope, caller: Caller) -> Response | None:
        """None."""
        return None


class Authenticator:
    """What the login page and the gate share: credentials, sessions, and how often may be guessed."""

    def __init__(self, keyring: Keyring, *, throttle: Throttle | None = None) -> None:
        self.keyring = keyring
        self.sessions = Sessions()
        self.throttle = throttle or Throttle()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="access")
        self._waiting = 0

    async def authenticate(self, kind: Kind, secret: str, address: str) -> Credential | int:
        """The credential of a secret, or the seconds after which one may try again (0: at once)."""
        wait = self.throttle.begin(address)
        if wait or self._waiting >= _WAITING:
            return wait or 1
        self._waiting += 1
        try:
            looking = self._threads.submit(self.keyring.authenticate, kind, secret)
            found = await asyncio.wrap_future(looking)
        finally:
            self._waiting -= 1
        if found is None:
            return 0
        self.throttle.forgive(address)
        return found

    def has_session(self, request: Request) -> bool:
        """Whether the browser has logged in, by a credential that is still there."""
        mark = self.sessions.credential_id(request.cookies.get(COOKIE, ""))
        return bool(mark) and self.keyring.still_valid(mark)


class PasswordGate:
    """Lets in browsers that have logged in, and machines by their keys."""

    def __init__(self, door: Authenticator) -> None:
        self._authenticator = door

    async def reject(self, scope: Scope, caller: Caller) -> Response | None:
        """401 with what is missing, 429 after too many wrong keys, or the way to the login page."""
        request = Request(scope)
        # The admin page asks for its own key.
        if caller is not Caller.USER or self._authenticator.has_session(request):
            return None
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._by_key(key.strip(), client_address(scope))
        if scope["method"] in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            return _to_login(scope)
        return problem_response(401, "log in, or send `Authorization: Bearer KEY`", headers=_CHALLENGE)

    async def _by_key(self, key: str, client: str) -> Response | None:
        if self._authenticator.keyring.cached(key):
            return None
        found = await self._authenticator.authenticate(Kind.KEY, key, client)
        if isinstance(found, Credential):
            return None
        if found:
            told = f"too many wrong keys: try again in {found} seconds"
            return problem_response(429, told, headers={"Retry-After": str(found)})
        return problem_response(401, "there is no such key", headers=_CHALLENGE)


class ProxyGate:
    """Lets in whom a trusted proxy names, and nothing that comes from elsewhere."""

    def __init__(self, addresses: tuple[str, ...], header: str) -> None:
        self._networks = tuple(map(ipaddress.ip_network, addresses))
        self._header = header

    async def reject(self, scope: Scope, caller: Caller) -> Response | None:
        """403 for what does not come from the proxy, 401 when the proxy names nobody."""
        if caller is Caller.PUBLIC:
            return None
        if not self._from_proxy(scope):
            return problem_response(403, "this service is reached through its proxy alone")
        named = Request(scope).headers.getlist(self._header)
        if len(named) != 1 or not named[0].strip():
            return problem_response(401, f"the proxy names nobody in {self._header}")
        return None

    def _from_proxy(self, scope: Scope) -> bool:
        try:
            came_from = ipaddress.ip_address(peer_address(scope))
        except ValueError:
            return False
        if isinstance(came_from, ipaddress.IPv6Address) and came_from.ipv4_mapped:
            came_from = came_from.ipv4_mapped
        return any(came_from in network for network in self._networks)


def open_authenticator(settings: Settings) -> Authenticator | None:
    """The door of the setting `password`, with the credentials of the data folder. Raises AccessRefused."""
    return Authenticator(Keyring(settings.data / FILE)) if settings.access is Access.PASSWORD else None


def open_gate(settings: Settings, door: Authenticator | None) -> Gate:
    """The gate of the settings."""
    if door:
        return PasswordGate(door)
    if settings.access is Access.PROXY:
        return ProxyGate(settings.proxy_addresses, settings.proxy_user_header)
    return OpenGate()


def client_address(scope: Scope) -> str:
    """Of the client, as a trusted proxy tells it; "" where there is none."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def peer_address(scope: Scope) -> str:
    """The address at the other end of the connection."""
    return str(scope.get(PEER) or client_address(scope))


def _to_login(scope: Scope) -> Response:
    root = scope.get("root_path", "").rstrip("/")
    wanted = scope["path"].removeprefix(root) + (
        f"?{query}" if (query := scope["query_string"].decode("latin-1")) else ""
    )
    return RedirectResponse(
        f"{root}{LOGIN}?next={quote(wanted, safe='')}", 303, {"Cache-Control": "no-store"}
    )
