"""Addresses inside the service, relative to its root, so that a proxy may serve it under any path."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def reader_link(article: str, span: tuple[int, int] | None = None, *, question: str = "") -> str:
    """The reader's page of an article (by id), opened at a span: "articles/ab12?c=40-95#c=40-95".

    The query lets the server mark the span without a script, the fragment lets the browser scroll to it. With
    the question the reader lists what else answers it; private questions must not be passed.
    """
    cited = f"{span[0]}-{span[1]}" if span else ""
    query = urlencode({name: value for name, value in (("c", cited), ("q", question)) if value})
    parts = (f"articles/{quote(article, safe='')}", query and f"?{query}", cited and f"#c={cited}")
    return "".join(parts)


def read_span(text: str) -> tuple[int, int] | None:
    """The span in "40-95"; None for any other text, and for an empty or reversed span."""
    first, dash, last = text.partition("-")
    if not dash or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in (first, last)):
        return None
    span = int(first), int(last)
    return span if span[0] < span[1] else None
