"""An article's canonical text as HTML, paragraph by paragraph, with a span of it marked."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.article import Article
from web.escape import escaped

_BREAK = "\n\n"


def marked_text(article: Article, span: tuple[int, int] | None = None) -> str:
    """Every paragraph and heading of the article; the first mark has the id "c=40-95" that links name."""
    title = article.headings[0] if article.headings and article.headings[0][0] == 0 else None
    parts, named = [], False
    for start, end in paragraphs(article.text):
        inside = _overlap((start, end), span)
        name = f' id="c={span[0]}-{span[1]}" tabindex="-1"' if span and inside and not named else ""
        named = named or bool(name)
        tag = "h1" if title == (start, end) else "h2" if (start, end) in article.headings else "p"
        parts.append(f"<{tag}>{_marked(article.text, (start, end), inside, name)}</{tag}>")
    return "".join(parts)


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Half-open spans of the paragraphs of a canonical text."""
    start = 0
    for paragraph in text.split(_BREAK):
        yield start, start + len(paragraph)
        start += len(paragraph) + len(_BREAK)


def _overlap(place: tuple[int, int], span: tuple[int, int] | None) -> tuple[int, int] | None:
    if span is None:
        return None
    start, end = max(place[0], span[0]), min(place[1], span[1])
    return (start, end) if start < end else None


def _marked(text: str, place: tuple[int, int], inside: tuple[int, int] | None, name: str) -> str:
    if inside is None:
        return escaped(text[slice(*place)])
    start, end = inside
    before, after = escaped(text[place[0] : start]), escaped(text[end : place[1]])
    return f"{before}<mark{name}>{escaped(text[start:end])}</mark>{after}"
