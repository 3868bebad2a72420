"""The client of a request: its address, as a trusted proxy forwards it, and that of its connection."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from starlette.types import Scope

PEER = "pullquote.peer"
"""Key of a request's scope: the address of its connection, whatever its headers name as the client's."""


class Client(NamedTuple):
    """Addresses, "" if there are none. Who may set `X-Forwarded-For` chooses `address`, but not `peer`."""

    address: str
    peer: str


CURRENT_CLIENT: ContextVar[Client | None] = ContextVar("client", default=None)
"""The client of the current request, None outside a request."""


def client_of(scope: Scope) -> Client:
    """The client of a request."""
    address = str(scope["client"][0]) if scope.get("client") else ""
    return Client(address, str(scope.get(PEER) or address))
