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

MOST = 10
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
        most: int = MOST,
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
            return self._wait(self._tries.get(network(address)))

    def begin(self, address: str) -> int:
        """The same, and the try is counted when it is let in."""
        of = network(address)
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
        of = network(address)
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


def network(address: str) -> str:
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
