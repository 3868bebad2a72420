"""What is noted of the request under way: an outcome, a generation; never a word of what a person typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Noted:
    """A request's id and the facts noted of it."""

    id: str = ""
    facts: dict[str, str] = field(default_factory=dict)


_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)


@contextmanager
def noting(identifier: str) -> Iterator[Noted]:
    """Inside the block, and in whatever runs in a copy of its context, `note` adds to what is given."""
    noted = Noted(identifier)
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def note(**facts: str) -> None:
    """Note something of the request under way; nothing happens outside of one."""
    noted = _noted.get()
    if noted:
        noted.facts.update(facts)


def request_id() -> str:
    """The id of the request under way, "" outside of one."""
    noted = _noted.get()
    return noted.id if noted else ""
