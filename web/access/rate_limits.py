"""Token buckets by client network: ten guesses of a secret a minute, and `QA_RATE` questions a minute.

A guess counts from its start, so parallel guesses do not evade the limit; a correct one is given back.
Correct secrets are also rejected while throttled, remembered ones too; accepting one would confirm the guess.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections.abc import Callable

from index.storage.lru import LruCache
from web.http.client import Client

MAX_TRIES = 10
"""Wrong secrets from one network at once, and per minute."""
MAX_PEER_TRIES = 100
"""The same for all networks that one address forwards."""
MINUTE = 60.0  # seconds
# Some 3 MB of buckets; with more networks than this the least recently used bucket is forgotten.
MAX_CLIENTS = 10_000
# A household or an office gets at least this prefix of IPv6: single addresses cost a guesser nothing.
_IPV6_PREFIX = 64


class TokenBuckets:
    """A bucket of `limit` tokens for each client network, refilled evenly once a minute. Thread-safe."""

    def __init__(
        self, limit: int, *, clients: int = MAX_CLIENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: LruCache[str, tuple[float, float]] = LruCache(clients)  # tokens, and when counted

    def wait(self, address: str) -> int:
        """Seconds until this client has a token; 0 if it has one now."""
        with self._lock:
            return self._seconds(self._tokens(client_network(address)))

    def take(self, address: str) -> int:
        """Take a token; returns 0, or without a token the seconds until there is one."""
        network = client_network(address)
        with self._lock:
            tokens = self._tokens(network)
            wait = self._seconds(tokens)
            if not wait:
                self._put(network, tokens - 1)
            return wait

    def give_back(self, address: str) -> None:
        """Return a token that was taken."""
        network = client_network(address)
        with self._lock:
            self._put(network, self._tokens(network) + 1)

    def _tokens(self, network: str) -> float:
        tokens, counted = self._buckets.get(network) or (self._limit, self._clock())
        # Rounded, or six seconds at a sixth of a token each would leave a client just below one token.
        return min(self._limit, round(tokens + (self._clock() - counted) * self._limit / MINUTE, 9))

    def _put(self, network: str, tokens: float) -> None:
        self._buckets.update({network: (min(self._limit, tokens), self._clock())})

    def _seconds(self, tokens: float) -> int:
        return 0 if tokens >= 1 else math.ceil(round((1 - tokens) * MINUTE / self._limit, 6))


def client_network(address: str) -> str:
    """An IPv4 address, the network of an IPv6 address ("2001:db8:1:2::/64"), any other text itself.

    A program of this machine may connect from each address of 127.0.0.0/8: they are one client.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    ipv4 = parsed if isinstance(parsed, ipaddress.IPv4Address) else parsed.ipv4_mapped
    if ipv4:
        return "127.0.0.0/8" if ipv4.is_loopback else str(ipv4)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))


class GuessLimit:
    """Wrong secrets a minute: `MAX_TRIES` of one network, `MAX_PEER_TRIES` of one connecting address.

    The second holds programs that may set `X-Forwarded-For`, and so guess from any number of addresses.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._networks = TokenBuckets(MAX_TRIES, clock=clock)
        self._peers = TokenBuckets(MAX_PEER_TRIES, clock=clock)

    def wait(self, client: Client) -> int:
        """Seconds until this client may guess; 0 if it may now."""
        return max(self._networks.wait(client.address), self._peers.wait(client.peer))

    def take(self, client: Client) -> int:
        """Count a guess; returns 0, or the seconds until this client may guess."""
        wait = self._peers.take(client.peer)
        if wait:
            return wait
        wait = self._networks.take(client.address)
        if wait:
            self._peers.give_back(client.peer)
        return wait

    def give_back(self, client: Client) -> None:
        """Uncount a guess that was right or not compared."""
        self._networks.give_back(client.address)
        self._peers.give_back(client.peer)
