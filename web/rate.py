"""So many questions a minute from one address, where the settings say so; who asks more is told to wait.

Each address has a bucket that holds a minute's questions and fills evenly (a token bucket). Addresses are
kept in memory alone, those that asked last; one that is dropped had the longest time to fill up again.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from web.api import failure
from web.guard import local_path
from web.routes import PAGE_EVENTS

MINUTE = 60.0
MOST_ADDRESSES = 10_000
_LIMITED = frozenset(("/api/ask", PAGE_EVENTS, "/mcp"))
# What one household or office is given of IPv6: an address in it costs nothing.
_NETWORK_BITS = 64


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
            wait = self.wait(network(scope["client"][0] if scope.get("client") else ""))
            if wait:
                told = f"more than {self._limit} questions a minute: try again in {wait} seconds"
                return await failure(429, told, headers={"Retry-After": str(wait)})(scope, receive, send)
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


def network(client: str) -> str:
    """What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 one."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else f"{int(address) >> (128 - _NETWORK_BITS):x}"
    return str(address)
