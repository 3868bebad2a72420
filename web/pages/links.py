"""Addresses inside the service, relative to its root, so that any path of a proxy may stand before them."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def reader_link(article: str, span: tuple[int, int] | None = None, *, question: str = "") -> str:
    """The reader's page of an article (by id), opened at a span: "articles/ab12?c=40-95#c=40-95".

    The query lets the server mark the span without a script, the fragment lets the browser scroll to it. A
    question comes along so that the reader can show what else answers it: not where questions are private.
    """
    cited = f"{span[0]}-{span[1]}" if span else ""
    asked = urlencode({name: value for name, value in (("c", cited), ("q", question)) if value})
    return (
        f"articles/{quote(article, safe='')}"
        + (f"?{asked}" if asked else "")
        + (f"#c={cited}" if cited else "")
    )


def read_span(written: str) -> tuple[int, int] | None:
    """The span in "40-95"; None for anything else, and for one that is empty or reversed."""
    first, dash, last = written.partition("-")
    if not dash or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in (first, last)):
        return None
    span = int(first), int(last)
    return span if span[0] < span[1] else None
