"""uvicorn protocol with a header timeout and a connection cap (Slowloris protection).

uvicorn waits without limit for the first request of a connection, for the rest of a head that has begun, and
for the end of a body that was rejected unread. (`web.access.guard` limits the time of a body that is read.)
Over the cap, idle connections are closed, so that however many only connect, a client that sends a request is
answered.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""From the connection, or a later request's first byte, to the end of the headers or of a rejected body."""
MAX_CONNECTIONS = 800
"""A process may often open 1,024 files, and the index needs some."""
BACKLOG = 64
"""Connections accepted at once, before any of them can be closed."""


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, with a timeout for request line and headers and at most `MAX_CONNECTIONS`."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer of the first request."""
        super().connection_made(transport)
        self._start_timer()
        if len(self.connections) > MAX_CONNECTIONS:
            self._close_idlest()

    def data_received(self, data: bytes) -> None:
        """Process the data; the timer runs while a head or a rejected body is incomplete."""
        super().data_received(data)
        if not self._awaits_more():
            self._stop_timer()
        elif self._head_timer is None:
            self._start_timer()

    def _awaits_more(self) -> bool:
        """Whether a head is incomplete, or a body continues after its response."""
        if self.conn.their_state is h11.SEND_BODY:
            return self.cycle.response_complete
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _close_idlest(self) -> None:
        """Close the one that has waited longest for a first request, else for a later one, else this one."""
        others = [item for item in self.connections if isinstance(item, Connection) and item is not self]
        timers = [(item, item._head_timer or item.timeout_keep_alive_task) for item in others]
        idle = [(item._head_timer is None, timer.when(), item) for item, timer in timers if timer]
        idlest = min(idle, key=lambda ranked: ranked[:2])[2] if idle else self
        self.connections.discard(idlest)
        idlest.timeout_keep_alive_handler()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
