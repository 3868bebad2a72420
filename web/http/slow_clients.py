"""Connections whose request does not come: closed, so that a few slow clients cannot hold all there are.

uvicorn waits for ever for the first request of a connection, for the rest of one that has begun, and for
the end of a body that was refused unread. How long a body may take that is read is the guard's to say
(`web.access.guard`). When there are too many, those that ask nothing make room: who connects and asks is answered,
however many only connect.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""From a connection, or a later request's first byte, to the end of the headers; and for a refused body."""
MAX_CONNECTIONS = 800
"""Connections at once. A process may often open 1,024 files, and the index needs some."""
BACKLOG = 64
"""Connections taken up at once, before any of them can be told to go."""


class Connection(H11Protocol):
    """HTTP as uvicorn speaks it, with a time limit for request line and headers, at most `MOST` at once."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._start_timer()
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and wait for the rest of what has begun."""
        super().data_received(data)
        if not self._awaits_more():
            self._stop_timer()
        elif self._head_timer is None:
            self._start_timer()

    def _awaits_more(self) -> bool:
        """Whether a head is there in part, or a body goes on after its answer."""
        if self.conn.their_state is h11.SEND_BODY:
            return self.cycle.response_complete
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_timer()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        """Close the one that has waited longest for a first request, else for the next: this one at last."""
        others = (one for one in self.connections if isinstance(one, Connection) and one is not self)
        ends = [(one, one._head_timer or one.timeout_keep_alive_task) for one in others]
        idle = [(one._head_timer is None, timer.when(), one) for one, timer in ends if timer]
        first = min(idle, key=lambda ranked: ranked[:2])[2] if idle else self
        self.connections.discard(first)
        first.timeout_keep_alive_handler()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
