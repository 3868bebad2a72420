"""Connections whose request does not come: closed, so that a few slow clients cannot hold all there are.

uvicorn waits for ever for the first request of a connection, for the rest of one that has begun, and for
the end of a body that was refused unread. How long a body may take that is read is the guard's to say
(`web.guard`).
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""From a connection, or a later request's first byte, to the end of the headers; and for a refused body."""


class Connection(H11Protocol):
    """HTTP as uvicorn speaks it, with a time limit for request line and headers."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and wait for the rest of what has begun."""
        super().data_received(data)
        if not self._is_begun():
            self._stop()
        elif self._late is None:
            self._wait()

    def _is_begun(self) -> bool:
        """Whether a head is there in part, or a body goes on after its answer."""
        if self.conn.their_state is h11.SEND_BODY:
            return self.cycle.response_complete
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
