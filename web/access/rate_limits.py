"""How often a secret may be guessed: ten tries a minute from one address.

A try counts from its beginning, so that many at once are no way around; one that was right is taken back.
While too many were wrong the right secret is not looked at either: its success would tell a guesser as
much.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from web.http.problems import problem_response
from web.http.routes import PAGE_EVENTS, local_path

MAX_TRIES = 10
WITHIN = 60.0  # seconds
# About 10 MB of tries; who has more addresses than this makes the oldest forgotten.
ADDRESSES = 10_000
# A household or an office gets at least this much of IPv6: its single addresses cost nothing.
_PREFIX = 64


class Throttle:
    """Tries per client address, of the last `within` seconds."""

    def __init__(
        self,
        *,
        most: int = MAX_TRIES,
        within: float = WITHIN,
        addresses: int = ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._within = within
        self._addresses = addresses
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str) -> int:
        """Seconds until another try is let in from this address; 0 for now."""
        with self._lock:
            return self._wait(self._tries.get(client_network(address)))

    def begin(self, address: str) -> int:
        """The same, and the try is counted when it is let in."""
        of = client_network(address)
        with self._lock:
            wait = self._wait(self._tries.get(of))
            if not wait:
                self._tries.setdefault(of, deque(maxlen=self._most)).append(self._clock())
                self._tries.move_to_end(of)
                if len(self._tries) > self._addresses:
                    self._tries.popitem(last=False)
            return wait

    def forgive(self, address: str) -> None:
        """The last try from this address was right."""
        of = client_network(address)
        with self._lock:
            tries = self._tries.get(of)
            if tries:
                tries.pop()
            if not tries:
                self._tries.pop(of, None)

    def _wait(self, tries: deque[float] | None) -> int:
        if tries is None or len(tries) < self._most:
            return 0
        return max(0, math.ceil(tries[0] + self._within - self._clock()))


def client_network(address: str) -> str:
    """What counts as one address: that of IPv4, the first 64 bits of IPv6, another text as it is."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, _PREFIX), strict=False))
    return str(known)


MINUTE = 60.0
MOST_ADDRESSES = 10_000
_LIMITED = frozenset(("/api/ask", PAGE_EVENTS, "/mcp"))


class RateLimit:
    """ASGI middleware that answers 429 to an address that asks more than `limit` questions a minute."""

    def __init__(self, app: ASGIApp, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._limit = limit
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it here."""
        if scope["type"] == "http" and scope["method"] == "POST" and local_path(scope) in _LIMITED:
            wait = self.wait(client_network(scope["client"][0] if scope.get("client") else ""))
            if wait:
                told = f"more than {self._limit} questions a minute: try again in {wait} seconds"
                return await problem_response(429, told, headers={"Retry-After": str(wait)})(
                    scope, receive, send
                )
        await self._app(scope, receive, send)

    def wait(self, client: str) -> int:
        """Take a question out of a client's bucket; seconds to wait when it is empty, else 0."""
        now, each = self._clock(), MINUTE / self._limit
        left, at = self._buckets.pop(client, (float(self._limit), now))
        left = min(float(self._limit), left + (now - at) / each)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil(round((1 - left) * each, 6)))
