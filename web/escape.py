"""The one way of a text into HTML."""

from __future__ import annotations

from html import escape


def escaped(text: str) -> str:
    """The text so that a browser shows it as it is, between tags and inside a quoted attribute."""
    return escape(text, quote=True)
