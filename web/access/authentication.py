"""Authentication: one gate per value of `QA_ACCESS`, checked before the request body is read."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from web.access.credentials import FILE, Credential, Keyring, Kind
from web.access.rate_limits import GuessLimit
from web.access.sessions import Sessions, cookie_name
from web.http.client import Client, client_of
from web.http.problems import problem_response
from web.http.routes import LOGIN, Caller, local_path, root_path
from web.service_settings import Access, ServiceSettings

# scrypt takes 40 ms of a core and 16 MB a secret, and questions must be answered meanwhile.
_THREADS = 1
_MAX_WAITING = 20  # secrets
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_ADMIN_CHALLENGE = {"WWW-Authenticate": 'Basic realm="admin", charset="UTF-8"'}


class Authenticator:
    """State shared by login page and gate: credentials, sessions, and the limit on guesses."""

    def __init__(
        self,
        keyring: Keyring,
        *,
        sessions: Sessions | None = None,
        tries: GuessLimit | None = None,
        max_waiting: int = _MAX_WAITING,
    ) -> None:
        self.sessions = sessions or Sessions()
        self._keyring = keyring
        self._tries = tries or GuessLimit()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="access")
        self._max_waiting = max_waiting
        self._waiting = 0
        self._unfinished: dict[tuple[Kind, str, Client], asyncio.Task[Credential | int]] = {}

    async def authenticate(self, kind: Kind, secret: str, client: Client) -> Credential | int:
        """The credential of a secret, or else the seconds until the next try (0: at once).

        A secret that one client sends repeatedly while it is compared is one try: a program may open twenty
        connections with its right key at once.
        """
        attempt = (kind, secret, client)
        task = self._unfinished.get(attempt)
        if task is None:
            task = self._unfinished[attempt] = asyncio.create_task(self._authenticate(*attempt))
            task.add_done_callback(lambda _: self._unfinished.pop(attempt))
        return await asyncio.shield(task)

    async def _authenticate(self, kind: Kind, secret: str, client: Client) -> Credential | int:
        wait = self._tries.take(client)
        if wait:
            return wait
        result = self._keyring.cached(kind, secret) or await self._compare(kind, secret)
        if result != 0:
            self._tries.give_back(client)
        return result

    async def _compare(self, kind: Kind, secret: str) -> Credential | int:
        if self._waiting >= self._max_waiting:
            return 1
        self._waiting += 1
        try:
            future = self._threads.submit(self._keyring.authenticate, kind, secret)
            return await asyncio.wrap_future(future) or 0
        finally:
            self._waiting -= 1

    def has_session(self, request: Request) -> bool:
        """Whether the browser is logged in, by a credential that is still valid."""
        credential_id = self.sessions.credential_id(request.cookies.get(cookie_name(request.scope), ""))
        return bool(credential_id) and self._keyring.still_valid(credential_id)


class PasswordGate:
    """Passes browsers with a session and machines with a key (`QA_ACCESS=password`)."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def reject(self, scope: Scope, caller: Caller) -> Response | None:
        """401, 429 after too many wrong keys, or a redirect of browsers to the login page."""
        request = Request(scope)
        # The admin page checks its own key.
        if caller is not Caller.USER or self._authenticator.has_session(request):
            return None
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._by_key(key.strip(), client_of(scope))
        if scope["method"] in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            return _to_login(scope)
        return problem_response(401, "log in, or send `Authorization: Bearer KEY`", headers=_CHALLENGE)

    async def _by_key(self, key: str, client: Client) -> Response | None:
        result = await self._authenticator.authenticate(Kind.KEY, key, client)
        if isinstance(result, Credential):
            return None
        if result:
            message = f"too many wrong keys: try again in {result} seconds"
            return problem_response(429, message, headers={"Retry-After": str(result)})
        return problem_response(401, "there is no such key", headers=_CHALLENGE)


class ProxyGate:
    """Passes requests in which a trusted proxy names a user (`QA_ACCESS=proxy`)."""

    def __init__(self, addresses: tuple[str, ...], header: str) -> None:
        self._networks = tuple(map(ipaddress.ip_network, addresses))
        self._header = header

    async def reject(self, scope: Scope, caller: Caller) -> Response | None:
        """403 if the request does not come from the proxy, 401 if the proxy names no user."""
        if caller is Caller.PUBLIC:
            return None
        if not self._is_from_proxy(scope):
            return problem_response(403, "this service is reached through its proxy alone")
        users = Request(scope).headers.getlist(self._header)
        if len(users) != 1 or not users[0].strip():
            return problem_response(401, f"the proxy names nobody in {self._header}")
        return None

    def _is_from_proxy(self, scope: Scope) -> bool:
        try:
            address = ipaddress.ip_address(client_of(scope).peer)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


Gate = PasswordGate | ProxyGate
"""Decides which requests reach the app: `reject` returns None for one that may pass."""


def open_authenticator(settings: ServiceSettings) -> Authenticator | None:
    """With the credentials of the data folder, for `QA_ACCESS=password` alone. Raises AccessRefused."""
    return Authenticator(Keyring(settings.data / FILE)) if settings.access is Access.PASSWORD else None


def open_gate(settings: ServiceSettings, authenticator: Authenticator | None) -> Gate | None:
    """The gate of the value of `QA_ACCESS`; None lets everybody in."""
    if authenticator:
        return PasswordGate(authenticator)
    if settings.access is Access.PROXY:
        return ProxyGate(settings.trusted_proxies, settings.proxy_user_header)
    return None


def _to_login(scope: Scope) -> Response:
    query = scope["query_string"].decode("latin-1")
    target = local_path(scope) + (f"?{query}" if query else "")
    location = f"{root_path(scope)}{LOGIN}?next={quote(target, safe='')}"
    return RedirectResponse(location, 303, {"Cache-Control": "no-store"})


class AdminKey:
    """The key of `/admin` and `/metrics`: the password of HTTP Basic, with any user name; "" closes both."""

    def __init__(self, key: str, *, tries: GuessLimit | None = None) -> None:
        self._key = key
        self._tries = tries or GuessLimit()

    def check(self, request: Request) -> None:
        """Raises HTTPException unless the header `Authorization` holds the key."""
        if not self._key:
            raise HTTPException(404, "there is nothing at this address")
        client = client_of(request.scope)
        password = password_in_header(request.headers.get("Authorization", ""))
        wait = self._tries.wait(client) if password is None else self._tries.take(client)
        if wait:
            message = f"too many wrong keys: try again in {wait} seconds"
            raise HTTPException(429, message, headers={"Retry-After": str(wait)})
        if password is None or not _is_same(password, self._key):
            raise HTTPException(
                401, "give the key as the password, with any user name", headers=_ADMIN_CHALLENGE
            )
        self._tries.give_back(client)


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
