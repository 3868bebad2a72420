"""`GET /articles/{id}`: the whole canonical article with the cited passage marked.

It works without a script. A link names the passage twice, `?c=40-95#c=40-95`: the query lets the server mark
it, the fragment lets the browser scroll there; `reader.js` adds the query to a link with the fragment alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from corpus.article import Article
from qa.answer import Extract
from qa.assistant import Assistant
from qa.errors import QuestionError
from web.citations.quotation import web_address
from web.context import ServiceContext
from web.errors import StoreUnavailable, TooManyQuestions
from web.http.links import read_span, reader_link
from web.pages.answer import original_of

_OTHERS = 6
"""Extracts requested for the list of other passages; the cited one is usually among them."""
_BREAK = "\n\n"

Span = tuple[int, int]


def reader_routes(site: ServiceContext) -> APIRouter:
    """`GET /articles/{id}`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/articles/{identifier}")
    async def article(request: Request, identifier: str, c: str = "", q: str = "") -> HTMLResponse:
        assistant = site.answers.assistant
        article = await asyncio.to_thread(lambda: assistant.generation.facets.article(identifier))
        if article is None:
            return site.templates.page("article_gone.html", status=404, identifier=identifier)
        span = read_span(c)
        if span and span[1] > len(article.text):
            span = None
        question = q if _is_asked(request) else ""
        extracts = await _extracts(site, question, assistant)
        cited = (other for other in extracts if (other.article.id, other.answer) == (article.id, span))
        key = next((extract.key for extract in cited), None)
        others = [
            other
            for other in extracts
            if other.article.id != article.id or _overlap(other.answer, span) is None
        ]
        # In a thread, as a long article takes long to render.
        return await asyncio.to_thread(
            lambda: site.templates.page(
                "reader.html",
                article=article,
                paragraphs=list(marked_paragraphs(article, span, key)),
                # An article that does not begin with its title as a heading gets it above.
                starts_with_title=_title_span(article) is not None,
                mark=f"c={span[0]}-{span[1]}" if span else "",
                wrong_span=bool(c) and span is None,
                original=original_of(article.metadata),
                url=web_address(article.url),
                generation=assistant.generation.id,
                question=q,
                # Relative to this page.
                others=[
                    (reader_link(other.article.id, other.answer, question=q).removeprefix("articles/"), other)
                    for other in others
                ],
            )
        )

    return router


def _is_asked(request: Request) -> bool:
    """Whether a person, a program or this service asks: no image, frame or prefetch of another site."""
    headers = request.headers
    opened = headers.get("sec-fetch-dest") == "document" and "sec-purpose" not in headers
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none") or opened


async def _extracts(site: ServiceContext, question: str, assistant: Assistant) -> Sequence[Extract]:
    """Extracts that answer the question of a link; () where it cannot be asked now."""
    if not question:
        return ()
    try:
        reply = await site.answers.ask(question, _OTHERS, assistant=assistant)
    except (QuestionError, StoreUnavailable, TooManyQuestions):
        return ()
    return reply.answer.extracts


class MarkedParagraph(NamedTuple):
    """A paragraph or heading split at the cited passage; `id` is on the first mark alone.

    `key` is the span of the words within `marked` that answer by themselves.
    """

    tag: str
    before: str
    marked: str = ""
    after: str = ""
    id: str = ""
    key: Span | None = None


def marked_paragraphs(
    article: Article, span: Span | None = None, key: Span | None = None
) -> Iterator[MarkedParagraph]:
    """Every paragraph and heading of the article; links name the first mark's id, "c=40-95"."""
    id_ = f"c={span[0]}-{span[1]}" if span else ""
    text, title, headings = article.text, _title_span(article), frozenset(article.headings)
    for start, end in paragraphs(text):
        tag = "h2" if (start, end) in headings else "p"
        if (start, end) == title:
            tag = "h1"
        inside = _overlap((start, end), span)
        if inside is None:
            yield MarkedParagraph(tag, text[start:end])
            continue
        first, last = inside
        within = _overlap((first, last), key)
        bold = (within[0] - first, within[1] - first) if within else None
        yield MarkedParagraph(tag, text[start:first], text[first:last], text[last:end], id_, bold)
        id_ = ""


def paragraphs(text: str) -> Iterator[Span]:
    """Half-open spans of the paragraphs of a canonical text."""
    start = 0
    for paragraph in text.split(_BREAK):
        yield start, start + len(paragraph)
        start += len(paragraph) + len(_BREAK)


def _title_span(article: Article) -> Span | None:
    return article.headings[0] if article.headings and article.headings[0][0] == 0 else None


def _overlap(paragraph: Span, span: Span | None) -> Span | None:
    if span is None:
        return None
    start, end = max(paragraph[0], span[0]), min(paragraph[1], span[1])
    return (start, end) if start < end else None
