"""uvicorn protocol with timeouts for clients that send or read slowly (Slowloris) and a connection cap.

uvicorn waits without limit for a head, for the body of a rejected request, and for a client that does not
read. Over a cap of connections or unread bytes the slowest client is aborted: however many are slow, a client
that sends a request and reads the response is answered.
"""

from __future__ import annotations

import asyncio
import socket
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

BACKLOG = 64
"""Connections accepted at once, before any of them can be closed."""
# The kernel's own limit is 4 MB a connection, and what it holds of a response counts as read.
_KERNEL_BUFFER = 64 * 1024
# Bytes a second that a client reads at least: a sixth of a line of 50 kbit/s, as the kernel reports in steps.
_MIN_RATE = 1_000
# Bytes of requests that a client may send before their turn.
_MAX_PIPELINED = 64 * 1024


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, with a timeout for each time that the server waits for its client.

    The timer runs while headers or a body are incomplete, and while the transport holds unread bytes; a
    client that has read `seconds * _MIN_RATE` bytes when it fires gets another period.
    """

    seconds: ClassVar[float] = 10.0
    """For the headers or a rejected body, from the connection or the first byte; and between two reads."""
    most: ClassVar[int] = 800
    """Connections. A process may often open 1,024 files, and the index needs some."""
    most_unread: ClassVar[int] = 64 * 1024 * 1024
    """Bytes of responses that clients have not read, of all connections together."""

    _timer: asyncio.TimerHandle | None = None
    _unread = 0  # bytes that were unread when the timer started
    _is_completion_due = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the first request's timer; have `pause_writing` called once the kernel's buffer is full."""
        transport.set_write_buffer_limits(high=0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        super().connection_made(transport)
        self._start_timer()
        if len(self.connections) > self.most:
            self._abort_slowest(default=self)

    def data_received(self, data: bytes) -> None:
        """Process the data; the timer runs while a head or a body is incomplete."""
        super().data_received(data)
        if len(self.conn.trailing_data[0]) > _MAX_PIPELINED:
            self.transport.abort()
        elif not self.flow.write_paused:
            self._time_request()

    def pause_writing(self) -> None:
        """Time the client's reading. Nothing else is written until it has read all of it."""
        super().pause_writing()
        self._stop_timer()
        self._start_timer()
        if sum(item.transport.get_write_buffer_size() for item in self._all()) > self.most_unread:
            self._abort_slowest()

    def resume_writing(self) -> None:
        """Go on with the next request, which waited until the response was read."""
        super().resume_writing()
        self._stop_timer()
        self._time_request()
        if self._is_completion_due and self.cycle.response_complete:
            self.on_response_complete()

    def on_response_complete(self) -> None:
        """Begin the next pipelined request, not before the client has read this response."""
        self._is_completion_due = self.flow.write_paused
        if not self._is_completion_due:
            super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _time_request(self) -> None:
        """Keep the timer running while a head or a body is incomplete; otherwise stop it."""
        is_head_begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if not is_head_begun and self.conn.their_state is not h11.SEND_BODY:
            self._stop_timer()
        elif self._timer is None:
            self._start_timer()

    def _start_timer(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._timer = self.loop.call_later(self.seconds, self._on_timeout)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        # `web.access.middleware` times a body that is read.
        is_body_timed = self.conn.their_state is h11.SEND_BODY and not self.cycle.response_complete
        if self._read() >= self.seconds * _MIN_RATE or (not self._unread and is_body_timed):
            self._start_timer()
        else:
            self.transport.abort()

    def _read(self) -> int:
        """Bytes that the client has read since the timer started."""
        return self._unread - self.transport.get_write_buffer_size()

    def _all(self) -> list[Connection]:
        return [item for item in self.connections if isinstance(item, Connection)]

    def _abort_slowest(self, default: Connection | None = None) -> None:
        """Abort the client, this one excepted, that the server has waited for longest, else `default`.

        Bytes read count as time; connections idle between requests go last.
        """
        ranks = ((item._rank(), item) for item in self._all() if item is not self)
        ranked = [(rank, item) for rank, item in ranks if rank]
        slowest = min(ranked, key=lambda pair: pair[0])[1] if ranked else default
        if slowest:
            self.connections.discard(slowest)
            slowest.transport.abort()

    def _rank(self) -> tuple[bool, float] | None:
        """Sorts the slowest first; None while the client waits for the server."""
        timer = self._timer or self.timeout_keep_alive_task
        return (timer is not self._timer, timer.when() + self._read() / _MIN_RATE) if timer else None
